#include "device/device_map.h"

#include <algorithm>
#include <bit>
#include <new>

namespace ringgate::device {
namespace {

// A quarter of it is slack for claims that race with the start of a rebuild: more than there can be threads.
constexpr std::size_t capacity_min = 4096;
static_assert(capacity_min / 4 > limits::shards_max + limits::foreign_readers_max);

constexpr std::size_t scan_slots_min = 4096;  // per page, so that a nearly empty table ends in a few pages

IdTable* make_table(std::size_t capacity) { return IdTable::make(capacity).release(); }

}  // namespace

DeviceMap::DeviceMap(std::size_t entries_max) : entries_max_(entries_max), root_(make_table(capacity_min)) {
  RINGGATE_ASSERT(entries_max > 0);
  if (root_.load(std::memory_order_relaxed) == nullptr) throw std::bad_alloc();
}

DeviceMap::~DeviceMap() {
  for (IdTable* table = root_.load(std::memory_order_acquire); table != nullptr;) {
    const std::unique_ptr<IdTable> owned(table);
    table = owned->next();
  }
  for (IdTable* table = waiting_.load(std::memory_order_acquire); table != nullptr;) {
    const std::unique_ptr<IdTable> owned(table);
    table = owned->waiting_next;
  }
}

std::optional<ConnectionRef> DeviceMap::Shard::find(IdKey key) const {
  const Quiescence::Section section = map_.hold(shard_);
  return map_.find_index(key.index);
}

std::expected<std::optional<ConnectionRef>, Full> DeviceMap::Shard::attach(IdKey key, ConnectionRef now, IfOwned if_owned) {
  const Quiescence::Section section = map_.hold(shard_);
  return map_.attach(key, now, if_owned);
}

bool DeviceMap::Shard::detach(IdKey key, ConnectionRef mine) {
  const Quiescence::Section section = map_.hold(shard_);
  return map_.detach(key, mine);
}

DeviceMap::Page DeviceMap::Shard::scan(Cursor cursor, std::size_t limit) const {
  const Quiescence::Section section = map_.hold(shard_);
  return map_.scan(cursor, limit);
}

std::optional<ConnectionRef> DeviceMap::find_from_outside(IdKey key) const {
  const Quiescence::ForeignSection section(quiescence_);
  return find_index(key.index);
}

std::optional<ConnectionRef> DeviceMap::find_index(std::uint64_t index) const {
  std::optional<ConnectionRef> frozen;  // the answer while the next table has none
  const IdTable* table = root_.load(std::memory_order_acquire);
  for (;;) {
    std::uint64_t tag = tag_word::free;
    const IdTable::Entry& entry = table->probe(index, tag);
    if (tag == tag_word::free) return frozen;
    const std::uint64_t value = tag == index ? entry.value.load(std::memory_order_acquire) : value_word::moved;
    if (value == value_word::untouched) return frozen;
    if (value == value_word::vacant) return std::nullopt;
    if (value_word::is_live(value)) return ConnectionRef::unpack(value);
    frozen = value_word::is_frozen(value) ? std::optional(ConnectionRef::unpack(value & ~value_word::frozen_bit)) : std::nullopt;
    table = table->next();
  }
}

std::expected<std::optional<ConnectionRef>, Full> DeviceMap::attach(IdKey key, ConnectionRef now, IfOwned if_owned) {
  RINGGATE_ASSERT(key.index >= IdKey::index_min);
  if (now.slot > limits::slots_per_shard_max) return std::unexpected(Full{});
  const std::uint64_t mine = now.pack();
  help_move();
  bool reserved = false;
  IdTable* table = root_.load(std::memory_order_acquire);
  for (;;) {
    std::uint64_t tag = tag_word::free;
    IdTable::Entry& entry = table->probe(key.index, tag);
    std::uint64_t value = tag == key.index ? entry.value.load(std::memory_order_acquire) : value_word::untouched;
    if (tag == tag_word::sealed || value == value_word::moved) {
      table = table->next();
      continue;
    }
    if (value_word::is_frozen(value) || (tag == tag_word::free && table->next() != nullptr)) {
      table->move(entry);  // the id, or its absence; the next round finds it sealed or moved
      continue;
    }
    const bool live = value_word::is_live(value);
    if (live && if_owned == IfOwned::keep) {
      if (reserved) release();
      return ConnectionRef::unpack(value);
    }
    if (!live && !reserved && !(reserved = reserve())) return std::unexpected(Full{});
    if (tag == tag_word::free) {
      if (!table->crowded()) {
        table->claim(entry, key.index);
      } else if (!start_rebuild(*table)) {
        release();
        return std::unexpected(Full{});
      }
    } else if (entry.value.compare_exchange_strong(value, mine, std::memory_order_acq_rel, std::memory_order_relaxed)) {
      if (!live) return std::nullopt;
      if (reserved) release();
      return ConnectionRef::unpack(value);
    }
  }
}

bool DeviceMap::detach(IdKey key, ConnectionRef mine) {
  const std::uint64_t owned = mine.pack();
  help_move();
  IdTable* table = root_.load(std::memory_order_acquire);
  for (;;) {
    std::uint64_t tag = tag_word::free;
    IdTable::Entry& entry = table->probe(key.index, tag);
    if (tag == tag_word::free) return false;
    if (tag == key.index) {
      std::uint64_t value = owned;
      if (entry.value.compare_exchange_strong(value, value_word::vacant, std::memory_order_acq_rel, std::memory_order_acquire)) {
        release();
        return true;
      }
      if (value != value_word::moved && !value_word::is_frozen(value)) return false;
      table->move(entry);
    }
    table = table->next();
  }
}

/// Takes one of the `entries_max` places; `release` gives it back.
bool DeviceMap::reserve() {
  if (count_.fetch_add(1, std::memory_order_relaxed) < entries_max_) return true;
  release();
  return false;
}

// Each change moves a few entries of a rebuild in progress, so that no single change pays for all of it.
void DeviceMap::help_move() {
  IdTable* root = root_.load(std::memory_order_acquire);
  if (root->next() != nullptr && root->move_some()) promote(*root);
}

/// Gives `crowded` a successor, sized for the present count. True if it has a successor afterwards.
bool DeviceMap::start_rebuild(IdTable& crowded) {
  // A table must become the root before it gets a successor. A helper may have been stopped while it moved, so finish its work.
  for (IdTable* root = root_.load(std::memory_order_acquire); root != &crowded && crowded.next() == nullptr;
       root = root_.load(std::memory_order_acquire)) {
    root->move_all();
    promote(*root);
  }
  if (crowded.next() != nullptr) return true;
  free_waiting();
  if (waiting_count_.load(std::memory_order_relaxed) >= limits::device_tables_waiting_max) return false;
  // At least an eighth: each change moves 64 entries, so the move ends long before changes fill the new table.
  const std::size_t wanted = std::max({2 * count(), crowded.capacity() / 8, capacity_min});
  std::unique_ptr<IdTable> successor = IdTable::make(std::bit_ceil(wanted));
  if (successor == nullptr) return false;
  if (crowded.start_move(successor.get())) successor.release();
  return true;
}

/// Makes the successor of `moved` the root, unless it is already; the caller that does so retires the old table.
void DeviceMap::promote(IdTable& moved) {
  IdTable* expected = &moved;
  if (!root_.compare_exchange_strong(expected, moved.next(), std::memory_order_acq_rel, std::memory_order_relaxed)) return;
  rebuilds_.fetch_add(1, std::memory_order_relaxed);
  waiting_count_.fetch_add(1, std::memory_order_relaxed);
  moved.ticket = quiescence_.draw();
  keep_waiting(&moved);
}

void DeviceMap::keep_waiting(IdTable* table) {
  table->waiting_next = waiting_.load(std::memory_order_relaxed);
  while (!waiting_.compare_exchange_weak(table->waiting_next, table, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

// The thread that takes the stack owns all tables on it, and puts back those that may still have readers.
void DeviceMap::free_waiting() {
  IdTable* table = waiting_.exchange(nullptr, std::memory_order_acquire);
  while (table != nullptr) {
    IdTable* const after = table->waiting_next;
    if (quiescence_.over(table->ticket)) {
      delete table;
      waiting_count_.fetch_sub(1, std::memory_order_relaxed);
    } else {
      keep_waiting(table);
    }
    table = after;
  }
}

namespace {

/// Appends the tags of `table` in [from, until]. Returns the index up to which they are complete: `until`, or less if it stopped
/// after `slots_max` slots or `enough` tags. It stops only at a free or sealed tag, because no entry is displaced past one.
std::uint64_t collect(const IdTable& table, std::uint64_t from, std::uint64_t until, std::size_t slots_max, std::size_t enough,
                      std::vector<std::uint64_t>& tags) {
  const std::size_t start = table.home(from);
  for (std::size_t slot = start;; ++slot) {
    const std::uint64_t tag = table.entry(slot).tag.load(std::memory_order_acquire);
    if (tag >= IdKey::index_min) {
      if (tag >= from && tag <= until) tags.push_back(tag);
      continue;
    }
    if (slot + 1 >= table.capacity()) return until;  // or past the end, where probe sequences wrap to the front
    const std::uint64_t complete = table.last_index_of(slot);
    if (complete >= until) return until;
    if (slot - start >= slots_max || tags.size() >= enough) return complete;
  }
}

}  // namespace

DeviceMap::Page DeviceMap::scan(Cursor cursor, std::size_t limit) const {
  RINGGATE_ASSERT(limit > 0);
  constexpr std::uint64_t end = ~std::uint64_t{0};
  constexpr std::size_t all = ~std::size_t{0};
  Page page;
  std::vector<std::uint64_t> tags;
  const IdTable* table = root_.load(std::memory_order_acquire);
  // An id that was present when the scan began has a tag in one of the reachable tables, and a tag never goes away.
  const std::uint64_t until = collect(*table, cursor, end, std::max(scan_slots_min, 4 * limit), 2 * limit, tags);
  while ((table = table->next()) != nullptr) collect(*table, cursor, until, all, all, tags);
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  for (const std::uint64_t tag : tags) {
    if (tag > until) break;
    if (page.refs.size() == limit) {
      page.next = tag;
      return page;
    }
    const auto ref = find_index(tag);
    if (!ref) continue;
    page.refs.push_back(*ref);
    page.keys.push_back({.index = tag});
  }
  if (until != end) page.next = until + 1;
  return page;
}

}  // namespace ringgate::device
