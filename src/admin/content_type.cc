#include "admin/content_type.h"

#include "http/byte_class.h"

namespace ringgate::admin {
namespace {

using http::equals_ignoring_case;
using http::is_token;
using http::trim;

struct Parameter {
  std::string_view name;
  std::string_view
      value;  // without its quotation marks; a backslash in it is taken literally: no charset has one
};

/// Takes the next parameter from the front of `rest`, which begins behind a semicolon. An empty one is legal
/// (section 5.6.6).
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

}  // namespace

std::optional<MessageType> message_type_of(std::string_view content_type) {
  const std::size_t semicolon = content_type.find(';');
  const std::string_view media_type = trim(content_type.substr(0, semicolon));
  const bool is_text = equals_ignoring_case(media_type, "text/plain");
  if (!is_text && !equals_ignoring_case(media_type, "application/octet-stream")) return std::nullopt;

  std::string_view rest =
      semicolon == std::string_view::npos ? std::string_view{} : content_type.substr(semicolon);
  while (!rest.empty()) {
    if (rest.front() != ';') return std::nullopt;
    rest.remove_prefix(1);
    const auto parameter = take_parameter(rest);
    if (!parameter) return std::nullopt;
    if (is_text && equals_ignoring_case(parameter->name, "charset") &&
        !equals_ignoring_case(parameter->value, "utf-8"))
      return std::nullopt;
  }
  return is_text ? MessageType::text : MessageType::binary;
}

}  // namespace ringgate::admin
