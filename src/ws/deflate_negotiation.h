// What client and gate agree on about permessage-deflate in the opening handshake (RFC 7692 sections 5 and 7.1).
//
// Reads offers whose grammar was checked (handshake_offers.h); compresses nothing. Pure; any thread. Invariant: what is answered
// is a valid response to one of the offers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/request_head.h"
#include "ws/deflate_parameters.h"

namespace ringgate::ws {

/// What a route allows.
struct DeflatePolicy {
  bool enabled = false;
  bool context_takeover = false;               // if the client does not object; false: asked of both sides
  std::uint8_t window_bits = window_bits_max;  // the most, either way
};

/// The parameters in force. Windows are of 2^bits bytes.
struct DeflateAgreement {
  bool server_context_takeover = false;  // the gate's compressor remembers earlier messages
  bool client_context_takeover = false;  // the client's does
  std::uint8_t server_window_bits = window_bits_max;
  std::uint8_t client_window_bits = window_bits_max;
  bool server_window_was_offered = false;  // so the answer has to state it (RFC 7692 section 7.1.2.1)

  friend bool operator==(const DeflateAgreement&, const DeflateAgreement&) = default;
};

/// The first of the client's offers that can be accepted, narrowed to the policy; nothing if there is none. An offer with an
/// unknown, repeated or malformed parameter is declined, and the next one looked at.
std::optional<DeflateAgreement> negotiate_deflate(const http::RequestView& request, const DeflatePolicy& policy);

/// Appends the value of Sec-WebSocket-Extensions that states the agreement.
void append_deflate_answer(std::string& out, const DeflateAgreement& agreement);

}  // namespace ringgate::ws
