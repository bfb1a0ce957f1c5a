// The cost of inflating a message, computed from its content.
//
// It is not a measured time: a message costs the same on every machine and under every load, so that tests and operators can tell
// which messages the limit hits. The unit is a nanosecond of a rather slow machine; bench/deflate_bench.cc (cost/) compares it
// with measured times.
#pragma once

#include <cstdint>

namespace ringgate::ws {

/// Counted while a message is inflated.
struct InflateWork {
  std::uint64_t blocks_count = 0;
  std::uint64_t dynamic_blocks_count = 0;  // blocks with their own codes; each takes a sender only 14 bytes
  std::uint64_t final_blocks_count = 0;
  std::uint64_t coded_bytes_in = 0;  // of blocks with codes
  std::uint64_t coded_bytes_out = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t history_bytes = 0;         // given to the decoder before the message
  std::uint64_t checked_window_bytes = 0;  // 0: the window was not checked
};

namespace inflate_cost {

/// The cost of the decoder.
constexpr std::uint64_t decoding_ns(const InflateWork& work) {
  return 100 + 30 * work.blocks_count + 1000 * work.dynamic_blocks_count + 20 * work.final_blocks_count +
         4 * work.coded_bytes_in + 2 * work.coded_bytes_out + work.stored_bytes / 16 + work.history_bytes / 32;
}

/// The cost of the window check (window_check.h), which builds the same codes and starts again after each final block.
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
