// What travels in user_data: which operation completed, and for which incarnation of which slot.
#pragma once

#include <compare>
#include <cstdint>

namespace ringgate::ring {

enum class OperationKind : std::uint8_t {
  none,
  accept,    // multishot, or one-shot with address storage; slot = listener index
  receive,   // multishot or one-shot, into a provided buffer
  send,      // completes only on failure when silent, always otherwise
  shutdown,  // result is ignored
  cancel,    // result is ignored: the cancelled operations complete on their own
  close,     // result is ignored: nothing is in flight by then
  peer_name,
  ring_message,       // slot = event descriptor of the ring it is for; completes only if that ring could not be reached
  doorbell,           // arrives at the woken ring: a mailbox has parcels
  wake,               // read of the eventfd, the doorbell of threads without a ring
  readable,           // one-shot poll
  hang_up,            // one-shot poll for the peer's end alone
  receive_now,        // one-shot, into a buffer for bulk; never waits
  zero_copy,          // within the kernel backend: a send; slot = its number
  borrow_descriptor,  // within the kernel backend: the first step of a shutdown
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
