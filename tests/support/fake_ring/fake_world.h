// A world for rings to live in: seed, clock, TCP and peers. It replaces the kernel and the network in tests that link
// `ring_fake_dep` instead of `ring_dep`; while one is alive, `Ring::open` makes rings of it (one per shard).
//
// It is a model, not a mock: nothing is scripted call by call. All chance comes from the seed, so a run is repeated by its
// seed, and its trace hash proves it. Breaking a rule of ring/ring.h aborts with the rule and the seed.
//
// Thread: one, which runs the test and all rings in turn; only `Ring::wake_from_any_thread` may come from others.
// Lifetime: longer than its rings. At most one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/time.h"
#include "fake_ring/fake_options.h"
#include "fake_ring/fake_peer.h"
#include "fake_ring/fake_random.h"
#include "fake_ring/fake_trace.h"
#include "ring/ring.h"

namespace ringgate::ring {

/// An address of no loopback interface (RFC 5737).
inline PeerAddress somebody_afar() { return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7}, 4711}; }

/// Lives while a shard is inside its ring: what is allocated then is the world's memory, not the gate's. For tests in which memory runs
/// out. One thread.
struct KernelSide {
  KernelSide() { ++depth; }
  ~KernelSide() { --depth; }
  KernelSide(const KernelSide&) = delete;
  KernelSide& operator=(const KernelSide&) = delete;
  static inline int depth = 0;
};

/// How a peer connects.
struct ConnectOptions {
  std::optional<std::size_t> ring_index;  // which of the rings that listen there; else the seed decides
  std::optional<PeerAddress> from;        // else 127.0.0.1 with a port of its own
};

class FakeWorld {
 public:
  explicit FakeWorld(std::uint64_t seed, const FakeOptions& options = {});
  ~FakeWorld();
  FakeWorld(const FakeWorld&) = delete;
  FakeWorld& operator=(const FakeWorld&) = delete;

  /// The world now alive; aborts without one.
  static FakeWorld& current();

  std::uint64_t seed() const { return seed_; }
  /// May be changed at any time, for instance to end all disorder and look for liveness.
  FakeOptions& options() { return options_; }
  const FakeOptions& options() const { return options_; }

  // -- Clock. Stands still but for these two. `Ring::submit_and_wait` never blocks: a ring that has nothing to do is
  // remembered as asleep until its timeout.
  TimeNs now() const { return now_; }
  void advance(DurationNs duration);
  /// Moves the clock to whatever happens next: nothing if a ring has work now, else the first arrival or the first timeout of
  /// a sleeping ring. False if nothing will ever happen again.
  bool advance_to_next_event();
  /// When that is: now, later, or never.
  std::optional<TimeNs> next_event() const;
  /// True if no ring has work now.
  bool idle() const;

  // -- Peers.
  /// Connects to whoever listens on the port of `address`. If nobody does, the peer has seen a reset.
  FakePeer& connect(const ListenAddress& address, const ConnectOptions& how = {});
  std::size_t connections_waiting(const ListenAddress& address) const;  // connected and not accepted yet

  /// One number for everything that happened so far: submissions, completions, bytes, clock.
  std::uint64_t trace_hash() const { return trace_.value(); }

  /// Operations that could have failed so far; see FakeOptions::failing_operation_number.
  std::uint64_t operations_count() const { return operations_count_; }

  // -- For the rings and peers of this world.
  struct Listener {
    ListenAddress address;
    std::size_t ring_index;
    std::size_t send_buffer_bytes;  // 0: FakeOptions::send_buffer_bytes
    std::deque<std::shared_ptr<FakeConnection>> waiting;
  };
  std::size_t attach(Ring::Backend* backend);  // returns the ring's index
  void detach(std::size_t ring_index);
  Ring::Backend* ring_at(std::size_t ring_index) const;  // null once it is gone
  bool anybody_listens(const ListenAddress& address) const;
  std::shared_ptr<Listener> listen(const ListenAddress& address, std::size_t ring_index, std::size_t send_buffer_bytes);
  void stop_listening(const std::shared_ptr<Listener>& listener);
  std::optional<Socket> open_process_descriptor();  // the lowest free one; none if the process has all it may have
  void close_process_descriptor(Socket descriptor);
  /// Those that rings have open: sockets that are no direct descriptors, reserves, and questions about links.
  std::size_t process_descriptors_open() const;
  void note_wake(std::size_t ring_index);  // any thread
  bool take_wake(std::size_t ring_index);
  bool wake_waits(std::size_t ring_index) const;
  TimeNs arrival_time();  // when something sent by a peer now is there
  bool next_operation_fails();
  bool chance(double probability) { return random_.chance(probability); }
  FakeRandom& random() { return random_; }
  FakeTrace& trace() { return trace_; }
  /// Prints the broken rule and the seed, and aborts.
  [[noreturn]] void defect(const char* rule, std::uint64_t subject) const;

 private:
  std::uint64_t seed_;
  FakeOptions options_;
  FakeRandom random_;
  FakeTrace trace_;
  TimeNs now_ = nanoseconds_per_second;  // not zero, which means "off" to deadlines
  std::uint64_t operations_count_ = 0;
  std::uint16_t next_port_ = 40'000;
  std::uint16_t next_peer_port_ = 50'000;
  std::vector<Ring::Backend*> rings_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<bool> process_descriptors_;
  std::deque<FakePeer> peers_;
  mutable std::mutex wakes_mutex_;
  std::vector<bool> wakes_;  // guarded by wakes_mutex_
};

}  // namespace ringgate::ring
