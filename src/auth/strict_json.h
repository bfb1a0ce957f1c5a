// JSON of keys and tokens, read by jansson without its leniency: a text has one meaning or none.
//
// Not for the admin API, which has no JSON to read. jansson, because libcjose reads the same headers with it: what was checked here is
// what is used there. Any thread; a value belongs to one thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct json_t;

namespace ringgate::auth {

struct JsonFreed {
  void operator()(json_t* value) const;
};
using JsonPtr = std::unique_ptr<json_t, JsonFreed>;

enum class JsonFault : std::uint8_t {
  malformed,  // no JSON object in UTF-8, nested deeper than limits::json_depth_max, a number out of range, or U+0000 in a string
  duplicate_member,  // an object, at any depth, has two members of one name (RFC 8725 section 2.4)
};

/// Reads one object and nothing behind it. Allocates in proportion to `text`; throws std::bad_alloc.
std::expected<JsonPtr, JsonFault> parse_object(std::string_view text);

/// The member `name` of `object`, which keeps it; nullptr if there is none. A JSON null is a member.
const json_t* member_of(const json_t* object, const std::string& name);

/// The text of a JSON string; nothing if `value` is nullptr or something else. Borrows `value`.
std::optional<std::string_view> string_in(const json_t* value);

}  // namespace ringgate::auth
