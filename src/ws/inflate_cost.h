// What inflating a message costs, reckoned from what the message is made of.
//
// Not a clock: the same message costs the same on every machine and under every load, so that whom the limit on it hits can be
// told and tested. Nanoseconds of a machine on the slow side; bench/deflate_bench.cc (cost/) holds them against the time taken.
#pragma once

#include <cstdint>

namespace ringgate::ws {

/// Counted while a message is inflated.
struct InflateWork {
  std::uint64_t blocks_count = 0;
  std::uint64_t dynamic_blocks_count = 0;  // that bring codes of their own: a sender has them for 14 bytes each
  std::uint64_t final_blocks_count = 0;
  std::uint64_t coded_bytes_in = 0;  // of blocks with codes
  std::uint64_t coded_bytes_out = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t history_bytes = 0;         // handed to the decoder before the message
  std::uint64_t checked_window_bytes = 0;  // 0: what the message refers to was not checked
};

namespace inflate_cost {

/// Of the decoder.
constexpr std::uint64_t decoding_ns(const InflateWork& work) {
  return 100 + 30 * work.blocks_count + 1000 * work.dynamic_blocks_count + 20 * work.final_blocks_count +
         4 * work.coded_bytes_in + 2 * work.coded_bytes_out + work.stored_bytes / 16 + work.history_bytes / 32;
}

/// Of the check of its window (window_check.h), which builds the same codes and starts again behind each final block.
constexpr std::uint64_t checking_ns(const InflateWork& work) {
  if (work.checked_window_bytes == 0) return 0;
  return 100 + 10 * work.blocks_count + 1000 * work.dynamic_blocks_count + 10 * work.coded_bytes_in + 3 * work.coded_bytes_out +
         2 * work.stored_bytes + (1 + work.final_blocks_count) * work.checked_window_bytes / 16;
}

}  // namespace inflate_cost

constexpr std::uint64_t cost_ns(const InflateWork& work) {
  return inflate_cost::decoding_ns(work) + inflate_cost::checking_ns(work);
}

}  // namespace ringgate::ws
