// The provided buffers of one simulated ring: first in, first out, classic (one completion per buffer) or incremental
// (a buffer fills completion by completion, from 0 to its size).
//
// A piece handed out is a loan: taken by the kernel, shown by `reap`, looked at once with `received`, given back by
// `return_buffers`. Each buffer is its own allocation of exactly size + slack, so sanitizers see whoever reads past the slack;
// what is given back is overwritten with 0xDD, so stale views show. Owner: the ring.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "ring/ring.h"
#include "ringgate/bytes.h"

namespace ringgate::ring {

class FakeWorld;

class FakeBuffers {
 public:
  static constexpr std::uint8_t poison = 0xDD;

  FakeBuffers(FakeWorld& world, bool incremental, std::uint32_t count, std::uint32_t bytes);

  bool available() const { return !free_.empty(); }
  /// Where the kernel may write now, without taking it.
  MutableBytes room();
  /// Takes the first `size` bytes of `room` for a completion (shape: id and offset are filled in).
  void take(std::uint32_t size, Completion& completion);

  // -- The loans, from the caller's side. `turn` counts submits.
  void show(const Completion& completion, std::uint64_t turn);  // reap copied it out
  MutableBytes look_at(const Completion& completion);           // received
  bool return_before(std::uint64_t turn);                       // what was shown before that submit; true if a buffer came free
  std::uint32_t lent_count() const;                             // buffers that hold a loan
  /// As the kernel backend counts: buffers that are full, and not given back.
  bool mostly_lent() const { return 2 * (buffers_.size() - free_.size()) >= buffers_.size(); }

 private:
  struct Buffer {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::uint32_t filled = 0;  // up to here taken
    std::uint32_t loans = 0;
    bool kernels = true;  // in `free_`
  };
  struct Loan {
    std::uint16_t id;
    std::uint32_t offset;
    std::uint32_t size;
    std::uint64_t turn = 0;
    bool shown = false;
    bool looked_at = false;
  };
  Loan* find(const Completion& completion);
  bool give_back(const Loan& loan);

  FakeWorld& world_;
  bool incremental_;
  std::uint32_t bytes_;
  std::vector<Buffer> buffers_;
  std::deque<std::uint16_t> free_;
  std::vector<Loan> loans_;
};

}  // namespace ringgate::ring
