// The record of one connection: two cache lines, and nothing else while it is idle.
//
// The first part is the transport's, the rest belongs to the session that serves the connection (devices or admin) and is typed by
// it. Owner shard only. Invariant: a record is released only when the kernel has no operation on its socket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "base/timer_wheel.h"
#include "ring/ring.h"

namespace ringgate::conn {

class Outbox;

enum class State : std::uint8_t {
  free,
  open,       // both directions run
  finishing,  // nothing more will be written; what waits is flushed, then FIN
  lingering,  // FIN is sent; what still arrives is thrown away until the peer's FIN
  ending,     // operations are cancelled; released when the last one has completed
};

/// How the TCP side ended, for logs.
enum class Ending : std::uint16_t {
  finished,     // FIN both ways
  peer_closed,  // the peer's FIN came first
  reset,        // by the peer or the network
  aborted,      // by us
};

struct Connection {
  static constexpr std::size_t session_bytes_max = 56;

  std::uint32_t generation = 1;
  TimerLinks timer;

  State state = State::free;
  std::uint8_t listener_index = 0;
  std::uint8_t operations_in_flight = 0;
  std::uint8_t session_flags = 0;  // the session's

  std::uint16_t receive_armed : 1 = false;  // or a poll, see `polled`
  std::uint16_t receive_cancelled : 1 = false;  // the cancel is on its way
  std::uint16_t paused : 1 = false;
  std::uint16_t send_in_flight : 1 = false;  // a send that will complete: the outbox's first bytes are the kernel's
  std::uint16_t reset : 1 = false;           // end with RST
  std::uint16_t peer_finished : 1 = false;   // the peer's FIN was seen
  std::uint16_t starved : 1 = false;         // waits for buffers to come back
  std::uint16_t ending_listed : 1 = false;   // the transport looks at it at the end of the turn
  std::uint16_t cooling : 1 = false;         // a poll takes the receive's place once that is cancelled
  std::uint16_t polled : 1 = false;          // what is armed is a poll: the connection is cold, or bulk
  std::uint16_t bulk : 1 = false;            // received from in turn with others, see bulk.cc
  std::uint16_t bulk_listed : 1 = false;     // waits for its turn
  std::uint16_t bulkiness : 2 = 0;           // receives until it is not bulk any more
  Ending ending : 2 = Ending::finished;

  ring::PeerAddress peer;  // filled by the ring soon after accepting

  Outbox* outbox = nullptr;       // null unless output waits
  std::uint64_t output_index : 24 = 0;  // 1 + index of this turn's output; 0: none
  std::uint64_t opened_ms : 40 = 0;     // since the shard started; 34 years
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;  // taken by the kernel

  alignas(8) std::array<std::byte, session_bytes_max> session_memory{};

  bool is_live() const { return state == State::open; }
  bool is_cold() const { return polled && !bulk; }

  /// The session's own part, made by `construct_session`.
  template <typename Record>
  Record& session() {
    static_assert(sizeof(Record) <= session_bytes_max && alignof(Record) <= 8);
    return *std::launder(reinterpret_cast<Record*>(session_memory.data()));
  }
  template <typename Record>
  const Record& session() const {
    return *std::launder(reinterpret_cast<const Record*>(session_memory.data()));
  }
  template <typename Record>
  Record& construct_session() {
    static_assert(std::is_trivially_destructible_v<Record>);
    return *new (session_memory.data()) Record{};
  }
};
static_assert(sizeof(Connection) == 128, "two cache lines: the budget for an idle connection is 128 bytes and its map entry");

}  // namespace ringgate::conn
