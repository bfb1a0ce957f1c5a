// All connection records of one shard, indexed by slot. A slot is the number of the socket (direct descriptor or process
// descriptor): the kernel allocates it, so there is no free list here.
//
// Owned by the transport; owner shard. Invariant: the address of a record never changes; memory of unused slots is never touched.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <new>

#include "base/assert.h"
#include "conn/connection.h"
#include "ring/token.h"

namespace ringgate::conn {

class ConnectionTable {
 public:
  explicit ConnectionTable(std::uint32_t slots_count) : slots_count_(slots_count) {
    void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();  // start-up only
    records_ = static_cast<Connection*>(memory);
  }
  ~ConnectionTable() { munmap(records_, bytes()); }
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  std::uint32_t slots_count() const { return slots_count_; }
  std::uint32_t used_count() const { return used_count_; }
  std::uint32_t high_water() const { return high_water_; }  // slots from here on were never used

  /// Takes the slot of a socket that was just accepted; null if it is out of range.
  Connection* open(ring::Socket socket) {
    if (socket >= slots_count_) return nullptr;
    Connection& record = records_[socket];
    const std::uint32_t generation = record.generation == 0 ? 1 : record.generation;  // 0: the page is fresh
    RINGGATE_ASSERT(record.state == State::free);
    new (&record) Connection{};
    record.generation = generation;
    record.state = State::open;
    ++used_count_;
    if (socket >= high_water_) high_water_ = socket + 1;
    return &record;
  }

  /// Frees the slot. References to this connection are stale from now on.
  void release(Connection& connection) {
    RINGGATE_ASSERT(connection.state == State::terminating && connection.operations_in_flight == 0);
    connection.state = State::free;
    if (++connection.generation == 0) connection.generation = 1;
    --used_count_;
  }

  /// The connection of an operation's token; null if it is gone.
  Connection* find(ring::Token token) { return find(token.slot, token.generation); }
  Connection* find(std::uint32_t slot, std::uint32_t generation) {
    if (slot >= slots_count_) return nullptr;
    Connection& record = records_[slot];
    return record.state != State::free && record.generation == generation ? &record : nullptr;
  }

  Connection& at(std::uint32_t slot) { return records_[slot]; }
  std::uint32_t slot_of(const Connection& connection) const { return static_cast<std::uint32_t>(&connection - records_); }

 private:
  std::size_t bytes() const { return sizeof(Connection) * slots_count_; }

  Connection* records_ = nullptr;
  std::uint32_t slots_count_;
  std::uint32_t used_count_ = 0;
  std::uint32_t high_water_ = 0;
};

}  // namespace ringgate::conn
