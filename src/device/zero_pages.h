// Pages that read as zero and cost memory only once written to. The device map's tables and the lanes between shards lie on them:
// both are sized for a worst case that most gates never see.
//
// It is one mapping with one owner, not an allocator. Invariant: `data()` is page-aligned and does not move until destruction.
#pragma once

#include <cstddef>

namespace ringgate::device {

class ZeroPages {
 public:
  /// Maps `size` bytes (not 0). `data()` is nullptr if the system refuses. Makes two system calls in its lifetime.
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
