#include "device/segment.h"

#include <memory>
#include <new>

namespace ringgate::device {

void SlabLink::insert_after(SlabLink& other) {
  next = other.next;
  previous = &other;
  next->previous = this;
  other.next = this;
}

void SlabLink::remove() {
  next->previous = previous;
  previous->next = next;
}

SegmentPool::~SegmentPool() {
  for (SlabLink* const list : {&with_room_, &full_}) {  // also those with segments in a lane: the lanes end, too
    while (!list->alone()) remove_slab(static_cast<Slab&>(*list->next));
  }
}

bool SegmentPool::add_slab() {
  std::unique_ptr<Slab> slab(new (std::nothrow) Slab);
  if (slab == nullptr || !slab->mapped()) return false;
  slab.release()->insert_after(with_room_);
  ++slabs_count_;
  ++spare_count_;
  return true;
}

void SegmentPool::remove_slab(Slab& slab) {
  slab.remove();
  if (slab.spare()) --spare_count_;
  --slabs_count_;
  delete &slab;
}

void SegmentPool::move(Slab& slab, SlabLink& list) {
  slab.remove();
  slab.insert_after(list);
}

}  // namespace ringgate::device
