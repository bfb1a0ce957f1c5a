// Negotiates permessage-deflate in the opening handshake (RFC 7692 sections 5 and 7.1).
//
// It reads offers whose grammar is checked (handshake_offers.h), and compresses nothing. Any thread. Invariant: the answer is a
// valid response to one of the offers.
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
  bool context_takeover = false;               // true: unless the client objects; false: neither side may
  std::uint8_t window_bits = window_bits_max;  // the largest window in either direction
};

/// The agreed parameters. A window has 2^bits bytes.
struct DeflateAgreement {
  bool server_context_takeover = false;  // the gate's compressor remembers earlier messages
  bool client_context_takeover = false;  // the client's compressor remembers earlier messages
  std::uint8_t server_window_bits = window_bits_max;
  std::uint8_t client_window_bits = window_bits_max;
  bool server_window_was_offered = false;  // then the answer must state it (RFC 7692 section 7.1.2.1)

  friend bool operator==(const DeflateAgreement&, const DeflateAgreement&) = default;
};

/// Accepts the first acceptable offer of the client, narrowed to the policy; nothing if there is none. An offer with an unknown,
/// repeated or malformed parameter is declined, and the next one is tried. Does not allocate.
std::optional<DeflateAgreement> negotiate_deflate(const http::RequestView& request, const DeflatePolicy& policy);

/// Appends the value of Sec-WebSocket-Extensions for the agreement.
void append_deflate_answer(std::string& out, const DeflateAgreement& agreement);

}  // namespace ringgate::ws
