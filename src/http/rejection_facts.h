// The row type of all tables of rejections: what a peer is told when a rule refuses its request.
//
// The tables: http/rejection.h, ws/rejection.h, admission/rejection.h. `response.h` writes the response.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate::http {

/// What a peer sees of a rejection. All text is static and needs no JSON escaping.
struct RejectionFacts {
  std::uint16_t status;           // HTTP status code
  std::string_view reason;        // stable snake_case name for programs: member `reason` of the problem document
  std::string_view detail;        // one sentence for people
  std::string_view extra_fields;  // whole field lines, each ending in CRLF; empty for most
};

/// A row of a table with one row for each enumerator of `Rule`, in their order.
template <typename Rule>
struct RejectionRow {
  Rule rule;
  RejectionFacts facts;
};

template <typename Rule, std::size_t count>
consteval bool rows_are_in_order(const std::array<RejectionRow<Rule>, count>& rows) {
  for (std::size_t i = 0; i < count; ++i) {
    if (static_cast<std::size_t>(rows[i].rule) != i) return false;
  }
  return true;
}

namespace rejection_fields {
inline constexpr std::string_view none = "";
inline constexpr std::string_view allow_get = "Allow: GET\r\n";
inline constexpr std::string_view allow_get_and_head = "Allow: GET, HEAD\r\n";  // in its place where the path answers HEAD, too
inline constexpr std::string_view retry_after = "Retry-After: 5\r\n";
}  // namespace rejection_fields

}  // namespace ringgate::http
