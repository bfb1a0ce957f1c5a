// The opening handshake from the client's side (RFC 6455 section 4.1): writes the request, judges the answer.
//
// Offers no subprotocol and no extension, so an answer that names one is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load/http_answer.h"
#include "load/random.h"

namespace ringgate::load {

/// A nonce of 16 random bytes in base64: the value of Sec-WebSocket-Key.
std::string make_key(Random& random);

/// What Sec-WebSocket-Accept must be for `key`: base64(SHA-1(key + GUID)).
std::string accept_of(std::string_view key);

struct OpeningRequest {
  std::string_view target;  // path and query, encoded by the caller
  std::string_view host;
  std::string_view key;
};
void append_request(std::string& out, const OpeningRequest& request);

/// What an answer can have wrong, in the order of section 4.1.
enum class OpeningFault : std::uint8_t { status, upgrade, connection, accept, extensions, subprotocol };
const char* name_of(OpeningFault fault);

/// Nothing when `answer` opens the connection that `key` asked for.
std::optional<OpeningFault> fault_in(const HttpAnswer& answer, std::string_view key);

}  // namespace ringgate::load
