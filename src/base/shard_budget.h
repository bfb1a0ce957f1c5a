// One shard's part of a memory budget of the whole gate: what is used of it, and whether that is too much.
//
// Owner shard; both figures are counters, so any thread may read them for the metrics. Nothing is allocated and nothing refused here:
// whoever adds looks at `is_over` and gives something up. Invariant: used_bytes() is the sum of what was added and not subtracted.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/assert.h"
#include "base/counters.h"

namespace ringgate {

class ShardBudget {
 public:
  /// `used` and `ceiling` show the figures; they outlive this.
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

  /// An equal part of the gate's budget, but never less than `floor`, which a shard needs to serve anybody.
  static std::uint64_t part_of(std::uint64_t bytes_max, std::uint32_t shards_count, std::uint64_t floor) {
    return std::max(bytes_max / shards_count, floor);
  }

 private:
  Counter& used_;
  const std::uint64_t bytes_max_;
};

}  // namespace ringgate
