// Numbers of 64 bits as 16 hexadecimal digits, one text for each. Pure; any thread.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate::cluster {

inline std::string hex_of(std::uint64_t number) {
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; number >>= 4) text[i] = "0123456789abcdef"[number & 15];
  return text;
}

/// nullopt for what `hex_of` does not write.
inline std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (end.ec != std::errc{} || end.ptr != digits.data() + digits.size() || digits != hex_of(number)) return std::nullopt;
  return number;
}

}  // namespace ringgate::cluster
