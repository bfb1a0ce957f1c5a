// The content of user_data: which operation completed, and for which slot and generation.
#pragma once

#include <compare>
#include <cstdint>

namespace ringgate::ring {

enum class OperationKind : std::uint8_t {
  none,
  accept,    // multishot, or one-shot; slot = listener index
  receive,   // multishot or one-shot, into a provided buffer
  send,      // if silent, completes only when the kernel did not take everything
  shutdown,  // result is ignored
  cancel,    // result is ignored: the cancelled operations complete on their own
  close,     // its completion stays inside the backend
  peer_name,
  peer_process,
  ring_message,       // slot = event descriptor of the ring to wake; completes only if the message failed
  doorbell,           // completes on the woken ring: a mailbox has parcels
  wake,               // read of the eventfd that threads without a ring write to
  readable,           // one-shot poll
  hang_up,            // one-shot poll for the peer's FIN or end
  receive_now,        // one-shot, into a buffer of the bulk group; never waits
  zero_copy,          // inside the kernel backend: a send without a copy; slot = its number
  unacknowledged,     // how many bytes the peer has not acknowledged
  link,               // what the kernel knows of a TCP connection
  borrow_descriptor,  // inside the kernel backend: the first step of a shutdown
};

/// Packs to 64 bits: kind 8 | slot 24 | generation 32. A completion whose generation is stale is dropped.
struct Token {
  OperationKind kind = OperationKind::none;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  constexpr std::uint64_t pack() const {
    return (std::uint64_t{static_cast<std::uint8_t>(kind)} << 56) | (std::uint64_t{slot & 0xFF'FFFFU} << 32) | generation;
  }
  static constexpr Token unpack(std::uint64_t word) {
    return {static_cast<OperationKind>(word >> 56), static_cast<std::uint32_t>(word >> 32) & 0xFF'FFFFU,
            static_cast<std::uint32_t>(word)};
  }
  friend constexpr bool operator==(const Token&, const Token&) = default;
};

}  // namespace ringgate::ring
