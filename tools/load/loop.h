// The load client's event loop: one thread, one ring, many streams and timers.
//
// A turn sends the streams' output, enters the ring, passes completions to their streams, and runs timers. Several loops, each in
// its own thread (workers.h), share nothing. Only the thread that opened a loop uses it. Invariant: a slot is reused only after
// its stream has no operation in flight; a completion carries the slot's generation, so a late one is recognised and dropped.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "load/random.h"
#include "load/ring.h"
#include "load/timer_heap.h"

namespace ringgate::load {

class Stream;

struct LoopOptions {
  RingSizes ring;
  std::uint64_t seed = 1;
  // Connections use 127.1.0.1, 127.1.0.2, ... in turn, so that local ports do not run out; 0: the kernel chooses.
  unsigned source_addresses = 64;
};

/// The monotonic clock, read now.
TimeNs monotonic_now();

class Loop {
 public:
  static std::expected<std::unique_ptr<Loop>, std::string> open(const LoopOptions& options);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Takes one turn; sleeps at most `wait_max` if there is nothing to do.
  void turn(DurationNs wait_max);

  /// Takes turns until `is_done()` holds (true) or `limit` has passed (false).
  template <typename Predicate>
  bool run_until(Predicate is_done, DurationNs limit) {
    const TimeNs end = monotonic_now() + limit;
    while (!is_done()) {
      if (monotonic_now() >= end) return false;
      turn(20 * nanoseconds_per_millisecond);
    }
    return true;
  }

  void after(DurationNs delay, TimerHeap::Call call) { timers_.add(now_ + delay, std::move(call)); }

  TimeNs now() const { return now_; }  // the time when this turn had its completions; for latencies use monotonic_now()
  Random& random() { return random_; }
  std::size_t streams_count() const { return streams_count_; }  // connecting, connected or closing

 private:
  friend class Stream;
  struct Slot {
    Stream* stream = nullptr;
    std::uint32_t generation = 1;
  };
  static constexpr std::uint32_t no_slot = ~std::uint32_t{0};

  explicit Loop(const LoopOptions& options);
  std::uint32_t take_slot(Stream& stream);  // no_slot if the table is full
  void free_slot(std::uint32_t slot);
  std::uint32_t next_source();  // host order; 0: any
  void mark_dirty(Stream& stream) { dirty_.push_back(&stream); }
  void forget_dirty(Stream& stream);
  void flush_dirty();
  void hand_out(const io_uring_cqe& completion);

  LoopOptions options_;
  std::unique_ptr<ClientRing> ring_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Stream*> dirty_;     // streams with output and no send in flight
  std::vector<Stream*> flushing_;  // the current batch; kept for its memory
  TimerHeap timers_;
  Random random_;
  TimeNs now_ = 0;
  std::size_t streams_count_ = 0;
  unsigned sources_used_ = 0;
};

}  // namespace ringgate::load
