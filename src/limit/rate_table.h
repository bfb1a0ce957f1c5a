// What is remembered about many keys (device ids, sources) in a fixed amount of memory, for the limits on opening handshakes.
//
// A table of sets of eight entries, placed by a keyed 64-bit hash: nobody outside can aim at a set. When a set is full, the entry
// of least worth makes room; an entry that keeps somebody out is never forgotten before its time. If all eight of a set do so, a
// new key is not remembered, which the caller counts: a crowd that can fill the table with bans is let in unlimited beyond it, and
// shuts nobody out.
//
// Any thread: a lock per stripe of sets, held for one visit. Meant for handshakes, not for messages. Invariant: a key has at most
// one entry.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>

#include "base/assert.h"
#include "base/time.h"
#include "device/zero_pages.h"

namespace ringgate::limit {

/// `State` is trivial, and means "nothing known" while all its bytes are zero. `worth(now)` is how much is lost if it is forgotten:
/// 0 if nothing.
template <typename State>
class RateTable {
  static_assert(std::is_trivially_copyable_v<State> && std::is_trivially_destructible_v<State>);

 public:
  static constexpr std::size_t entries_per_set = 8;

  /// `entries_count`: a power of two, at least entries_per_set. The memory is touched only as keys come.
  explicit RateTable(std::size_t entries_count)
      : sets_count_(entries_count / entries_per_set), pages_(sets_count_ * sizeof(Set)) {
    RINGGATE_ASSERT(std::has_single_bit(entries_count) && sets_count_ > 0);
  }

  /// Calls `use(State&)` under the lock, with the state of `key` (not 0), or with a new one in place of the entry of least worth.
  /// Entries whose worth is `binding_worth` or more are not replaced. False if there was no room; then `use` was not called.
  /// Does not allocate.
  template <typename Use>
  bool visit(std::uint64_t key, TimeNs now, std::uint64_t binding_worth, Use&& use) {
    RINGGATE_ASSERT(key != 0);
    if (pages_.data() == nullptr) return false;
    const std::size_t index = set_of(key);
    const std::lock_guard lock(stripes_[index % stripes_count].mutex);
    Set& set = static_cast<Set*>(pages_.data())[index];
    Entry* least = nullptr;
    std::uint64_t least_worth = binding_worth;
    for (Entry& entry : set) {
      if (entry.key == key) {
        use(entry.state);
        return true;
      }
      const std::uint64_t worth = entry.key == 0 ? 0 : entry.state.worth(now);
      if (worth < least_worth) {
        least = &entry;
        least_worth = worth;
      }
    }
    if (least == nullptr) return false;
    *least = {key, State{}};
    use(least->state);
    return true;
  }

  /// Calls `use(const State&)` if `key` has an entry. Remembers nothing.
  template <typename Use>
  void look_up(std::uint64_t key, Use&& use) {
    if (pages_.data() == nullptr) return;
    const std::size_t index = set_of(key);
    const std::lock_guard lock(stripes_[index % stripes_count].mutex);
    for (const Entry& entry : static_cast<Set*>(pages_.data())[index])
      if (entry.key == key) return use(entry.state);
  }

 private:
  struct Entry {
    std::uint64_t key;  // 0: free
    State state;
  };
  using Set = std::array<Entry, entries_per_set>;
  struct alignas(64) Stripe {
    std::mutex mutex;
  };
  static constexpr std::size_t stripes_count = 64;

  /// From the upper bits: two tables with the same keys and sizes still place them alike, which does no harm.
  std::size_t set_of(std::uint64_t key) const { return static_cast<std::size_t>(key >> 32) & (sets_count_ - 1); }

  const std::size_t sets_count_;
  device::ZeroPages pages_;
  std::array<Stripe, stripes_count> stripes_;
};

}  // namespace ringgate::limit
