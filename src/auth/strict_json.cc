#include "auth/strict_json.h"

#include <jansson.h>

#include <new>

#include "base/limits.h"

namespace ringgate::auth {
namespace {

/// jansson allows 2,048 levels, each of which is a few calls on the stack. In what is no JSON the count may be wrong; that is refused anyway.
bool is_nested_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    else if (in_string && c == '\\') ++i;
    else if (in_string) continue;
    else if ((c == '{' || c == '[') && ++depth > limits::json_depth_max) return true;
    else if ((c == '}' || c == ']') && depth > 0) --depth;
  }
  return false;
}

}  // namespace

void JsonFreed::operator()(json_t* value) const { json_decref(value); }

std::expected<JsonPtr, JsonFault> parse_object(std::string_view text) {
  // jansson 2.14 passes over a zero byte behind a number or a word.
  if (text.contains('\0') || is_nested_too_deep(text)) return std::unexpected(JsonFault::malformed);
  json_error_t error{};
  JsonPtr value(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, &error));
  if (value && json_is_object(value.get())) return value;
  if (value) return std::unexpected(JsonFault::malformed);
  switch (json_error_code(&error)) {
    case json_error_out_of_memory: throw std::bad_alloc();
    case json_error_duplicate_key: return std::unexpected(JsonFault::duplicate_member);
    default: return std::unexpected(JsonFault::malformed);
  }
}

const json_t* member_of(const json_t* object, const std::string& name) { return json_object_get(object, name.c_str()); }

std::optional<std::string_view> string_in(const json_t* value) {
  if (value == nullptr || !json_is_string(value)) return std::nullopt;
  return std::string_view(json_string_value(value), json_string_length(value));
}

}  // namespace ringgate::auth
