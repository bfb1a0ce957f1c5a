// The answer of a connect hook. Oracles: a decision has what a JSON library reads of the same text, nothing else, and texts that the gate may
// show; a device is let in by no status but 200 and 204, and by no text that is not an object; what was read and is written anew is
// read as the same.
//
// Input: byte 0 = the status, of a list (bits 0-2); then the body.
//
// Tests: src/hooks/connect_exchange.*
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "fuzz_case.h"
#include "hooks/connect_exchange.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using Json = nlohmann::json;

template <typename Value>
void require_member(const Json& answer, const char* name, const std::optional<Value>& value) {
  const bool is_there = answer.contains(name) && !answer.at(name).is_null();
  require(is_there == value.has_value(), "no member is lost, none is made");
  if (is_there) require(answer.at(name) == Json(*value), "a member is what a library reads");  // a library takes 5.0 for 5
}

Json written(const UpgradeAccept& accept) {
  Json answer = Json::object();
  if (accept.device_id) answer["device_id"] = *accept.device_id;
  if (accept.subprotocol) answer["subprotocol"] = *accept.subprotocol;
  if (accept.groups) answer["groups"] = *accept.groups;
  if (accept.message_rate) answer["message_rate"] = *accept.message_rate;
  if (accept.byte_rate) answer["byte_rate"] = *accept.byte_rate;
  if (accept.expires_at) answer["expires_at"] = *accept.expires_at;
  return answer;
}

void check(const UpgradeAccept& accept, int status, const Json& answer) {
  require(status == 200 || status == 204, "only these let a device in");
  require(answer.is_object(), "and only an object");
  require_member(answer, "device_id", accept.device_id);
  require_member(answer, "subprotocol", accept.subprotocol);
  require_member(answer, "groups", accept.groups);
  require_member(answer, "message_rate", accept.message_rate);
  require_member(answer, "byte_rate", accept.byte_rate);
  require_member(answer, "expires_at", accept.expires_at);
  const auto again = hooks::decision_of(200, written(accept).dump(-1, ' ', false, Json::error_handler_t::replace));
  require(again && std::holds_alternative<UpgradeAccept>(*again), "written anew it is a decision");
  require(written(std::get<UpgradeAccept>(*again)) == written(accept), "and the same");
}

void check(const UpgradeRefusal& refusal, int status) {
  require(status == 401 || status == 403, "these refuse");
  require(refusal.status == status, "with their status");
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  require(!refusal.reason.empty() && refusal.reason.size() <= 64 && std::ranges::all_of(refusal.reason, is_plain),
          "a reason is a word for programs");
  require(refusal.detail.size() <= 500, "a detail is short");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array<int, 8> statuses{200, 204, 401, 403, 0, 201, 302, 500};
  const int status = statuses[data[0] & 7];
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto decision = hooks::decision_of(status, body);
  if (!decision) {
    require(!decision.error().cause.empty(), "why not is said");
    return 0;
  }
  const Json answer = status == 204 && body.empty() ? Json::object() : Json::parse(body, nullptr, false);
  if (const auto* const accept = std::get_if<UpgradeAccept>(&*decision)) check(*accept, status, answer);
  else check(std::get<UpgradeRefusal>(*decision), status);
  return 0;
}
