// Compresses messages (RFC 7692 section 7.2.1).
//
// A Deflater serves all connections of a shard that keep no context; a DeflateContext is one connection's memory of what it sent.
// The first is built on ISA-L, which is faster and packs tighter than zlib's fastest level but has no context of less than 350
// KiB; the second on zlib. Owner shard. Invariant: what is returned inflates to the payload, with no reference beyond the window.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ringgate/bytes.h"

struct isal_zstream;
struct z_stream_s;

namespace ringgate::ws {

class Deflater {
 public:
  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// The compressed form of `payload`, which is not empty, without reference to anything before it; valid until the next call.
  /// `window_bits`: 8 to 15. Null if memory is out.
  ByteView deflate(ByteView payload, std::uint8_t window_bits);

  /// What that costs at the most, reckoned as for inflating (inflate_cost.h).
  static constexpr std::uint64_t cost_ns(std::size_t payload_bytes) { return 3000 + 2 * std::uint64_t{payload_bytes}; }

 private:
  std::unique_ptr<isal_zstream> stream_;
  std::unique_ptr<std::uint8_t[]> level_memory_;
  std::vector<std::uint8_t> output_;
};

struct DeflateContextOptions {
  std::uint8_t window_bits = 15;  // 8 to 15
  std::uint8_t memory_level = 8;  // 1 to 9, as zlib counts; less is used for a window that has no use for it
};

class DeflateContext {
 public:
  /// Octets that a context takes (zlib's zconf.h, and what its structs weigh).
  static constexpr std::size_t memory_bytes(DeflateContextOptions options) {
    const unsigned bits = real_window_bits(options.window_bits);
    return (std::size_t{1} << (bits + 2)) + (std::size_t{1} << (real_memory_level(options) + 9U)) + struct_bytes;
  }

  /// Null if memory is out.
  static std::unique_ptr<DeflateContext> make(DeflateContextOptions options);
  ~DeflateContext();
  DeflateContext(const DeflateContext&) = delete;
  DeflateContext& operator=(const DeflateContext&) = delete;

  /// Replaces `out` by the compressed form of `payload`, which is not empty and may refer to all that was sent before; the peer
  /// must get it.
  void deflate(ByteView payload, std::vector<std::uint8_t>& out);

  /// What that costs at the most, reckoned as for inflating: what does not compress makes a block, with codes of its own, of each
  /// 2^(level + 6) octets.
  std::uint64_t cost_ns(std::size_t payload_bytes) const {
    return 2000 + (20 + (std::uint64_t{480} >> memory_level_)) * payload_bytes;
  }

  /// Notes that the peer was sent `payload` in a compressed form that somebody else made without context.
  void note_sent(ByteView payload);

 private:
  static constexpr std::size_t struct_bytes = 6 * 1024;

  /// zlib has no window of 256 octets, but of its window of 512 it uses no more than the last 250 (deflate.h, MAX_DIST).
  static constexpr std::uint8_t real_window_bits(std::uint8_t bits) { return bits < 9 ? std::uint8_t{9} : bits; }

  /// zlib's hash table has 2^(level + 7) entries, which it goes through each time its window slides: no more than the window has
  /// octets, or a small window costs many times what a large one does.
  static constexpr std::uint8_t real_memory_level(DeflateContextOptions options) {
    return std::min(options.memory_level, static_cast<std::uint8_t>(real_window_bits(options.window_bits) - 7));
  }

  DeflateContext(std::unique_ptr<z_stream_s> stream, std::uint8_t memory_level);

  std::unique_ptr<z_stream_s> stream_;
  std::uint8_t memory_level_;
};

}  // namespace ringgate::ws
