// What the tests and benchmarks of permessage-deflate compress: bytes without pattern, and text as devices send it.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ringgate/bytes.h"
#include "ws/deflate_parameters.h"

namespace ringgate::ws {

using Bytes = std::vector<std::uint8_t>;

inline std::string random_bytes(std::size_t size, std::mt19937::result_type seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

/// Text that compresses well and has references at many distances.
inline std::string telemetry(std::size_t size, std::mt19937::result_type seed = 1) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    text += R"({"device":"th-)" + std::to_string(random() % 50) + R"(","value":)" + std::to_string(random() % 10000) + "},";
  }
  text.resize(size);
  return text;
}

struct ZlibOptions {
  int level = Z_BEST_SPEED;
  int window_bits = 15;
  int memory_level = 8;
  int strategy = Z_DEFAULT_STRATEGY;
};

/// A client that compresses with zlib and keeps its context from message to message.
class ZlibClient {
 public:
  explicit ZlibClient(ZlibOptions options = {}) {
    if (deflateInit2(&stream_, options.level, Z_DEFLATED, -options.window_bits, options.memory_level, options.strategy) != Z_OK)
      std::abort();
  }
  ~ZlibClient() { deflateEnd(&stream_); }
  ZlibClient(const ZlibClient&) = delete;
  ZlibClient& operator=(const ZlibClient&) = delete;

  void forget() { deflateReset(&stream_); }

  /// The payload of a compressed message (RFC 7692 section 7.2.1).
  Bytes deflate(std::string_view text) {
    Bytes payload(deflateBound(&stream_, text.size()) + 64);
    stream_.next_in = const_cast<Bytef*>(bytes_of(text).data());  // it is only read
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = payload.data();
    stream_.avail_out = static_cast<uInt>(payload.size());
    if (::deflate(&stream_, Z_SYNC_FLUSH) != Z_OK || stream_.avail_out == 0) std::abort();
    payload.resize(payload.size() - stream_.avail_out - flush_tail.size());
    return payload;
  }

 private:
  z_stream stream_{};
};

}  // namespace ringgate::ws
