// Tells when nobody reads unlinked memory any more, so that it can be freed: once every participant has been outside of a section
// since (reclamation by epochs).
//
// A participant holds pointers only inside a section. A section is as short as a look-up and never spans foreign code: a shard
// that is stuck in its turn holds nothing. This type owns no memory of its clients and never waits for a shard. Invariant: a
// ticket is over only if every participant is outside, or entered its section after the ticket was drawn.
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

  /// A shard reads from construction to destruction. On the shard's own thread, one at a time. Costs two stores and one fence.
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

  /// A section for a thread that is no shard.
  class ForeignSection {
   public:
    /// Waits (yields) only while limits::foreign_readers_max other foreign sections exist.
    explicit ForeignSection(Quiescence& quiescence) : quiescence_(quiescence), seat_(quiescence.take_seat()) {}
    ~ForeignSection() { quiescence_.leave(seat_); }
    ForeignSection(const ForeignSection&) = delete;
    ForeignSection& operator=(const ForeignSection&) = delete;

   private:
    Quiescence& quiescence_;
    const std::size_t seat_;
  };

  using Ticket = std::uint64_t;
  /// Draws a ticket. First unlink the memory, so that no new reader can reach it. Any thread.
  Ticket draw();
  /// True once nobody can hold a pointer to memory that was unlinked before `ticket` was drawn. Any thread.
  bool over(Ticket ticket) const;

 private:
  static constexpr std::uint64_t outside = ~std::uint64_t{0};
  static constexpr std::size_t seats_count = limits::shards_max + limits::foreign_readers_max;

  // Only its participant writes it (release; a foreign seat is taken by CAS), and `over` reads it (acquire): publishes that the
  // participant's reads before the store are done. The seq_cst fences of `enter` and `over` are partners: either `over` sees the
  // participant inside, or the participant no longer sees the unlinked memory.
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
  // Advanced by `draw` (acq_rel), read by a participant that enters (acquire): publishes the unlinking before the draw.
  alignas(64) std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace ringgate::device
