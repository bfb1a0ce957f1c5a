#include "dispatch/upgrade_answer.h"

#include <algorithm>
#include <array>

#include "admission/presented.h"
#include "base/limits.h"
#include "http/byte_class.h"
#include "ringgate/bytes.h"
#include "ringgate/device_id.h"
#include "ws/rejection.h"
#include "ws/utf8.h"

namespace ringgate::dispatch {
namespace {

constexpr std::size_t reason_chars_max = 64;
constexpr std::size_t detail_bytes_max = 500;
constexpr std::string_view general_detail = "This device may not connect.";

/// The gate writes these itself, or they would change how the answer is read.
bool is_gates_own(std::string_view name) {
  constexpr std::array<std::string_view, 7> names{"Connection", "Upgrade", "Transfer-Encoding", "Trailer", "Keep-Alive",
                                                  "Date",       "TE"};
  constexpr std::array<std::string_view, 2> prefixes{"Sec-WebSocket-", "Content-"};
  const auto begins = [name](std::string_view prefix) {
    return http::equals_ignoring_case(name.substr(0, prefix.size()), prefix);
  };
  return std::ranges::any_of(names, [name](std::string_view own) { return http::equals_ignoring_case(name, own); }) ||
         std::ranges::any_of(prefixes, begins);
}

bool is_field_value(std::string_view value) {
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7F'; };
  if (std::ranges::any_of(value, is_control)) return false;
  const auto is_blank_at = [](char c) { return http::is_blank(static_cast<std::uint8_t>(c)); };
  return value.empty() || (!is_blank_at(value.front()) && !is_blank_at(value.back()));
}

/// As the inside of a JSON string. Control characters become spaces.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result;
}

bool is_reason(std::string_view reason) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !reason.empty() && reason.size() <= reason_chars_max && std::ranges::all_of(reason, fits);
}

}  // namespace

std::expected<std::string, VerdictFault> field_lines(std::span<const AnswerField> fields) {
  std::string lines;
  for (const AnswerField& field : fields) {
    if (!http::is_token(field.name)) return std::unexpected{"the name of a field is not a token"};
    if (is_gates_own(field.name)) return std::unexpected{"a field is the gate's own"};
    if (!is_field_value(field.value))
      return std::unexpected{"the value of a field has control characters or white space around it"};
    if (lines.size() + field.name.size() + field.value.size() + 4 > limits::answer_fields_bytes_max)
      return std::unexpected{"the fields are too long"};
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return lines;
}

std::string with_demanded_fields(std::uint16_t status, std::string_view lines, std::string_view challenges) {
  struct Demand {
    std::uint16_t status;
    std::string_view name, lines;
  };
  const std::array<Demand, 3> demands{{{401, "WWW-Authenticate", challenges},
                                       {405, "Allow", http::rejection_fields::allow_get},
                                       {426, "Upgrade", ws::rejection_fields::upgrade}}};
  std::string all(lines);
  const auto demand = std::ranges::find(demands, status, &Demand::status);
  if (demand == demands.end()) return all;
  for (std::string_view rest = lines; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1))
    if (http::equals_ignoring_case(rest.substr(0, rest.find(':')), demand->name)) return all;
  return all.append(demand->lines);
}

std::vector<std::string_view> offered_subprotocols(const http::RequestView& request) {
  std::vector<std::string_view> names;
  http::ListReader offers{request, "Sec-WebSocket-Protocol"};
  while (const auto offer = offers.next())
    if (!offer->starts_with(admission::token_subprotocol_prefix)) names.push_back(*offer);
  return names;
}

std::expected<std::string_view, VerdictFault> offered_subprotocol(const http::RequestView& request, std::string_view name) {
  if (name.empty()) return std::string_view{};
  for (const std::string_view offer : offered_subprotocols(request))
    if (offer == name) return offer;
  return std::unexpected{"the client does not offer the subprotocol"};
}

std::expected<void, VerdictFault> check_device_id(std::string_view id, IdCharacters characters) {
  if (!is_valid_device_id(id, characters)) return std::unexpected{"the device id is not valid"};
  if (id.starts_with(anonymous_id_prefix)) return std::unexpected{"only the gate gives ids that begin with anon-"};
  return {};
}

std::expected<void, VerdictFault> apply_terms(UpgradeAccept& told, admission::Admission& admission) {
  if (!told.groups && !told.message_rate && !told.byte_rate && !told.expires_at) return {};
  const auto is_group = [](const std::string& name) {
    return !name.empty() && name.size() <= limits::jwt_group_bytes_max && ws::valid_utf8(bytes_of(name));
  };
  if (told.groups && (told.groups->size() > limits::jwt_groups_count_max || !std::ranges::all_of(*told.groups, is_group)))
    return std::unexpected{"there are too many groups, or the name of one is not valid"};
  if (told.message_rate.value_or(0) > limits::rate_per_second_max || told.byte_rate.value_or(0) > limits::rate_per_second_max)
    return std::unexpected{"a rate is too large"};
  if (!admission.grant) admission.grant.emplace();
  auth::Grant& grant = *admission.grant;
  if (told.groups) grant.groups = std::move(*told.groups);
  if (told.message_rate) grant.message_rate = told.message_rate;
  if (told.byte_rate) grant.byte_rate = told.byte_rate;
  if (told.expires_at) grant.expires_at = std::min(grant.expires_at, *told.expires_at);
  return {};
}

RefusalAnswer::RefusalAnswer(const UpgradeRefusal& refusal)
    : status_(refusal.status),
      reason_(refusal.reason),
      detail_(escaped(refusal.detail)),
      fields_(field_lines(refusal.fields)),
      detail_fits_(refusal.detail.size() <= detail_bytes_max && ws::valid_utf8(bytes_of(refusal.detail))) {}

std::expected<http::RejectionFacts, VerdictFault> RefusalAnswer::facts() const {
  if (status_ < 400 || status_ > 599) return std::unexpected{"the status is not from 400 to 599"};
  if (!is_reason(reason_)) return std::unexpected{"the reason is not 1 to 64 characters of [a-z0-9_]"};
  if (!detail_fits_) return std::unexpected{"the detail is not UTF-8, or too long"};
  if (!fields_) return std::unexpected{fields_.error()};
  return http::RejectionFacts{status_, reason_, detail_.empty() ? general_detail : std::string_view{detail_}, *fields_};
}

}  // namespace ringgate::dispatch
