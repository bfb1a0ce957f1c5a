// One generation of the device map: an open-addressing table whose entries are two atomic words, and the
// steps that move its content into its successor while readers and writers go on.
//
// Not the map: it knows nothing of owners, ceilings or reclamation. Owned by DeviceMap. All members may be
// called by any thread that the map's Quiescence protects. Invariants: a tag, once claimed or sealed, never
// changes; a value that is frozen only ever becomes moved; nothing is claimed past a free tag of its probe
// sequence, so a probe may stop at the first free or sealed one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/reference.h"
#include "device/zero_pages.h"

namespace ringgate::device {

/// What stands in the tag word beside hashes (IdKey::index).
namespace tag_word {
inline constexpr std::uint64_t free = 0;    // never claimed in this table
inline constexpr std::uint64_t sealed = 1;  // was free when its slot was moved: look in the next table
}  // namespace tag_word

/// What stands in the value word. A live one is ConnectionRef::pack(), its generation half never 0; states
/// have generation 0.
///
///   untouched ──► live ◄──► vacant          live ──► frozen ──► moved          untouched, vacant ──► moved
///
/// Frozen is a live word with the highest slot bit set: the value is still the answer until the next table
/// has one.
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
    // Changed by CAS (acq_rel), read with acquire. Publishes, when frozen or moved, `next` and the copy in
    // it.
    std::atomic<std::uint64_t> value;
  };

  /// A table of `capacity` free entries (a power of two), or nullptr without memory.
  static std::unique_ptr<IdTable> make(std::size_t capacity);

  std::size_t capacity() const { return capacity_; }
  Entry& entry(std::size_t slot) const { return entries_[slot & (capacity_ - 1)]; }
  /// Where the probe sequence of `index` starts: the high bits, so that slots follow the order of hashes.
  std::size_t home(std::uint64_t index) const { return static_cast<std::size_t>(index >> shift_); }
  /// The greatest index whose home is `slot`.
  std::uint64_t last_index_of(std::size_t slot) const { return ((std::uint64_t{slot} + 1) << shift_) - 1; }

  /// The entry of `index`, or else the first free or sealed one of its probe sequence; `tag` receives what
  /// was read there.
  Entry& probe(std::uint64_t index, std::uint64_t& tag) const;

  /// Turns a free entry into that of `index`; false if somebody else claimed or sealed it first.
  bool claim(Entry& free_entry, std::uint64_t index);
  /// No new claims but those of a move: time for a larger, or cleaner, table.
  bool crowded() const { return claimed_.load(std::memory_order_relaxed) >= capacity_ / 4 * 3; }

  /// The successor, or nullptr as long as no move has started.
  IdTable* next() const { return next_.load(std::memory_order_acquire); }
  /// Names the successor; false, with `successor` untouched, if there is one already.
  bool start_move(IdTable* successor);
  /// Moves one entry into the successor: afterwards it is sealed or moved. Any number of threads, any number
  /// of times.
  void move(Entry& entry);
  /// Moves the next few entries nobody has begun; true for the one call that completes the table.
  bool move_some();
  /// Moves everything, also what other threads have begun and not finished.
  void move_all();

  // For the map's list of tables that wait for their last readers; plain, since one thread at a time owns
  // that list.
  IdTable* waiting_next = nullptr;
  std::uint64_t ticket = 0;

 private:
  IdTable(std::size_t capacity, std::unique_ptr<ZeroPages> pages);
  void place(std::uint64_t index, std::uint64_t value);

  static constexpr std::size_t move_slots_count = 64;  // per call of move_some: 1 KiB, a microsecond or so

  const std::size_t capacity_;
  const unsigned shift_;
  const std::unique_ptr<ZeroPages> pages_;
  Entry* const entries_;
  // Set once by CAS (release), read with acquire: publishes the successor's fields.
  std::atomic<IdTable*> next_{nullptr};
  // Counts for the threads that change the table; each is relaxed but `moved_`, whose last increment
  // (acq_rel) publishes that every slot has been moved.
  alignas(64) std::atomic<std::size_t> claimed_{0};
  std::atomic<std::size_t> move_cursor_{0};
  std::atomic<std::size_t> moved_{0};
};

}  // namespace ringgate::device
