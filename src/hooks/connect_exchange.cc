#include "hooks/connect_exchange.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "http/uri.h"

namespace ringgate::hooks {
namespace {

using Json = nlohmann::json;
using Fault = std::string_view;

bool names_a_credential(std::string_view parameter) {
  const std::string_view name = parameter.substr(0, parameter.find('='));
  return http::equal_when_decoded(name, "access_token") || http::equal_when_decoded(name, "signature");
}

Json tls_of(const std::optional<TlsFacts>& tls) {
  if (!tls) return nullptr;
  return {{"version", tls->version},
          {"cipher", tls->cipher},
          {"server_name", tls->server_name},
          {"client_common_name", tls->client_common_name}};
}

/// Reads the member `name` into `out` if it is there; false if it is of another type. `null` counts as not there.
template <typename Value>
bool read(const Json& object, const char* name, std::optional<Value>& out) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return true;
  if constexpr (std::is_same_v<Value, std::string>) {
    if (!found->is_string()) return false;
  } else if constexpr (std::is_same_v<Value, std::uint64_t>) {
    if (!found->is_number_unsigned()) return false;
  } else if constexpr (std::is_same_v<Value, std::int64_t>) {
    if (!found->is_number_integer()) return false;
  } else {
    if (!found->is_array() || !std::ranges::all_of(*found, [](const Json& item) { return item.is_string(); })) return false;
  }
  out = found->get<Value>();
  return true;
}

std::expected<UpgradeDecision, Fault> refusal_of(int status, const Json& answer) {
  UpgradeRefusal refusal{.status = static_cast<std::uint16_t>(status), .reason = "refused_by_hook"};
  std::optional<std::string> reason, detail;
  if (!read(answer, "reason", reason) || !read(answer, "detail", detail)) return std::unexpected("reason or detail is no text");
  const auto is_reason_character = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (reason && !reason->empty() && reason->size() <= 64 && std::ranges::all_of(*reason, is_reason_character))
    refusal.reason = *reason;
  if (detail && detail->size() <= 500) refusal.detail = *detail;
  return refusal;
}

std::expected<UpgradeDecision, Fault> accept_of(const Json& answer) {
  UpgradeAccept accept;
  if (!read(answer, "device_id", accept.device_id)) return std::unexpected("device_id is no text");
  if (!read(answer, "subprotocol", accept.subprotocol)) return std::unexpected("subprotocol is no text");
  if (!read(answer, "groups", accept.groups)) return std::unexpected("groups is no list of texts");
  if (!read(answer, "message_rate", accept.message_rate)) return std::unexpected("message_rate is no number");
  if (!read(answer, "byte_rate", accept.byte_rate)) return std::unexpected("byte_rate is no number");
  if (!read(answer, "expires_at", accept.expires_at)) return std::unexpected("expires_at is no number of seconds");
  return accept;
}

}  // namespace

std::string without_credentials(std::string_view query) {
  std::string kept;
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    if (names_a_credential(parameter)) continue;
    if (!kept.empty()) kept += '&';
    kept += parameter;
  }
  return kept;
}

std::string question_of(const UpgradeRequest& request, std::span<const std::string> field_names) {
  nlohmann::ordered_json question{{"device", request.device_id()},
                                  {"anonymous", request.is_anonymous()},
                                  {"conn", request.ref().text()},
                                  {"route", request.route()},
                                  {"path", request.path()},
                                  {"query", without_credentials(request.query())},
                                  {"remote", request.remote()},
                                  {"tls", tls_of(request.tls())},
                                  {"subprotocols", request.offered_subprotocols()}};
  auto fields = nlohmann::ordered_json::object();
  for (const std::string& name : field_names)
    if (const auto value = request.field(name)) fields[name] = *value;
  question["fields"] = std::move(fields);
  return question.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::expected<UpgradeDecision, std::string_view> decision_of(int status, std::string_view body) {
  if (status != 200 && status != 204 && status != 401 && status != 403)
    return std::unexpected("the status is none of 200, 204, 401 and 403");
  Json answer = Json::object();
  if (status == 200 || !body.empty()) answer = Json::parse(body, nullptr, false);
  if (status == 401 || status == 403) return refusal_of(status, answer.is_object() ? answer : Json::object());
  if (!answer.is_object()) return std::unexpected("the body is no JSON object");
  return accept_of(answer);
}

}  // namespace ringgate::hooks
