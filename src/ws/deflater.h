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
  /// Bytes that a context takes (zlib's zconf.h, and what its structs weigh).
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
  /// must get it. False if memory is out; then nothing was compressed.
  bool deflate(ByteView payload, std::vector<std::uint8_t>& out);

  /// Notes that the peer was sent `payload` in a compressed form that somebody else made without context.
  void note_sent(ByteView payload);

 private:
  static constexpr std::size_t struct_bytes = 6 * 1024;

  /// zlib has no window of 256 bytes, but of its window of 512 it uses no more than the last 250 (deflate.h, MAX_DIST).
  static constexpr std::uint8_t real_window_bits(std::uint8_t bits) { return bits < 9 ? std::uint8_t{9} : bits; }

  /// zlib's hash table has 2^(level + 7) entries, which it goes through each time its window slides: a large one beside a small
  /// window takes two to three times as long as this, and so does a small one, which goes with small blocks.
  static constexpr std::uint8_t real_memory_level(DeflateContextOptions options) {
    return std::min(options.memory_level, static_cast<std::uint8_t>(real_window_bits(options.window_bits) - 4));
  }

  explicit DeflateContext(std::unique_ptr<z_stream_s> stream);

  std::unique_ptr<z_stream_s> stream_;
};

}  // namespace ringgate::ws
