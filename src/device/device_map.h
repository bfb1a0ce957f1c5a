// The device map: from the keyed hash of an id to the connection that owns the id, over all shards.
//
// Lock-free: a look-up is acquire loads on one or two cache lines, a change is one CAS. The map holds no ids and touches no
// connection. Its answer may be stale; the owner shard notices that, because it compares generation and id. Shared by all
// threads; owned by the server. Invariant: each id has at most one owner, and exactly one caller is told of each replaced owner.
//
// Memory: 16 bytes per entry. Between a quarter and a half of the entries are in use after a rebuild, and up to three quarters
// before the next: 21 to 64 bytes per device. During a rebuild both tables exist.
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

/// The map did not take the id, and nothing changed: entries_max is reached; or a larger table is needed and memory is out or
/// limits::device_tables_waiting_max old tables wait for readers; or the slot is above limits::slots_per_shard_max.
struct Full {
  friend bool operator==(const Full&, const Full&) = default;
};

/// What `attach` does if the id has an owner.
enum class IfOwned : std::uint8_t { replace, keep };

/// Shared by all threads: a shard uses `of(shard)`, any other thread `find_from_outside`.
class DeviceMap {
 public:
  /// Holds at most `entries_max` ids at a time (> 0). Throws std::bad_alloc if memory for the first table is out; call it at
  /// start-up.
  explicit DeviceMap(std::size_t entries_max);
  ~DeviceMap();  // no other thread is inside
  DeviceMap(const DeviceMap&) = delete;
  DeviceMap& operator=(const DeviceMap&) = delete;

  /// The place where a scan goes on. Callers know one value, 0: the beginning. A cursor stays valid for ever, through all
  /// rebuilds.
  using Cursor = std::uint64_t;
  struct Page {
    std::vector<ConnectionRef> refs;  // in the order of hashes; at most `limit`, and may be empty although more pages follow
    std::vector<IdKey> keys;          // one for each of `refs`; only `index` is set, which is enough for `find`
    std::optional<Cursor> next;       // nullopt: this is the last page
  };
  /// The map for one shard, on its thread. Each call is one section (quiescence.h): between calls the shard holds no table,
  /// however long its turn takes.
  class Shard {
   public:
    /// The owner of `key`, if any. Acquire loads only. Reads at most the table and those that replaced it meanwhile.
    std::optional<ConnectionRef> find(IdKey key) const;

    /// Makes `now` the owner of `key`: the newest owner wins. Returns the replaced owner, if any, to this caller alone. Replacing
    /// succeeds even when the map is full. `now` must never have been attached before, unless it was replaced since and both
    /// happen under a lock of the key (Companions). Allocates only to start a rebuild.
    /// With IfOwned::keep an id that has an owner keeps it: the result is that owner, and nothing has changed.
    std::expected<std::optional<ConnectionRef>, Full> attach(IdKey key, ConnectionRef now, IfOwned if_owned = IfOwned::replace);

    /// Removes `key` if `mine` still owns it; false if a newer connection or nobody does.
    bool detach(IdKey key, ConnectionRef mine);

    /// One page of all owners. An id that is present from the first page to the last appears on exactly one of them, however
    /// often its owner changes; an id that is attached or detached meanwhile may appear. Visits a bounded number of entries;
    /// allocates.
    Page scan(Cursor cursor, std::size_t limit) const;

   private:
    friend class DeviceMap;
    Shard(DeviceMap& map, std::uint8_t shard) : map_(map), shard_(shard) {}

    DeviceMap& map_;
    const std::uint8_t shard_;
  };
  Shard of(std::uint8_t shard) { return {*this, shard}; }

  /// As Shard::find, for a thread that is no shard. Waits (yields) only while limits::foreign_readers_max other threads are
  /// inside.
  std::optional<ConnectionRef> find_from_outside(IdKey key) const;

  /// Ids with an owner; exact while nobody changes the map.
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  /// Replaced tables that wait for their last reader; stays above 0 while a thread is stopped inside a call.
  std::size_t tables_waiting_count() const { return waiting_count_.load(std::memory_order_relaxed); }
  /// Tables replaced since the start.
  std::uint64_t rebuilds_count() const { return rebuilds_.load(std::memory_order_relaxed); }

  /// Frees replaced tables that nobody reads any more. Any thread; call it now and then.
  void reclaim() {
    if (waiting_.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
      free_waiting();
  }

  /// No replaced table is freed while a section lives. Calls of the map hold one; a test may hold one longer.
  Quiescence::Section hold(std::uint8_t shard) const { return {quiescence_, shard}; }

 private:
  // Call these inside a section.
  std::optional<ConnectionRef> find_index(std::uint64_t index) const;
  std::expected<std::optional<ConnectionRef>, Full> attach(IdKey key, ConnectionRef now, IfOwned if_owned);
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
  // Replaced by CAS (acq_rel) once the old table is moved completely, read with acquire: publishes the fields of the new table.
  std::atomic<IdTable*> root_;
  // Stack of replaced tables: pushed by CAS (release), taken as a whole by exchange (acquire); publishes their tickets and links.
  std::atomic<IdTable*> waiting_{nullptr};
  // Counts: relaxed, publish nothing. `count_` includes ids that are being attached, so it is never too low.
  alignas(64) std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> waiting_count_{0};
  std::atomic<std::uint64_t> rebuilds_{0};
};

}  // namespace ringgate::device
