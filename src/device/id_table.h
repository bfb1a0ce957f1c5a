// One table of the device map: open addressing, entries of two atomic words. Its content moves into a successor, step by step,
// while readers and writers go on.
//
// It is not the map: it knows neither owners nor ceilings nor reclamation. Owned by DeviceMap. Any thread inside a section of the
// map's Quiescence may call any member. Invariants: a claimed or sealed tag never changes; a frozen value only becomes moved; no
// entry is claimed behind a free tag of its probe sequence, so a probe may stop at the first free or sealed tag.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/reference.h"
#include "device/zero_pages.h"

namespace ringgate::device {

/// The tag word holds a hash (IdKey::index) or one of these values.
namespace tag_word {
inline constexpr std::uint64_t free = 0;    // never claimed in this table
inline constexpr std::uint64_t sealed = 1;  // was free when its entry was moved: look in the next table
}  // namespace tag_word

/// States of the value word. Live: ConnectionRef::pack(), whose generation is not 0. Frozen: a live word with the highest slot
/// bit set; it is still the answer until the next table has one. The other states have generation 0.
///
///   untouched ──► live ◄──► vacant          live ──► frozen ──► moved          untouched, vacant ──► moved
namespace value_word {
inline constexpr std::uint64_t untouched = 0;
inline constexpr std::uint64_t vacant = std::uint64_t{1} << 32;
inline constexpr std::uint64_t moved = std::uint64_t{2} << 32;
inline constexpr std::uint64_t frozen_bit = std::uint64_t{1} << 55;
static_assert(limits::slots_per_shard_max < (1U << 23), "slots stay below the frozen bit");

constexpr bool is_frozen(std::uint64_t word) { return (word & frozen_bit) != 0; }
constexpr bool is_live(std::uint64_t word) { return static_cast<std::uint32_t>(word) != 0 && !is_frozen(word); }
}  // namespace value_word

class IdTable {
 public:
  struct Entry {
    // Claimed or sealed by CAS (release), read with acquire. A sealed tag publishes `next`.
    std::atomic<std::uint64_t> tag;
    // Changed by CAS (acq_rel), read with acquire. A frozen value publishes `next`, a moved one also the copy in that table.
    std::atomic<std::uint64_t> value;
  };

  /// A table of `capacity` free entries (a power of two), or nullptr if memory is out.
  static std::unique_ptr<IdTable> make(std::size_t capacity);

  std::size_t capacity() const { return capacity_; }
  Entry& entry(std::size_t slot) const { return entries_[slot & (capacity_ - 1)]; }
  /// The slot where the probe sequence of `index` starts: its high bits, so that slots follow the order of hashes.
  std::size_t home(std::uint64_t index) const { return static_cast<std::size_t>(index >> shift_); }
  /// The greatest index whose home is `slot`.
  std::uint64_t last_index_of(std::size_t slot) const { return ((std::uint64_t{slot} + 1) << shift_) - 1; }

  /// The entry of `index`, or else the first free or sealed entry of its probe sequence. Writes the tag it read there to `tag`.
  Entry& probe(std::uint64_t index, std::uint64_t& tag) const;

  /// Claims a free entry for `index`; false if another thread has claimed or sealed it.
  bool claim(Entry& free_entry, std::uint64_t index);
  /// True if three quarters are claimed: only a move may claim more, and the map needs a new table.
  bool crowded() const { return claimed_.load(std::memory_order_relaxed) >= capacity_ / 4 * 3; }

  /// The successor, or nullptr if no move has started.
  IdTable* next() const { return next_.load(std::memory_order_acquire); }
  /// Sets the successor; false if there is one already.
  bool start_move(IdTable* successor);
  /// Moves one entry into the successor and leaves it sealed or moved. Several threads may do so, also repeatedly.
  void move(Entry& entry);
  /// Moves the next few entries that no `move_some` has begun; true for the call that completes the table.
  bool move_some();
  /// Moves all entries, also those that other threads have begun and not finished.
  void move_all();

  // For the map's list of tables that wait for their last readers. Plain, since one thread at a time owns that list.
  IdTable* waiting_next = nullptr;
  std::uint64_t ticket = 0;

 private:
  IdTable(std::size_t capacity, std::unique_ptr<ZeroPages> pages);
  void place(std::uint64_t index, std::uint64_t value);

  static constexpr std::size_t move_slots_count = 64;  // per call of move_some: 1 KiB, about a microsecond

  const std::size_t capacity_;
  const unsigned shift_;
  const std::unique_ptr<ZeroPages> pages_;
  Entry* const entries_;
  // Set once by CAS (release), read with acquire: publishes the successor's fields.
  std::atomic<IdTable*> next_{nullptr};
  // Counts by the threads that change the table. Relaxed, except `moved_`: its last increment (acq_rel) publishes that every
  // entry is moved.
  alignas(64) std::atomic<std::size_t> claimed_{0};
  std::atomic<std::size_t> move_cursor_{0};
  std::atomic<std::size_t> moved_{0};
};

}  // namespace ringgate::device
