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

/// Every call below, except on a ForeignReader's thread, belongs to a shard between `online` and `offline`.
class DeviceMap {
 public:
  /// At most `entries_max` ids at a time (> 0). Throws std::bad_alloc without memory for the first table:
  /// start-up only.
  explicit DeviceMap(std::size_t entries_max);
  ~DeviceMap();  // no other thread is inside
  DeviceMap(const DeviceMap&) = delete;
  DeviceMap& operator=(const DeviceMap&) = delete;

  /// The owner of `key`, if any. Acquire loads only; follows at most the tables that were rebuilt meanwhile.
  std::optional<ConnectionRef> find(IdKey key) const;

  /// Makes `now` the owner of `key`, whoever owned it before: the newest wins. Returns the owner it replaced,
  /// which no other caller gets to see. A replacement succeeds even when the map is full. `now` must not be,
  /// or have been, attached before. Allocates only when a rebuild starts.
  std::expected<std::optional<ConnectionRef>, Full> attach(IdKey key, ConnectionRef now);

  /// Removes `key` if `mine` still owns it; false if somebody newer does, or nobody.
  bool detach(IdKey key, ConnectionRef mine);

  /// Where a scan goes on; only 0, the beginning, has a meaning outside. Stays valid through rebuilds, for
  /// ever.
  using Cursor = std::uint64_t;
  struct Page {
    std::vector<ConnectionRef>
        refs;                    // in the order of hashes; at most `limit`, perhaps none although more follow
    std::optional<Cursor> next;  // nullopt: this was the last page
  };
  /// One page of all owners. An id that is present from the first page to the last appears in one of them,
  /// whatever others do and however often it changes its owner; ids that come and go may appear. Visits a
  /// bounded number of entries; allocates.
  Page scan(Cursor cursor, std::size_t limit) const;

  /// Ids with an owner; exact when nobody is changing the map.
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  /// Old tables that wait for a last reader: stays above 0 while a shard is stuck in a turn.
  std::size_t tables_waiting_count() const { return waiting_count_.load(std::memory_order_relaxed); }
  /// Tables replaced since the start.
  std::uint64_t rebuilds_count() const { return rebuilds_.load(std::memory_order_relaxed); }

  /// The owner shard, once per turn, holding no call of the map: old tables are freed when every shard has
  /// said so.
  void quiescent(std::uint8_t shard) {
    quiescence_.quiescent(shard);
    if (waiting_.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
      free_waiting();
  }
  /// The owner shard, around its sleep. Shards start offline.
  void offline(std::uint8_t shard) { quiescence_.offline(shard); }
  void online(std::uint8_t shard) { quiescence_.online(shard); }

  /// For a thread that is no shard: the map may be used while the guard lives. Keep it as short as one call.
  class ForeignReader : Quiescence::ForeignReader {
   public:
    explicit ForeignReader(DeviceMap& map) : Quiescence::ForeignReader(map.quiescence_) {}
  };

 private:
  std::optional<ConnectionRef> find_index(std::uint64_t index) const;
  bool reserve();
  void release() { count_.fetch_sub(1, std::memory_order_relaxed); }
  void help_move();
  bool start_rebuild(IdTable& crowded);
  void promote(IdTable& moved);
  void free_waiting();
  void keep_waiting(IdTable* table);

  const std::size_t entries_max_;
  Quiescence quiescence_;
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
