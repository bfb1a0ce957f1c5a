// Pages that read as zero and cost memory only once they are written to: the ground under the device map's
// tables and the lanes between shards, both of which are sized for a worst case that most gates never see.
//
// Not an allocator: one mapping, one owner. Invariant: `data()` is page-aligned and stays put until
// destruction.
#pragma once

#include <cstddef>

namespace ringgate::device {

class ZeroPages {
 public:
  /// Maps `size` bytes (not 0). `data()` is nullptr if the system refuses. Two system calls in a lifetime.
  explicit ZeroPages(std::size_t size);
  ~ZeroPages();
  ZeroPages(const ZeroPages&) = delete;
  ZeroPages& operator=(const ZeroPages&) = delete;

  void* data() const { return data_; }

 private:
  void* data_;
  std::size_t size_;
};

}  // namespace ringgate::device
