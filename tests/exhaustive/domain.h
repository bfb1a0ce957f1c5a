// How a test that tries a whole finite domain says how much it tried: a line in its output and a property in
// its report. docs/conformance/exhaustive.md quotes these numbers.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace ringgate::exhaustive {

/// Byte and two bytes, as tables of everything.
inline constexpr unsigned bytes_count = 256;
inline constexpr unsigned byte_pairs_count = 65'536;

/// Reports that the running test tried `count` of `what`. Call it at the end, once per domain.
inline void report_tried(std::uint64_t count, std::string_view what) {
  std::string name(what);
  for (char& c : name) c = c == ' ' ? '_' : c;
  ::testing::Test::RecordProperty(name, std::to_string(count));
  std::printf("tried %llu %.*s\n", static_cast<unsigned long long>(count), static_cast<int>(what.size()), what.data());
}

}  // namespace ringgate::exhaustive
