#include "admin/content_type.h"

#include <algorithm>
#include <array>

#include "http/byte_class.h"

namespace ringgate::admin {
namespace {

using http::equals_ignoring_case;
using http::is_token;
using http::trim;

struct Parameter {
  std::string_view name;
  std::string_view value;  // without quotation marks; a backslash is not unescaped, since no charset has one
};

/// Takes the next parameter from `rest`, which begins after a semicolon. An empty one is legal (RFC 9110 section 5.6.6).
std::optional<Parameter> take_parameter(std::string_view& rest) {
  rest = trim(rest);
  if (rest.empty() || rest.front() == ';') return Parameter{};
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || !is_token(rest.substr(0, equals))) return std::nullopt;
  Parameter parameter{.name = rest.substr(0, equals)};
  rest.remove_prefix(equals + 1);
  if (!rest.starts_with('"')) {
    const std::size_t end = rest.find(';');
    parameter.value = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
    return is_token(parameter.value) ? std::optional(parameter) : std::nullopt;
  }
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2U : 1U;
  if (end >= rest.size()) return std::nullopt;
  parameter.value = rest.substr(1, end - 1);
  rest = trim(rest.substr(end + 1));
  return parameter;
}

/// The message type of a media type without parameters (RFC 9110 section 8.3.1; +json: RFC 6839 section 3.1).
std::optional<MessageType> message_type_by_name(std::string_view media_type) {
  const std::size_t slash = media_type.find('/');
  if (slash == std::string_view::npos || !is_token(media_type.substr(slash + 1))) return std::nullopt;
  const std::string_view type = media_type.substr(0, slash);
  const std::string_view subtype = media_type.substr(slash + 1);
  if (equals_ignoring_case(type, "text")) return MessageType::text;
  if (!equals_ignoring_case(type, "application")) return std::nullopt;
  if (equals_ignoring_case(subtype, "octet-stream")) return MessageType::binary;
  constexpr std::string_view suffix = "+json";
  const bool has_suffix =
      subtype.size() > suffix.size() && equals_ignoring_case(subtype.substr(subtype.size() - suffix.size()), suffix);
  return has_suffix || equals_ignoring_case(subtype, "json") ? std::optional(MessageType::text) : std::nullopt;
}

// IANA's names for UTF-8 and for its subset ASCII, and other names that clients send for them.
constexpr std::array<std::string_view, 15> utf8_names{
    "utf-8", "utf8",    "csutf8",         "utf_8",          "us-ascii", "ascii", "iso646-us",       "iso-ir-6",
    "us",    "csascii", "ansi_x3.4-1968", "ansi_x3.4-1986", "ibm367",   "cp367", "iso_646.irv:1991"};

bool is_utf8_name(std::string_view charset) {
  return std::ranges::any_of(utf8_names, [charset](std::string_view name) { return equals_ignoring_case(charset, name); });
}

}  // namespace

std::optional<MessageType> message_type_of(std::string_view content_type) {
  const std::size_t semicolon = content_type.find(';');
  const std::string_view media_type = trim(content_type.substr(0, semicolon));
  const auto type = message_type_by_name(media_type);
  if (!type) return std::nullopt;

  std::string_view rest = semicolon == std::string_view::npos ? std::string_view{} : content_type.substr(semicolon);
  while (!rest.empty()) {
    if (rest.front() != ';') return std::nullopt;
    rest.remove_prefix(1);
    const auto parameter = take_parameter(rest);
    if (!parameter) return std::nullopt;
    if (type == MessageType::text && equals_ignoring_case(parameter->name, "charset") && !is_utf8_name(parameter->value))
      return std::nullopt;
  }
  return type;
}

}  // namespace ringgate::admin
