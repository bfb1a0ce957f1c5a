// How one connection receives, as a small machine: what is armed, what is wanted, and the one function that settles the difference.
//
// Pure: it decides and remembers, the transport acts (receiving.cc). Eleven bits of the connection record; owner shard.
// Invariant: at most one operation that receives or polls is in the kernel, and exactly one while `step` says Step::none and
// something is wanted, unless the connection waits in one of the transport's lists.
#pragma once

#include <cstdint>

namespace ringgate::conn {

/// What will bring the next input.
enum class Armed : std::uint16_t {
  nothing,
  receive,   // in the kernel until it ends
  once,      // in the kernel: a receive that does not wait; completes with the next enter
  readable,  // in the kernel: a poll that completes when there is something to receive
  hang_up,   // in the kernel: a poll that completes when the peer has finished or is gone
  turn,      // listed: its turn among the bulk connections
  buffers,   // listed: buffers that come back
  moment,    // listed: a moment has to pass, for the kernel lacked memory
};

enum class Wanted : std::uint16_t {
  nothing,  // the peer has finished, or the connection is being terminated
  hang_up,  // paused: nothing but the news that the peer has finished or is gone
  rest,     // paused, but the peer has finished: what it sent before
  silence,  // paused, and the peer has finished: there is no news to come
  receive,
  readable,  // cold: a poll holds less of the kernel's memory
  in_turn,   // bulk: a poll, then a place among the others, then one receive
};

/// What brings what is armed closer to what is wanted.
enum class InputStep : std::uint8_t { none, receive, wait_readable, wait_hang_up, cancel };

struct Input {
  static constexpr unsigned bulkiness_max = 3;

  Armed armed : 3 = Armed::nothing;
  Wanted wanted : 3 = Wanted::receive;
  std::uint16_t cancelling : 1 = false;     // a cancel of what is armed is on its way
  std::uint16_t peer_finished : 1 = false;  // all that the peer sent was received, then its FIN
  std::uint16_t bulk : 1 = false;           // received from in turn with others, unless paused; see bulk.cc
  std::uint16_t bulkiness : 2 = 0;          // receives until it is not bulk any more

  bool is_paused() const { return wanted == Wanted::hang_up || wanted == Wanted::rest || wanted == Wanted::silence; }
  bool is_cold() const { return wanted == Wanted::readable; }
  /// An operation of the kernel's; of the others only a list of the transport's knows.
  bool is_in_kernel() const {
    return armed == Armed::receive || armed == Armed::once || armed == Armed::readable || armed == Armed::hang_up;
  }
  /// Nearly always, and then nothing has to be decided.
  bool receives_steadily() const { return armed == Armed::receive && wanted == Wanted::receive; }

  /// Settles the difference. A step is to be taken at once, and noted with `took`.
  InputStep step() const {
    switch (armed) {
      case Armed::nothing: return step_to_wanted();
      case Armed::receive: return cancel_unless(wanted == Wanted::receive || wanted == Wanted::rest);
      case Armed::readable: return cancel_unless(!is_paused());  // its end leads on to all else
      case Armed::hang_up: return cancel_unless(wanted == Wanted::hang_up || wanted == Wanted::silence);
      case Armed::once:
      case Armed::turn:
      case Armed::buffers:
      case Armed::moment: break;  // over soon, whatever is wanted
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

  // -- What happens to what is armed.
  /// The operation in the kernel has completed for the last time, or the list was left.
  void ended() {
    armed = Armed::nothing;
    cancelling = false;
  }
  /// The cancel has completed. What it was for may still complete, or go on as if nothing had been.
  void cancel_ended() { cancelling = false; }
  /// Its FIN was received: nothing follows.
  void note_peer_finished() {
    peer_finished = true;
    wanted = is_paused() ? Wanted::silence : Wanted::nothing;
  }
  /// Its FIN lies behind what it sent before, which is to be received now or after the pause.
  void note_hang_up(bool takes_rest) {
    if (wanted == Wanted::hang_up) wanted = takes_rest ? Wanted::rest : Wanted::silence;
  }

  // -- What is wanted from now on. Nothing is, for good, once a connection is terminated: see `stop`.
  void pause() {
    if (!is_paused()) wanted = peer_finished ? Wanted::silence : Wanted::hang_up;
  }
  /// Also after the peer's FIN: it is found again.
  void resume() {
    if (is_paused()) wanted = bulk ? Wanted::in_turn : Wanted::receive;
  }
  /// False: not now. What is under way is left alone.
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
  /// Receives until the peer's FIN, whatever was wanted before.
  void receive_to_end() {
    if (wanted != Wanted::nothing) wanted = Wanted::receive;
    bulk = false;
  }
  void stop() { wanted = Wanted::nothing; }

  /// Two large receives close together make a connection bulk, three small ones in a row end it: a long message ends in a small
  /// piece now and then.
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
    // If nothing is wanted, the socket is about to go, and everything on it is cancelled at once.
    return suits || cancelling || wanted == Wanted::nothing ? InputStep::none : InputStep::cancel;
  }
  void stop_being_bulk() {
    bulk = false;
    if (wanted == Wanted::in_turn) wanted = Wanted::receive;
  }
};

}  // namespace ringgate::conn
