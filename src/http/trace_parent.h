// The field `traceparent` of W3C Trace Context: which trace a request belongs to. Reads it, and makes none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace ringgate::http {

/// Views into the field's value.
struct TraceParent {
  std::string_view known;      // what is known of it, without what a later version has behind the flags: ASCII, 55 bytes
  std::string_view trace_id;   // 32 hexadecimal digits
  std::string_view parent_id;  // 16
};

/// nullopt if the value is malformed, which the specification tells to treat as if there were none (section 3.2.2.5). A later version
/// may have more behind the flags, of any bytes.
constexpr std::optional<TraceParent> parse_trace_parent(std::string_view value) {
  constexpr std::size_t bytes = 55;  // version-trace-parent-flags: 2, 32, 16 and 2 digits
  const auto is_hexadecimal = [](std::string_view digits) {
    return std::ranges::all_of(digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  };
  const auto is_zero = [](std::string_view digits) { return digits.find_first_not_of('0') == std::string_view::npos; };
  if (value.size() < bytes || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const std::string_view version = value.substr(0, 2);
  const TraceParent parsed{value.substr(0, bytes), value.substr(3, 32), value.substr(36, 16)};
  if (!is_hexadecimal(version) || version == "ff" || !is_hexadecimal(parsed.trace_id) || !is_hexadecimal(parsed.parent_id) ||
      !is_hexadecimal(value.substr(53, 2)) || is_zero(parsed.trace_id) || is_zero(parsed.parent_id))
    return std::nullopt;
  if (value.size() > bytes && (version == "00" || value[bytes] != '-')) return std::nullopt;
  return parsed;
}

}  // namespace ringgate::http
