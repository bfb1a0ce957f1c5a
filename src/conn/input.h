// How one connection receives, as a small state machine: what is armed, what is wanted, and the next step from one to the other.
//
// It decides and remembers; it starts no operation (receiving.cc does). Part of the connection record; owner shard.
// Invariant: at most one operation that receives or polls is in the kernel. While `step` returns InputStep::none and input is
// wanted, there is exactly one, or the connection waits in a list of the transport.
#pragma once

#include <cstdint>

namespace ringgate::conn {

/// The operation or list from which the next input comes.
enum class Armed : std::uint16_t {
  nothing,
  receive,   // in the kernel: a receive
  once,      // in the kernel: a receive that does not wait; completes with the next enter
  readable,  // in the kernel: a poll that completes when there is something to receive
  hang_up,   // in the kernel: a poll that completes when the peer has finished or is gone
  turn,      // listed: waits for its turn among the bulk connections
  buffers,   // listed: waits for buffers to be returned
  moment,    // listed: waits for a moment after a failure, such as a lack of memory
};

enum class Wanted : std::uint16_t {
  nothing,  // the peer has finished, or the connection is being terminated
  hang_up,  // paused: only to learn that the peer has finished or is gone
  rest,     // paused, but the peer has finished: the bytes before its FIN
  silence,  // paused, and the peer has finished: nothing
  receive,
  readable,  // cold: a poll, which needs less memory in the kernel
  in_turn,   // bulk: a poll, then a place among the others, then one receive
};

/// The next action from what is armed to what is wanted.
enum class InputStep : std::uint8_t { none, receive, wait_readable, wait_hang_up, cancel };

struct Input {
  static constexpr unsigned bulkiness_max = 3;

  Armed armed : 3 = Armed::nothing;
  Wanted wanted : 3 = Wanted::receive;
  std::uint16_t cancelling : 1 = false;     // a cancel of the armed operation is in flight
  std::uint16_t peer_finished : 1 = false;  // the peer's FIN was received
  std::uint16_t bulk : 1 = false;           // received from in turn with others, unless paused; see bulk.cc
  std::uint16_t bulkiness : 2 = 0;          // small receives in a row until it stops being bulk

  bool is_paused() const { return wanted == Wanted::hang_up || wanted == Wanted::rest || wanted == Wanted::silence; }
  bool is_cold() const { return wanted == Wanted::readable; }
  /// True if an operation is in the kernel; otherwise at most a list of the transport has the connection.
  bool is_in_kernel() const {
    return armed == Armed::receive || armed == Armed::once || armed == Armed::readable || armed == Armed::hang_up;
  }
  /// Nearly always true. Then there is nothing to decide.
  bool receives_steadily() const { return armed == Armed::receive && wanted == Wanted::receive; }

  /// The next step. The caller must take it at once and note it with `took`.
  InputStep step() const {
    switch (armed) {
      case Armed::nothing: return step_to_wanted();
      case Armed::receive: return cancel_unless(wanted == Wanted::receive || wanted == Wanted::rest);
      case Armed::readable: return cancel_unless(!is_paused());  // its completion leads to every other wish
      case Armed::hang_up: return cancel_unless(wanted == Wanted::hang_up || wanted == Wanted::silence);
      case Armed::once:
      case Armed::turn:
      case Armed::buffers:
      case Armed::moment: break;  // ends soon in any case
    }
    return InputStep::none;
  }

  void took(InputStep step) {
    switch (step) {
      case InputStep::none: break;
      case InputStep::receive: armed = Armed::receive; break;
      case InputStep::wait_readable: armed = Armed::readable; break;
      case InputStep::wait_hang_up: armed = Armed::hang_up; break;
      case InputStep::cancel: cancelling = true; break;
    }
  }

  // -- Events of what is armed.
  /// The operation has completed for the last time, or the connection has left its list.
  void ended() {
    armed = Armed::nothing;
    cancelling = false;
  }
  /// The cancel has completed. The operation may still complete, or continue if the cancel missed it.
  void cancel_ended() { cancelling = false; }
  /// The peer's FIN was received: nothing follows.
  void note_peer_finished() {
    peer_finished = true;
    wanted = is_paused() ? Wanted::silence : Wanted::nothing;
  }
  /// The peer has sent FIN. The bytes before it are received now (`takes_rest`) or after the pause.
  void note_hang_up(bool takes_rest) {
    if (wanted == Wanted::hang_up) wanted = takes_rest ? Wanted::rest : Wanted::silence;
  }

  // -- Changes of what is wanted. After `stop` nothing is wanted any more.
  void pause() {
    if (!is_paused()) wanted = peer_finished ? Wanted::silence : Wanted::hang_up;
  }
  /// Also after the peer's FIN, which is then received again.
  void resume() {
    if (is_paused()) wanted = bulk ? Wanted::in_turn : Wanted::receive;
  }
  /// False if the connection cannot become cold now; then nothing has changed.
  bool cool() {
    const bool receives = wanted == Wanted::receive && armed == Armed::receive;
    const bool polls = wanted == Wanted::in_turn && armed == Armed::readable;
    if (!receives && !polls) return false;
    wanted = Wanted::readable;
    bulk = false;
    bulkiness = 0;
    return true;
  }
  void warm() {
    if (is_cold()) wanted = Wanted::receive;
  }
  /// Receives until the peer's FIN, even if paused or cold.
  void receive_to_end() {
    if (wanted != Wanted::nothing) wanted = Wanted::receive;
    bulk = false;
  }
  void stop() { wanted = Wanted::nothing; }

  /// Two large receives close together make a connection bulk. Only three small ones in a row end it, because a long message
  /// often ends with a small piece.
  void weigh(bool is_large) {
    if (!is_large) {
      if (bulkiness > 0 && --bulkiness == 0) stop_being_bulk();
      return;
    }
    const bool again = bulkiness > 0;
    bulkiness = bulkiness_max;
    if (!again || wanted != Wanted::receive) return;
    bulk = true;
    wanted = Wanted::in_turn;
  }

 private:
  InputStep step_to_wanted() const {
    switch (wanted) {
      case Wanted::nothing:
      case Wanted::silence: return InputStep::none;
      case Wanted::hang_up: return InputStep::wait_hang_up;
      case Wanted::rest:
      case Wanted::receive: return InputStep::receive;
      case Wanted::readable:
      case Wanted::in_turn: return InputStep::wait_readable;
    }
    return InputStep::none;
  }
  InputStep cancel_unless(bool suits) const {
    // If nothing is wanted, the connection is terminated, which cancels all its operations together.
    return suits || cancelling || wanted == Wanted::nothing ? InputStep::none : InputStep::cancel;
  }
  void stop_being_bulk() {
    bulk = false;
    if (wanted == Wanted::in_turn) wanted = Wanted::receive;
  }
};

}  // namespace ringgate::conn
