// Memory for the parcels under way between one asking shard and those it asks, in segments of a kilobyte.
//
// A segment is lent: the asking shard takes it from its pool, it travels through a lane, and it comes back to the same pool. It
// is no general allocator: one size, one thread. Owned by a mailbox. Invariant: a pool maps the slabs of its lent segments, and
// at most `spare_slabs_max` others.
#pragma once

#include <cstddef>

#include "base/limits.h"
#include "device/zero_pages.h"

namespace ringgate::device {

class Slab;

/// Slots for parcels, and the link to the next segment. Only the holder of a segment may touch it.
struct alignas(64) Segment {
  static constexpr std::size_t slots_count = 15;
  struct alignas(64) Slot {
    std::byte bytes[limits::parcel_bytes_max];
  };

  Segment* next;
  Slab* slab;  // that it belongs to; for the pool
  Slot slots[slots_count];
};
static_assert(sizeof(Segment) == 1024);

/// An element of a circular list. The head of a list is an element too.
struct SlabLink {
  SlabLink() = default;
  SlabLink(const SlabLink&) = delete;
  SlabLink& operator=(const SlabLink&) = delete;

  bool alone() const { return next == this; }
  void insert_after(SlabLink& other);
  void remove();

  SlabLink* next = this;
  SlabLink* previous = this;
};

/// Segments that are mapped and unmapped together.
class Slab : public SlabLink {
 public:
  static constexpr std::size_t bytes = std::size_t{64} * 1024;
  static constexpr std::size_t segments_count = bytes / sizeof(Segment);

  Slab() : pages_(bytes) {}
  bool mapped() const { return pages_.data() != nullptr; }
  bool full() const { return lent_ == segments_count; }
  bool spare() const { return lent_ == 0; }

  /// The segment that was given back last, which is still in the cache, or else the next untouched one.
  Segment* take() {
    ++lent_;
    Segment* segment = given_back_;
    if (segment != nullptr) {
      given_back_ = segment->next;
    } else {
      segment = static_cast<Segment*>(pages_.data()) + touched_++;
      segment->slab = this;
    }
    return segment;
  }
  void give_back(Segment& segment) {
    --lent_;
    segment.next = given_back_;
    given_back_ = &segment;
  }

 private:
  const ZeroPages pages_;
  Segment* given_back_ = nullptr;
  std::size_t touched_ = 0;
  std::size_t lent_ = 0;
};

/// The segments of one asking shard. Owner shard.
class SegmentPool {
 public:
  /// Slabs that stay mapped although nothing of them is lent: a burst of some 1,900 parcels costs no system call.
  static constexpr std::size_t spare_slabs_max = 2;

  SegmentPool() = default;
  ~SegmentPool();
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  /// A segment with unspecified content, or nullptr if memory is out. Maps a slab if all are full.
  Segment* take() {
    if (with_room_.alone() && !add_slab()) return nullptr;
    Slab& slab = static_cast<Slab&>(*with_room_.next);
    if (slab.spare()) --spare_count_;
    Segment* const segment = slab.take();
    if (slab.full()) [[unlikely]]
      move(slab, full_);
    return segment;
  }

  /// Takes back a segment of `take`. Unmaps its slab if that makes one spare slab too many.
  void give_back(Segment& segment) {
    Slab& slab = *segment.slab;
    if (slab.full()) [[unlikely]]
      move(slab, with_room_);
    slab.give_back(segment);
    if (slab.spare() && ++spare_count_ > spare_slabs_max) [[unlikely]]
      remove_slab(slab);
  }

  /// Mapped address space; memory follows use.
  std::size_t mapped_bytes() const { return slabs_count_ * Slab::bytes; }
  /// True if no segment is lent.
  bool at_rest() const { return spare_count_ == slabs_count_; }

 private:
  bool add_slab();
  void remove_slab(Slab& slab);
  static void move(Slab& slab, SlabLink& list);

  SlabLink with_room_;
  SlabLink full_;
  std::size_t slabs_count_ = 0;
  std::size_t spare_count_ = 0;
};

}  // namespace ringgate::device
