#include "admin/message_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

using Connections = std::vector<ConnectionRef>;  // empty: any

/// A name that no connection has.
constexpr ConnectionRef nobody{UINT64_MAX};

/// What an entity tag holds between its quotes (RFC 9110 section 8.8.3).
bool is_tag_char(char c) { return is_visible(c) ? c != '"' : static_cast<unsigned char>(c) >= 0x80; }

/// The connection that a strong tag names; `nobody` if it is none.
ConnectionRef connection_of(std::string_view tag) {
  std::uint64_t word = 0;
  (void)std::from_chars(tag.data(), tag.data() + tag.size(), word, 16);
  const ConnectionRef connection{word};
  return word != 0 && connection.text() == tag ? connection : nobody;
}

/// Takes the entity tag at the start of `text`. A weak one matches no connection (RFC 9110 section 8.8.3.2).
std::optional<ConnectionRef> take_tag(std::string_view& text) {
  const bool is_weak = text.starts_with("W/");
  if (is_weak) text.remove_prefix(2);
  if (!text.starts_with('"')) return std::nullopt;
  const std::size_t end = text.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view tag = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  if (!std::ranges::all_of(tag, is_tag_char)) return std::nullopt;
  return is_weak ? nobody : connection_of(tag);
}

/// `*`, which every connection matches, or a list of entity tags (RFC 9110 section 13.1.1), perhaps with empty elements (section 5.6.1).
std::optional<Connections> connections_of(std::string_view text) {
  if (text == "*") return Connections{};
  Connections connections;
  for (bool is_separated = true; !text.empty();) {
    if (text.front() == ',' || text.front() == ' ' || text.front() == '\t') {
      is_separated = is_separated || text.front() == ',';
      text.remove_prefix(1);
      continue;
    }
    const auto connection = std::exchange(is_separated, false) ? take_tag(text) : std::nullopt;
    if (!connection) return std::nullopt;
    if (*connection != nobody || connections.empty()) connections.push_back(*connection);
  }
  return connections.empty() ? std::nullopt : std::optional(std::move(connections));
}

/// As a member of a line has it: one, without quotes.
std::optional<Connections> member_connection_of(std::string_view text) {
  if (text == "*") return Connections{};
  return std::ranges::all_of(text, is_tag_char) ? std::optional(Connections{connection_of(text)}) : std::nullopt;
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
  bool is_list = false;  // may stand in several lines, which are one list
};

constexpr std::array fields{
    Field{"Ringgate-Ttl", Refusal::bad_ttl,
          [](std::string_view value, PushOptions& options) { return set(options.ttl_ns, ttl_of(value)); }},
    Field{"Ringgate-Coalesce-Key", Refusal::bad_coalesce_key,
          [](std::string_view value, PushOptions& options) { return set(options.coalesce_key, key_of(value)); }},
    Field{"Idempotency-Key", Refusal::bad_idempotency_key,
          [](std::string_view value, PushOptions& options) { return set(options.id, id_of(value)); }},
    Field{"If-Match", Refusal::bad_if_match,
          [](std::string_view value, PushOptions& options) { return set(options.only_to, connections_of(value)); }, true},
};

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
  return std::ranges::any_of(fields, [&request](const Field& field) { return request.count_fields(field.name) != 0; });
}

bool may_have_message_options(const Request& request) { return !request.query.empty() || has_message_fields(request); }

std::expected<PushOptions, Refusal> read_message_options(const Request& request) {
  PushOptions options;
  for (const Field& field : fields) {
    const std::size_t lines = request.count_fields(field.name);
    if (lines == 0) continue;
    const bool is_read = (lines == 1 || field.is_list) && field.read(request.list(field.name), options);
    if (!is_read) return std::unexpected(field.refusal);
  }
  if (request.query.empty()) return options;
  if (!read_parameter(request.query, "wait", options.wait, level_of)) return std::unexpected(Refusal::bad_wait);
  if (!read_parameter(request.query, "timeout", options.timeout_ns, timeout_of)) return std::unexpected(Refusal::bad_timeout);
  const auto is_known = [](const std::string& name, const std::string&) { return name == "wait" || name == "timeout"; };
  if (!each_parameter(request.query, is_known)) return std::unexpected(Refusal::bad_push_parameter);
  return options;
}

}  // namespace ringgate::admin
