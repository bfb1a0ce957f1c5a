// Who holds which device: from the keyed hash of an id to the connection that owns it, over all shards.
//
// Lock-free: look-ups are acquire loads over one or two cache lines, changes are one CAS. It holds no ids and
// touches no connection: an answer may be stale by the time it is used, and the owner shard, which compares
// generation and id, says so. Shared by all threads; owned by the server. Invariant: each id has at most one
// owner, and each owner that was replaced was reported to exactly one caller.
//
// Memory: 16 bytes per entry. After a rebuild between a quarter and a half of the entries are in use, before
// the next one up to three quarters: 21 to 64 bytes per device, and both tables while one is moved into the
// other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "device/id_key.h"
#include "device/id_table.h"
#include "device/quiescence.h"
#include "device/reference.h"

namespace ringgate::device {

/// The map takes no further id: entries_max is reached, or no table can be had (no memory, or too many old
/// ones wait for a shard that has not finished a turn). Nothing changed. A slot above
/// limits::slots_per_shard_max is refused too.
struct Full {
  friend bool operator==(const Full&, const Full&) = default;
};

/// Shared by all threads, each of which comes in by `of(shard)` or by the calls "from outside".
class DeviceMap {
 public:
  /// At most `entries_max` ids at a time (> 0). Throws std::bad_alloc without memory for the first table:
  /// start-up only.
  explicit DeviceMap(std::size_t entries_max);
  ~DeviceMap();  // no other thread is inside
  DeviceMap(const DeviceMap&) = delete;
  DeviceMap& operator=(const DeviceMap&) = delete;

  /// Where a scan goes on; only 0, the beginning, has a meaning outside. Stays valid through rebuilds, for
  /// ever.
  using Cursor = std::uint64_t;
  struct Page {
    std::vector<ConnectionRef> refs;  // in the order of hashes; at most `limit`, perhaps none although more follow
    std::vector<IdKey> keys;          // of `refs`, one each: `index` alone is known, enough to `find` the id again
    std::optional<Cursor> next;       // nullopt: this was the last page
  };
  /// The map as one shard uses it, on its thread. Each call is a section of its own (quiescence.h): outside of
  /// them the shard holds nothing, however long its turn takes and whatever an embedder's handler does in it.
  class Shard {
   public:
    /// The owner of `key`, if any. Acquire loads only; follows at most the tables that were rebuilt meanwhile.
    std::optional<ConnectionRef> find(IdKey key) const;

    /// Makes `now` the owner of `key`, whoever owned it before: the newest wins. Returns the owner it replaced,
    /// which no other caller gets to see. A replacement succeeds even when the map is full. `now` must not be,
    /// or have been, attached before. Allocates only when a rebuild starts.
    std::expected<std::optional<ConnectionRef>, Full> attach(IdKey key, ConnectionRef now);

    /// Removes `key` if `mine` still owns it; false if somebody newer does, or nobody.
    bool detach(IdKey key, ConnectionRef mine);

    /// One page of all owners. An id that is present from the first page to the last appears in one of them,
    /// whatever others do and however often it changes its owner; ids that come and go may appear. Visits a
    /// bounded number of entries; allocates.
    Page scan(Cursor cursor, std::size_t limit) const;

   private:
    friend class DeviceMap;
    Shard(DeviceMap& map, std::uint8_t shard) : map_(map), shard_(shard) {}

    DeviceMap& map_;
    const std::uint8_t shard_;
  };
  Shard of(std::uint8_t shard) { return {*this, shard}; }

  /// As Shard::find, for a thread that is no shard. Waits (yields) only while limits::foreign_readers_max others
  /// are inside.
  std::optional<ConnectionRef> find_from_outside(IdKey key) const;

  /// Ids with an owner; exact when nobody is changing the map.
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  /// Old tables that wait for a last reader: stays above 0 while a thread was stopped inside a call.
  std::size_t tables_waiting_count() const { return waiting_count_.load(std::memory_order_relaxed); }
  /// Tables replaced since the start.
  std::uint64_t rebuilds_count() const { return rebuilds_.load(std::memory_order_relaxed); }

  /// Any thread, now and then: frees old tables that nobody reads any more.
  void reclaim() {
    if (waiting_.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
      free_waiting();
  }

  /// Old tables are held while one lives: what a call of the map does, and what a test holds longer.
  Quiescence::Section hold(std::uint8_t shard) const { return {quiescence_, shard}; }

 private:
  // Inside a section.
  std::optional<ConnectionRef> find_index(std::uint64_t index) const;
  std::expected<std::optional<ConnectionRef>, Full> attach(IdKey key, ConnectionRef now);
  bool detach(IdKey key, ConnectionRef mine);
  Page scan(Cursor cursor, std::size_t limit) const;
  bool reserve();
  void release() { count_.fetch_sub(1, std::memory_order_relaxed); }
  void help_move();
  bool start_rebuild(IdTable& crowded);
  void promote(IdTable& moved);
  void free_waiting();
  void keep_waiting(IdTable* table);

  const std::size_t entries_max_;
  mutable Quiescence quiescence_;
  // Swung by CAS (acq_rel) once the old table is wholly moved, read with acquire: publishes the table's
  // fields.
  std::atomic<IdTable*> root_;
  // Stack of replaced tables: pushed by CAS (release), taken whole by exchange (acquire); publishes their
  // tickets and links.
  std::atomic<IdTable*> waiting_{nullptr};
  // Plain counts, relaxed, publishing nothing; `count_` includes ids that are just being attached, so it
  // never falls short.
  alignas(64) std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> waiting_count_{0};
  std::atomic<std::uint64_t> rebuilds_{0};
};

}  // namespace ringgate::device
