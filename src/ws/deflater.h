// Compresses messages (RFC 7692 section 7.2.1).
//
// One Deflater serves all connections of a shard that keep no context. A DeflateContext compresses for one connection that does.
// Deflater uses ISA-L, which is faster and packs tighter than zlib's fastest level, but needs 350 KiB or more for a context.
// DeflateContext uses zlib. Owner shard. Invariant: the output inflates to the payload, with no reference beyond the window.
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

  /// Compresses `payload`, which must not be empty, without reference to earlier messages. `window_bits`: 8 to 15. The result is
  /// valid until the next call; empty if memory is out. Allocates.
  ByteView deflate(ByteView payload, std::uint8_t window_bits);

 private:
  std::unique_ptr<isal_zstream> stream_;
  std::unique_ptr<std::uint8_t[]> level_memory_;
  std::vector<std::uint8_t> output_;
};

struct DeflateContextOptions {
  std::uint8_t window_bits = 15;  // 8 to 15
  std::uint8_t memory_level = 8;  // 1 to 9, zlib's memLevel; a small window uses a lower level
};

class DeflateContext {
 public:
  /// Bytes of memory of a context (zlib's zconf.h, and the size of its structs).
  static constexpr std::size_t memory_bytes(DeflateContextOptions options) {
    const unsigned bits = real_window_bits(options.window_bits);
    return (std::size_t{1} << (bits + 2)) + (std::size_t{1} << (real_memory_level(options) + 9U)) + struct_bytes;
  }

  /// Null if memory is out.
  static std::unique_ptr<DeflateContext> make(DeflateContextOptions options);
  ~DeflateContext();
  DeflateContext(const DeflateContext&) = delete;
  DeflateContext& operator=(const DeflateContext&) = delete;

  /// Compresses `payload`, which must not be empty, into `out`, replacing its content. The output may refer to earlier messages,
  /// and the peer must get it. False if memory is out; then nothing was compressed. Allocates.
  bool deflate(ByteView payload, std::vector<std::uint8_t>& out);

  /// Records that the peer got `payload` in a form that was compressed elsewhere without context.
  void note_sent(ByteView payload);

 private:
  static constexpr std::size_t struct_bytes = 6 * 1024;

  /// zlib has no window of 256 bytes, but uses only the last 250 bytes of its window of 512 (deflate.h, MAX_DIST).
  static constexpr std::uint8_t real_window_bits(std::uint8_t bits) { return bits < 9 ? std::uint8_t{9} : bits; }

  /// The memory level for a window. zlib's hash table has 2^(level + 7) entries, and zlib visits all of them each time its window
  /// slides. For a small window, a higher level is two to three times slower; so is a lower one, since its blocks are small.
  static constexpr std::uint8_t real_memory_level(DeflateContextOptions options) {
    return std::min(options.memory_level, static_cast<std::uint8_t>(real_window_bits(options.window_bits) - 4));
  }

  explicit DeflateContext(std::unique_ptr<z_stream_s> stream);

  std::unique_ptr<z_stream_s> stream_;
};

}  // namespace ringgate::ws
