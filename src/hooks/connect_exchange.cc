#include "hooks/connect_exchange.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <nlohmann/json.hpp>
#include <utility>

#include "http/uri.h"

namespace ringgate::hooks {
namespace {

using Json = nlohmann::json;

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

/// Nothing if it is no whole number, or one that `Value` does not hold. It may be written as 5.0 or 1e3 where a double is exact.
template <std::integral Value>
std::optional<Value> whole_number_of(const Json& json) {
  constexpr double exact_max = (1LL << 53U) - 1;
  const auto fitting = [](auto number) { return std::in_range<Value>(number) ? std::optional<Value>(number) : std::nullopt; };
  if (json.is_number_unsigned()) return fitting(json.get<std::uint64_t>());
  if (json.is_number_integer()) return fitting(json.get<std::int64_t>());
  if (!json.is_number_float()) return std::nullopt;
  const auto number = json.get<double>();
  if (std::trunc(number) != number || std::abs(number) > exact_max) return std::nullopt;
  return fitting(static_cast<std::int64_t>(number));
}

/// Reads the member `name` into `out` if it is there; false if its value is of another type. `null` counts as not there.
template <typename Value>
bool read(const Json& object, const char* name, std::optional<Value>& out) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return true;
  if constexpr (std::integral<Value>) {
    out = whole_number_of<Value>(*found);
    return out.has_value();
  } else {
    const auto is_text = [](const Json& item) { return item.is_string(); };
    const bool fits =
        std::is_same_v<Value, std::string> ? is_text(*found) : found->is_array() && std::ranges::all_of(*found, is_text);
    if (fits) out = found->get<Value>();
    return fits;
  }
}

/// A reason or a detail that cannot be shown is left out: the device is refused all the same.
UpgradeRefusal refusal_of(int status, const Json& answer) {
  UpgradeRefusal refusal{.status = static_cast<std::uint16_t>(status), .reason = "refused_by_hook"};
  std::optional<std::string> reason, detail;
  read(answer, "reason", reason);
  read(answer, "detail", detail);
  const auto is_reason_character = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (reason && !reason->empty() && reason->size() <= 64 && std::ranges::all_of(*reason, is_reason_character))
    refusal.reason = *reason;
  if (detail && detail->size() <= 500) refusal.detail = *detail;
  return refusal;
}

std::expected<UpgradeDecision, HookFault> accept_of(const Json& answer) {
  UpgradeAccept accept;
  const auto fault = [](std::string_view cause) { return std::unexpected(HookFault{cause, true}); };
  if (!read(answer, "device_id", accept.device_id)) return fault("device_id is no text");
  if (!read(answer, "subprotocol", accept.subprotocol)) return fault("subprotocol is no text");
  if (!read(answer, "groups", accept.groups)) return fault("groups is no list of texts");
  if (!read(answer, "message_rate", accept.message_rate)) return fault("message_rate is no whole number");
  if (!read(answer, "byte_rate", accept.byte_rate)) return fault("byte_rate is no whole number");
  if (!read(answer, "expires_at", accept.expires_at)) return fault("expires_at is no whole number of seconds");
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

std::expected<UpgradeDecision, HookFault> decision_of(int status, std::string_view body) {
  if (status != 200 && status != 204 && status != 401 && status != 403)
    return std::unexpected(HookFault{"the status is none of 200, 204, 401 and 403"});
  Json answer = Json::object();
  if (status == 200 || !body.empty()) answer = Json::parse(body, nullptr, false);
  if (status == 401 || status == 403) return refusal_of(status, answer.is_object() ? answer : Json::object());
  if (!answer.is_object()) return std::unexpected(HookFault{"the body is no JSON object"});
  return accept_of(answer);
}

}  // namespace ringgate::hooks
