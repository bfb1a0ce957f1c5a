// When may memory that lock-free readers were just looking at be given back? After every participant has
// passed a moment at which it held no pointer into it (reclamation by epochs).
//
// A participant holds pointers only inside a section, which is as short as a look-up and never spans code of
// others: a shard that is stuck in its turn holds nothing. Owns no memory of its clients and never waits for a
// shard. Invariant: a ticket is over only if every participant was outside after the ticket was drawn, or has
// come in since.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace ringgate::device {

class Quiescence {
 public:
  Quiescence() = default;
  Quiescence(const Quiescence&) = delete;
  Quiescence& operator=(const Quiescence&) = delete;

  /// A shard, reading: from construction to destruction. Its own thread, one at a time. Two stores, one fence.
  class Section {
   public:
    Section(Quiescence& quiescence, std::uint8_t shard) : quiescence_(quiescence), seat_(shard) { quiescence.enter(seat_); }
    ~Section() { quiescence_.leave(seat_); }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

   private:
    Quiescence& quiescence_;
    const std::size_t seat_;
  };

  /// The same for a thread that is no shard.
  class ForeignSection {
   public:
    /// Waits (yields) only while limits::foreign_readers_max others exist.
    explicit ForeignSection(Quiescence& quiescence) : quiescence_(quiescence), seat_(quiescence.take_seat()) {}
    ~ForeignSection() { quiescence_.leave(seat_); }
    ForeignSection(const ForeignSection&) = delete;
    ForeignSection& operator=(const ForeignSection&) = delete;

   private:
    Quiescence& quiescence_;
    const std::size_t seat_;
  };

  using Ticket = std::uint64_t;
  /// Drawn after something was unlinked, so that no new reader can reach it. Any thread.
  Ticket draw();
  /// True once nobody can hold what was unlinked before `draw` returned `ticket`. Any thread.
  bool over(Ticket ticket) const;

 private:
  static constexpr std::uint64_t outside = ~std::uint64_t{0};
  static constexpr std::size_t seats_count = limits::shards_max + limits::foreign_readers_max;

  // Written by its participant alone (release; a foreign seat is taken by CAS), read by `over` (acquire):
  // publishes that all the participant's reads before the store are done. `enter` and `draw`/`over` meet
  // through their seq_cst fences: either `over` sees the participant inside, or the participant sees what was
  // unlinked as gone.
  struct alignas(64) Seat {
    std::atomic<std::uint64_t> epoch{outside};
  };

  void enter(std::size_t seat) {
    seen_[seat].epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // before the first read; partner: the fence in `over`
  }
  std::size_t take_seat();
  void leave(std::size_t seat) { seen_[seat].epoch.store(outside, std::memory_order_release); }

  std::array<Seat, seats_count> seen_;
  // Advanced by `draw` (acq_rel), read by whoever enters (acquire): publishes the unlinking that came before the
  // draw.
  alignas(64) std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace ringgate::device
