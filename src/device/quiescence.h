// When may memory that lock-free readers were just looking at be given back? After every participant has
// passed a moment at which it held no pointer into it (quiescent-state-based reclamation).
//
// Participants are the shards, which say `quiescent` once per turn and `offline` before they sleep, and
// short-lived guards for other threads. Owns no memory of its clients and never waits for a shard. Invariant:
// a ticket is over only if every participant was offline, or quiescent, after the ticket was drawn.
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

  /// The owner shard, once per turn: it holds nothing it read before this call. One load, one store.
  void quiescent(std::uint8_t shard) {
    seen_[shard].epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_release);
  }

  /// The owner shard, before it sleeps or ends: it holds nothing, and reads nothing until `online`. Shards
  /// start offline.
  void offline(std::uint8_t shard) { leave(shard); }

  /// The owner shard, before its first read and after each sleep.
  void online(std::uint8_t shard);

  /// A thread that is no shard, reading: from construction to destruction. Keep it as short as a look-up.
  class ForeignReader {
   public:
    /// Waits (yields) only while limits::foreign_readers_max other guards exist.
    explicit ForeignReader(Quiescence& quiescence) : quiescence_(quiescence), seat_(quiescence.take_seat()) {}
    ~ForeignReader() { quiescence_.leave(seat_); }
    ForeignReader(const ForeignReader&) = delete;
    ForeignReader& operator=(const ForeignReader&) = delete;

   private:
    Quiescence& quiescence_;
    std::size_t seat_;
  };

  using Ticket = std::uint64_t;
  /// Drawn after something was unlinked, so that no new reader can reach it. Any thread.
  Ticket draw();
  /// True once nobody can hold what was unlinked before `draw` returned `ticket`. Any thread.
  bool over(Ticket ticket) const;

 private:
  static constexpr std::uint64_t offline_epoch = ~std::uint64_t{0};
  static constexpr std::size_t seats_count = limits::shards_max + limits::foreign_readers_max;

  // Written by its participant alone (release; a foreign seat is taken by CAS), read by `over` (acquire):
  // publishes that all the participant's reads before the store are done. `online` and `draw`/`over` meet
  // through their seq_cst fences: either `over` sees the participant online, or the participant sees what was
  // unlinked as gone.
  struct alignas(64) Seat {
    std::atomic<std::uint64_t> epoch{offline_epoch};
  };

  std::size_t take_seat();
  void leave(std::size_t seat) { seen_[seat].epoch.store(offline_epoch, std::memory_order_release); }

  std::array<Seat, seats_count> seen_;
  // Advanced by `draw` (acq_rel), read by `quiescent` (acquire): publishes the unlinking that came before the
  // draw.
  alignas(64) std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace ringgate::device
