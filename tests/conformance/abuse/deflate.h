// permessage-deflate at the peer's end, straight on zlib: what rows send, and what the gate's answers say.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate::abuse {

/// The payload of a compressed message (RFC 7692 section 7.2.1), with a window of 32 KiB and nothing before it.
std::string deflated(std::string_view message);

/// `count` letters that do not compress away; the same every time.
std::string noise(std::size_t count);

/// Reads compressed messages of one connection, one after the other.
class Inflation {
 public:
  /// `window_bits`: what the gate promised; reading fails beyond it. `keeps_context`: the gate may refer back to earlier messages.
  Inflation(int window_bits, bool keeps_context);
  ~Inflation();
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;

  std::optional<std::string> inflate(std::string payload);

 private:
  z_stream stream_{};
  int window_bits_;
  bool keeps_context_;
};

}  // namespace ringgate::abuse
