// The record of one connection: two cache lines. An idle connection needs no more.
//
// The first part belongs to the transport, the rest to the session that serves the connection (devices or admin). The records are
// owned by the ConnectionTable; owner shard. Invariant: a record is released only when the kernel has no operation on its socket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "base/timer_wheel.h"
#include "conn/input.h"
#include "ring/ring.h"

namespace ringgate::conn {

class Outbox;

enum class State : std::uint8_t {
  free,
  arriving,     // no session knows it yet: its address or its PROXY header is awaited; see arriving.cc
  open,         // both directions work
  flushing,     // nothing more is written; waiting output is sent, then FIN
  lingering,    // FIN is sent; received bytes are discarded until the peer's FIN
  terminating,  // operations are cancelled; the slot is released when the last one has completed
};

/// Why the TCP side ended, for logs.
enum class EndCause : std::uint8_t {
  finished,     // FIN both ways
  peer_closed,  // the peer's FIN came first
  reset,        // by the peer or the network
  aborted,      // by the gate
};

/// How the peer of a terminated connection sees the end.
enum class Farewell : std::uint8_t { fin, reset };

/// The send of an outbox. It always completes.
enum class OutboxSend : std::uint8_t {
  none,
  in_flight,  // the kernel may read the outbox's first bytes
  delayed,    // tried again after a moment, because the kernel took nothing
};

struct Connection {
  static constexpr std::size_t session_bytes_max = 56;

  std::uint32_t generation = 1;
  TimerLinks timer;

  State state : 3 = State::free;
  EndCause end_cause : 2 = EndCause::finished;  // until the end: the cause if nothing else happens
  OutboxSend outbox_send : 2 = OutboxSend::none;
  std::uint8_t ends_with_reset : 1 = false;
  std::uint8_t listener_index = 0;
  std::uint8_t operations_in_flight = 0;
  std::uint8_t session_flags = 0;  // for the session

  Input input;
  // Filled by the ring soon after accepting. Once a proxy has told, the client's.
  ring::PeerAddress peer;

  Outbox* outbox = nullptr;             // owned by the transport; null unless output waits
  std::uint64_t output_index : 24 = 0;  // 1 + index of this turn's output; 0: none
  std::uint64_t opened_ms : 39 = 0;     // since the shard started; 17 years
  std::uint64_t session_mark : 1 = 0;   // for the session
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;  // taken by the kernel

  alignas(8) std::array<std::byte, session_bytes_max> session_memory{};

  bool is_live() const { return state == State::open; }
  bool is_paused() const { return input.is_paused(); }
  bool is_cold() const { return input.is_cold(); }
  /// True if the kernel has not taken all output of earlier turns.
  bool output_waits() const { return outbox != nullptr; }

  /// The session's part, made by `construct_session`.
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
