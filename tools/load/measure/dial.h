// Opening one connection by plain blocking calls with deadlines: a TCP connection, and the opening handshake on it.
//
// For scenarios that open everything first and measure afterwards; the process descriptor then moves into a ring. Thread: any.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"
#include "load/endpoint.h"
#include "load/random.h"

namespace ringgate::measure {

/// A process descriptor that is closed unless it is taken away.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket();
  Socket(Socket&& other) noexcept : descriptor_(other.release()) {}
  Socket& operator=(Socket&&) = delete;
  int descriptor() const { return descriptor_; }
  int release() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return descriptor;
  }

 private:
  int descriptor_;
};

/// Connects to `to`; from 127.1.x.y when that is a loopback address, chosen by `index` so that ports do not run out.
/// Reads and writes fail after `limit`. The error is a sentence.
std::expected<Socket, std::string> dial(const load::Endpoint& to, std::uint32_t index, DurationNs limit);

enum class Offer : std::uint8_t { nothing, deflate };  // deflate: permessage-deflate, both sides without context takeover

/// The opening handshake for `target` (path and query). Returns what came behind the answer already.
std::expected<std::string, std::string> open_websocket(const Socket& socket, const load::Endpoint& to, std::string_view target,
                                                       Offer offer, load::Random& random);

/// The soft limit of descriptors becomes the hard one, which also bounds a ring's table of direct descriptors.
void raise_descriptor_limit();

/// `path` with deviceId=`id` in its query.
std::string device_target(std::string_view path, std::string_view id);

}  // namespace ringgate::measure
