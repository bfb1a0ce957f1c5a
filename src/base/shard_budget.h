// One shard's part of a memory budget of the whole gate: how many bytes are used, and whether they are too many.
//
// Owner shard; both figures are also counters, which any thread reads for the metrics. It neither allocates nor refuses: the
// caller of `add` checks `is_over` and gives something up. Invariant: used_bytes() is the sum of added minus subtracted bytes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/assert.h"
#include "base/counters.h"

namespace ringgate {

class ShardBudget {
 public:
  /// `used` holds the bytes in use, `ceiling` shows `bytes_max`. Both must outlive the budget.
  ShardBudget(std::uint64_t bytes_max, Counter& used, Counter& ceiling) : used_(used), bytes_max_(bytes_max) {
    ceiling.set(bytes_max);
  }
  ShardBudget(const ShardBudget&) = delete;
  ShardBudget& operator=(const ShardBudget&) = delete;

  void add(std::uint64_t bytes) { used_.add(bytes); }
  void subtract(std::uint64_t bytes) {
    RINGGATE_ASSERT(bytes <= used_.get());
    used_.subtract(bytes);
  }

  std::uint64_t used_bytes() const { return used_.get(); }
  std::uint64_t bytes_max() const { return bytes_max_; }
  bool is_over() const { return used_bytes() > bytes_max_; }

  /// A shard's equal part of the gate's budget, but at least `floor` bytes, which a shard needs to serve anybody.
  static std::uint64_t part_of(std::uint64_t bytes_max, std::uint32_t shards_count, std::uint64_t floor) {
    return std::max(bytes_max / shards_count, floor);
  }

 private:
  Counter& used_;
  const std::uint64_t bytes_max_;
};

}  // namespace ringgate
