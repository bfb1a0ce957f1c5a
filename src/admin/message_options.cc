#include "admin/message_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "admin/parameters.h"
#include "admin/query_number.h"
#include "base/limits.h"
#include "base/time.h"
#include "http/uri.h"

namespace ringgate::admin {
namespace {

bool is_visible(char c) { return c > ' ' && c <= '~'; }
bool is_printable(char c) { return c >= ' ' && c <= '~'; }

/// Whole seconds up to 2^63 - 1; more than ttl_seconds_max means as much.
std::optional<std::uint64_t> ttl_of(std::string_view text) {
  const auto seconds = parse_number(text);
  if (!seconds || *seconds > INT64_MAX) return std::nullopt;
  return std::min(*seconds, limits::ttl_seconds_max) * nanoseconds_per_second;
}

std::optional<std::string> key_of(std::string_view text) {
  if (text.empty() || text.size() > limits::message_key_bytes_max || !std::ranges::all_of(text, is_visible)) return std::nullopt;
  return std::string(text);
}

/// What the quoted field may hold.
std::optional<std::string> printable_of(std::string_view text) {
  if (text.empty() || text.size() > limits::message_key_bytes_max || !std::ranges::all_of(text, is_printable))
    return std::nullopt;
  return std::string(text);
}

/// A String of RFC 9651 section 3.3.3 without parameters, as draft-ietf-httpapi-idempotency-key-header has it, or the same without quotes.
std::optional<std::string> id_of(std::string_view text) {
  if (!text.starts_with('"')) return text.find_first_of("\",;\\") == std::string_view::npos ? key_of(text) : std::nullopt;
  std::string id;
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && (++at == text.size() || (text[at] != '"' && text[at] != '\\'))) return std::nullopt;
    if (!is_printable(text[at])) return std::nullopt;
    id += text[at];
  }
  if (at + 1 != text.size() || id.empty() || id.size() > limits::message_key_bytes_max) return std::nullopt;
  return id;
}

/// A name that no connection has.
constexpr ConnectionRef nobody{UINT64_MAX};

/// One entity tag (RFC 9110 section 8.8.3), or `*`, which every connection matches. A weak tag, and a strong one that is no connection,
/// match none.
std::optional<ConnectionRef> connection_of(std::string_view text) {
  if (text == "*") return ConnectionRef{};
  const bool is_weak = text.starts_with("W/");
  if (is_weak) text.remove_prefix(2);
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  if (!std::ranges::all_of(text, is_visible) || text.contains('"')) return std::nullopt;
  std::uint64_t word = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
  const ConnectionRef connection{word};
  const bool names_one = !is_weak && error == std::errc{} && word != 0 && connection.text() == text;
  return names_one && end == text.data() + text.size() ? connection : nobody;
}

/// As a member of a line has it: without quotes.
std::optional<ConnectionRef> member_connection_of(std::string_view text) {
  return connection_of(text == "*" ? std::string(text) : '"' + std::string(text) + '"');
}

std::optional<PushLevel> level_of(std::string_view text) {
  for (const PushLevel level : {PushLevel::queued, PushLevel::sent, PushLevel::acked, PushLevel::ponged})
    if (text == name_of(level)) return level;
  return std::nullopt;
}

/// "500ms", "5s".
std::optional<std::uint64_t> timeout_of(std::string_view text) {
  std::uint64_t unit = 0;
  if (text.ends_with("ms")) unit = nanoseconds_per_millisecond;
  else if (text.ends_with('s')) unit = nanoseconds_per_second;
  else return std::nullopt;
  text.remove_suffix(unit == nanoseconds_per_second ? 1 : 2);
  const auto number = parse_number(text);
  const std::uint64_t most = limits::push_timeout_seconds_max * nanoseconds_per_second;
  if (!number || *number == 0 || *number > most / unit) return std::nullopt;
  return *number * unit;
}

/// Sets `out` from the parameter `name`, if it is given; false if it is not valid.
template <typename Value, typename Read>
bool read_parameter(std::string_view query, std::string_view name, Value& out, Read read) {
  const http::QueryParameter parameter = http::query_parameter(query, name);
  if (parameter.presence == http::QueryParameter::Presence::absent) return true;
  if (parameter.presence == http::QueryParameter::Presence::conflicting) return false;
  const auto value = read(parameter.value);
  if (value) out = *value;
  return value.has_value();
}

template <typename Value, typename Text>
bool set(Value& out, std::optional<Text> value) {
  if (value) out = std::move(*value);
  return value.has_value();
}

struct Field {
  std::string_view name;
  Refusal refusal;
  bool (*read)(std::string_view value, PushOptions& options);
};

constexpr std::array fields{
    Field{"Ringgate-Ttl", Refusal::bad_ttl,
          [](std::string_view value, PushOptions& options) { return set(options.ttl_ns, ttl_of(value)); }},
    Field{"Ringgate-Coalesce-Key", Refusal::bad_coalesce_key,
          [](std::string_view value, PushOptions& options) { return set(options.coalesce_key, key_of(value)); }},
    Field{"Idempotency-Key", Refusal::bad_idempotency_key,
          [](std::string_view value, PushOptions& options) { return set(options.id, id_of(value)); }},
    Field{"If-Match", Refusal::bad_if_match,
          [](std::string_view value, PushOptions& options) { return set(options.only_to, connection_of(value)); }},
};

const Field* find_field(std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : found;
}

}  // namespace

std::optional<Refusal> set_line_option(PushOptions& options, std::size_t index, std::string_view value) {
  const auto refusal_unless = [](bool is_set, Refusal refusal) { return is_set ? std::nullopt : std::optional(refusal); };
  switch (index) {
    case 0: return refusal_unless(set(options.ttl_ns, ttl_of(value)), Refusal::bad_ttl);
    case 1: return refusal_unless(set(options.coalesce_key, key_of(value)), Refusal::bad_coalesce_key);
    case 2: return refusal_unless(set(options.id, printable_of(value)), Refusal::bad_idempotency_key);
    case 3: return refusal_unless(set(options.only_to, member_connection_of(value)), Refusal::bad_if_match);
    case 4: return refusal_unless(set(options.wait, level_of(value)), Refusal::bad_wait);
    default: return refusal_unless(set(options.timeout_ns, timeout_of(value)), Refusal::bad_timeout);
  }
}

bool has_message_fields(const Request& request) {
  return std::ranges::any_of(request.fields, [](const auto& field) { return find_field(field.first) != nullptr; });
}

bool may_have_message_options(const Request& request) { return !request.query.empty() || has_message_fields(request); }

std::expected<PushOptions, Refusal> read_message_options(const Request& request) {
  PushOptions options;
  for (const auto& [name, value] : request.fields) {
    const Field* const field = find_field(name);
    if (field == nullptr) continue;
    if (request.count_fields(name) > 1 || !field->read(value, options)) return std::unexpected(field->refusal);
  }
  if (request.query.empty()) return options;
  if (!read_parameter(request.query, "wait", options.wait, level_of)) return std::unexpected(Refusal::bad_wait);
  if (!read_parameter(request.query, "timeout", options.timeout_ns, timeout_of)) return std::unexpected(Refusal::bad_timeout);
  const auto is_known = [](const std::string& name, const std::string&) { return name == "wait" || name == "timeout"; };
  if (!each_parameter(request.query, is_known)) return std::unexpected(Refusal::bad_push_parameter);
  return options;
}

}  // namespace ringgate::admin
