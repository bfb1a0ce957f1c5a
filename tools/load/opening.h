// The client's side of the opening handshake (RFC 6455 section 4.1): writes the request and judges the answer.
//
// It offers no subprotocol and no extension, so an answer that names one is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load/http_answer.h"
#include "load/random.h"

namespace ringgate::load {

/// The value of Sec-WebSocket-Key: 16 random bytes in base64.
std::string make_key(Random& random);

/// The value of Sec-WebSocket-Accept for `key`: base64(SHA-1(key + GUID)).
std::string accept_of(std::string_view key);

struct OpeningRequest {
  std::string_view target;  // path and query, encoded by the caller
  std::string_view host;
  std::string_view key;
};
void append_request(std::string& out, const OpeningRequest& request);

/// The faults of an answer, in the order of section 4.1.
enum class OpeningFault : std::uint8_t { status, upgrade, connection, accept, extensions, subprotocol };
const char* name_of(OpeningFault fault);

/// The first fault of `answer` to a request with `key`; nothing if it opens the connection.
std::optional<OpeningFault> fault_in(const HttpAnswer& answer, std::string_view key);

}  // namespace ringgate::load
