// One simulated ring: its submission queue, what the kernel does with it, and its completion queue.
// Cut as the kernel is: fake_submission.cc runs what was submitted, fake_work.cc is the deferred work of an enter,
// fake_turn.cc the enter itself and reaping, fake_ring.cc the door (class Ring). Owner: the Ring.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "fake_ring/fake_buffers.h"
#include "fake_ring/fake_ledger.h"
#include "fake_ring/fake_random.h"
#include "fake_ring/fake_sockets.h"
#include "fake_ring/fake_world.h"
#include "ring/ring.h"

namespace ringgate::ring {

/// One queued operation. Which members count depends on `kind`.
struct FakeSubmission {
  OperationKind kind = OperationKind::none;
  Token token;
  Socket socket = 0;  // or the listener's index
  FakePieces pieces;
  Ring::Sending sending = Ring::Sending::completes;
  bool reset = false;
  bool of_listener = false;  // a cancel of its accept
  Token target;              // of a cancel
  PeerAddress* address = nullptr;
  int doorbell_of = -1;  // index of the ring to wake
};

struct Ring::Backend {
  struct Posted {
    Completion completion;
    bool in_ledger = true;  // its end is an end for the ledger
  };
  struct Listener {
    std::shared_ptr<FakeWorld::Listener> door;  // null once it is closed
    bool armed = false;                         // in the kernel
    bool accepting = false;                     // as the caller sees it: until the end was reaped
    bool cancelling = false;
    bool one_at_a_time = false;
  };

  /// A memory the kernel still reads from, after the send has completed: until the peer's acknowledgement.
  struct ZeroCopy {
    std::vector<std::uint8_t> then;  // what it held when it was sent
    ByteView now;
    Keeper keeper;
  };

  Backend(FakeWorld& world, const RingOptions& options);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // -- Submitting (fake_submission.cc).
  void queue(const FakeSubmission& submission);
  void run(const FakeSubmission& submission);
  void run_receive_arm(const FakeSubmission& submission);
  void run_receive_now(const FakeSubmission& submission);
  void run_poll(const FakeSubmission& submission);
  void run_send(const FakeSubmission& submission);
  void run_silent_send(const FakeSubmission& submission);
  void run_shutdown(const FakeSubmission& submission);
  void run_cancel(const FakeSubmission& submission);
  void run_cancel_accept(const FakeSubmission& submission);
  void run_close(const FakeSubmission& submission);
  void run_peer_name(const FakeSubmission& submission);
  void run_unacknowledged(const FakeSubmission& submission);
  void run_link(const FakeSubmission& submission);
  void run_doorbell(const FakeSubmission& submission);

  // -- Deferred work (fake_work.cc).
  bool work_waits() const;   // something to do in an enter now
  bool input_waits() const;  // the same, but for what was submitted
  void work(std::size_t items_max);
  void work_on_listener(std::uint32_t listener_index);
  enum class Reading : std::uint8_t { normal, ends };  // ends: the first completion is the last
  void work_on_receive(FakeSocket& socket, Reading reading);
  void work_on_poll(FakeSocket& socket);
  void work_on_send(FakeSocket& socket);
  bool read_once(FakeSocket& socket, Token token, Reading reading, FakeBuffers& from);
  bool accept_once(Listener& listener, std::uint32_t listener_index);
  void finish_send(FakeConnection& connection, Token token, std::size_t taken);
  bool fail_if_chosen(Token token);
  IoError sending_error(FakeConnection& connection);

  // -- The turn (fake_turn.cc).
  FakeBuffers& buffers_of(const Completion& completion) {
    return completion.token.kind == OperationKind::receive_now ? bulk_buffers : buffers;
  }
  bool submit_and_wait(const WaitPolicy& policy);
  bool submit_alone();
  bool take_submissions();
  bool enter(const WaitPolicy& policy);
  void acknowledge();
  void flush_overflow();
  /// Posts a completion; returns whether its operation stays armed, which a full queue ends.
  bool post(Completion completion, bool in_ledger = true);
  void post_error(Token token, IoError error) { post({.token = token, .error = error}); }
  std::size_t reap(std::span<Completion> out);
  void shown(const Posted& posted);

  FakeWorld& world;
  RingOptions options;
  Features features;
  std::size_t index;  // in the world
  RingCounters counters;
  FakeBuffers buffers;
  FakeBuffers bulk_buffers;  // of receive_now: as few as the kernel backend has
  FakeSocketTable sockets;
  FakeLedger ledger;
  FakeRandom random;            // what Ring::random gives out
  std::vector<Socket> reserve;  // process descriptors held for nothing
  std::vector<Listener> listeners;
  std::deque<FakeSubmission> submissions;
  std::deque<Posted> completions;                      // the queue proper, at most completion_entries
  std::deque<Posted> overflow;                         // queued aside
  std::deque<Posted> held_back;                        // reaped by the backend when the turn had brought enough
  std::size_t bytes_left = 0;                          // of RingOptions::turn_bytes
  std::vector<Completion> late;                        // come with the next enter
  std::map<std::uint64_t, PeerAddress*> names_wanted;  // by token, from call to completion
  std::map<std::uint64_t, PeerAddress> names_found;
  struct LinkAsked {
    LinkQuality* out = nullptr;
    LinkQuality found;
    std::optional<Socket> descriptor = {};  // installed until the completion is reaped
  };
  std::map<std::uint64_t, LinkAsked> links_asked;  // by token, from call to completion
  std::deque<ZeroCopy> zero_copies;
  std::uint64_t turn = 0;   // submits, each with all the attempts it takes
  bool submitting = false;  // the last attempt did not take everything
  Socket work_cursor = 0;   // sockets up to here had their turn last
  bool asleep = false;
  TimeNs asleep_until = 0;  // 0: no timeout
};

}  // namespace ringgate::ring
