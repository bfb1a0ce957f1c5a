// Opens one connection by blocking calls with deadlines: TCP, then the opening handshake.
//
// For scenarios that open all connections before they measure; the process descriptor then moves into a ring. Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"
#include "load/endpoint.h"
#include "load/random.h"
#include "load/tls_client.h"

namespace ringgate::measure {

/// Owns a process descriptor; closes it unless it is released.
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

/// Connects to `to`. If that is a loopback address, the source is 127.1.x.y, chosen by `index`, so that ports do not run out.
/// Reads and writes fail after `limit`. The error is a sentence.
std::expected<Socket, std::string> dial(const load::Endpoint& to, std::uint32_t index, DurationNs limit);

enum class Offer : std::uint8_t { nothing, deflate };  // deflate: permessage-deflate, both sides without context takeover

/// Performs the handshake of TLS. The error is a sentence.
std::expected<void, std::string> open_tls(const Socket& socket, load::TlsClient& tls);

/// Performs the opening handshake for `target` (path and query), through `tls` unless that is null. Returns the bytes received
/// behind the answer.
std::expected<std::string, std::string> open_websocket(const Socket& socket, load::TlsClient* tls, const load::Endpoint& to,
                                                       std::string_view target, Offer offer, load::Random& random);

/// Raises the soft limit of descriptors to the hard one. It also bounds a ring's table of direct descriptors.
void raise_descriptor_limit();

/// `path` with deviceId=`id` in its query.
std::string device_target(std::string_view path, std::string_view id);

}  // namespace ringgate::measure
