// Numbers in a query string. Pure; any thread.
#pragma once

#include <charconv>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "http/uri.h"

namespace ringgate::admin {

/// All of `text` as an unsigned number. Each number has one spelling: digits only, no sign, no leading zero, no overflow.
inline std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The parameter `name` as a number from `lowest` to `highest`; `otherwise` if it is absent; nullopt if it is anything else or
/// two different values.
struct NumberRange {
  std::uint64_t lowest;
  std::uint64_t highest;
  std::uint64_t otherwise;
};
inline std::optional<std::uint64_t> query_number(std::string_view query, std::string_view name, const NumberRange& range) {
  const http::QueryParameter parameter = http::query_parameter(query, name);
  if (parameter.presence == http::QueryParameter::Presence::absent) return range.otherwise;
  if (parameter.presence == http::QueryParameter::Presence::conflicting) return std::nullopt;
  const auto number = parse_number(parameter.value);
  return number && *number >= range.lowest && *number <= range.highest ? number : std::nullopt;
}

}  // namespace ringgate::admin
