#include "events/log.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/assert.h"

namespace ringgate::events {

struct EventLog::Segment {
  Segment(std::size_t bytes, std::uint64_t first, std::uint64_t position)
      : first_number(first), first_position(position), capacity(bytes), data(new std::uint8_t[bytes]) {}

  const std::uint64_t first_number;
  const std::uint64_t first_position;  // bytes appended to the log before it
  const std::size_t capacity;
  const std::unique_ptr<std::uint8_t[]> data;
  std::size_t written = 0;             // the merger's
  std::atomic<std::size_t> used{0};    // published bytes: stored by the merger (release), read by readers (acquire)
  std::atomic<bool> is_sealed{false};  // nothing will be added: stored behind the last `used` (release), read before it (acquire)
};

EventLog::EventLog(std::size_t bytes_max, std::size_t segment_bytes)
    : bytes_max_(bytes_max), segment_bytes_(std::min(segment_bytes, std::max<std::size_t>(bytes_max / 4, 4096))) {}

EventLog::~EventLog() = default;

// -- The merger

bool EventLog::append(const std::uint8_t* record, std::size_t size) {
  if ((open_ == nullptr || open_->capacity - open_->written < size) && !open_segment(size)) return false;
  std::uint8_t* const out = open_->data.get() + open_->written;
  std::memcpy(out, record, size);
  std::memcpy(out + offsetof(RecordHead, number), &next_, sizeof next_);
  open_->written += size;
  position_ += size;
  ++next_;
  return true;
}

bool EventLog::open_segment(std::size_t bytes) {
  std::shared_ptr<Segment> fresh;
  try {
    fresh = std::make_shared<Segment>(std::max(bytes, segment_bytes_), next_, position_);
    const std::lock_guard lock(mutex_);
    segments_.push_back(fresh);
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (open_ != nullptr) {
    open_->used.store(open_->written, std::memory_order_release);
    open_->is_sealed.store(true, std::memory_order_release);
  }
  open_ = std::move(fresh);
  bytes_.fetch_add(open_->capacity, std::memory_order_relaxed);
  drop_oldest();
  return true;
}

void EventLog::drop_oldest() {
  while (bytes_.load(std::memory_order_relaxed) > bytes_max_) {
    std::shared_ptr<Segment> oldest;  // freed without the lock
    const std::lock_guard lock(mutex_);
    if (segments_.size() <= 1) return;
    oldest = std::move(segments_.front());
    segments_.pop_front();
    bytes_.fetch_sub(oldest->capacity, std::memory_order_relaxed);
  }
}

/// Only the merger changes the segments, so it needs no lock to look at them.
bool EventLog::keeps(std::uint64_t number, std::size_t size) const {
  if (number >= next_ || (open_ != nullptr && open_->capacity - open_->written >= size)) return true;
  std::size_t bytes = bytes_.load(std::memory_order_relaxed) + std::max(size, segment_bytes_);
  for (const auto& segment : segments_) {
    if (bytes <= bytes_max_) return segment->first_number <= number;
    bytes -= segment->capacity;
  }
  return false;
}

void EventLog::publish() {
  if (open_ == nullptr || next_ == end_.load(std::memory_order_relaxed)) return;
  open_->used.store(open_->written, std::memory_order_release);
  end_position_.store(position_, std::memory_order_relaxed);
  end_.store(next_, std::memory_order_seq_cst);  // before looking who is armed
  if (listeners_count_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  for (LogListener* const listener : listeners_)
    if (listener->armed_.exchange(false, std::memory_order_seq_cst)) listener->wake();
}

// -- Readers

std::uint64_t EventLog::begin() const {
  const std::lock_guard lock(mutex_);
  return segments_.empty() ? end() : segments_.front()->first_number;
}

EventLog::Read EventLog::read(Cursor& cursor) const {
  Read result;
  // What is appended but not published has no reader, also where its segment shows it already.
  if (cursor.next_ >= end()) return result;
  while (true) {
    if (cursor.segment_ == nullptr) find(cursor, result.missed);
    if (cursor.next_ >= end()) return result;  // all that was published is overwritten
    const Segment& segment = *cursor.segment_;
    const bool was_sealed = segment.is_sealed.load(std::memory_order_acquire);
    if (cursor.offset_ < segment.used.load(std::memory_order_acquire)) break;
    RINGGATE_ASSERT(was_sealed);  // `end` says that there is more, so it is in a later segment
    cursor.segment_ = nullptr;
  }
  const RecordView record(cursor.segment_->data.get() + cursor.offset_);
  RINGGATE_ASSERT(record.number() == cursor.next_);
  cursor.offset_ += record.head().size;
  ++cursor.next_;
  result.record = record;
  return result;
}

/// Finds the segment of `cursor.next()`, or the oldest one if that was overwritten. There is a published record behind the cursor.
void EventLog::find(Cursor& cursor, std::uint64_t& missed) const {
  {
    const std::lock_guard lock(mutex_);
    auto behind =
        std::ranges::upper_bound(segments_, cursor.next_, {}, [](const auto& segment) { return segment->first_number; });
    if (behind == segments_.begin()) {
      missed += segments_.front()->first_number - cursor.next_;
      cursor.next_ = segments_.front()->first_number;
      ++behind;
    }
    cursor.segment_ = *std::prev(behind);
  }
  cursor.offset_ = 0;
  for (std::uint64_t number = cursor.segment_->first_number; number < cursor.next_; ++number) {
    std::uint32_t size = 0;
    std::memcpy(&size, cursor.segment_->data.get() + cursor.offset_ + offsetof(RecordHead, size), sizeof size);
    cursor.offset_ += size;
  }
}

std::size_t EventLog::lag_bytes(const Cursor& cursor) const {
  if (cursor.segment_ == nullptr) return 0;
  const std::uint64_t position = cursor.segment_->first_position + cursor.offset_;
  const std::uint64_t end = end_position_.load(std::memory_order_relaxed);
  return end > position ? static_cast<std::size_t>(end - position) : 0;
}

void EventLog::add_listener(LogListener& listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(&listener);
  listeners_count_.store(listeners_.size(), std::memory_order_relaxed);
}

void EventLog::remove_listener(LogListener& listener) {
  const std::lock_guard lock(mutex_);
  std::erase(listeners_, &listener);
  listeners_count_.store(listeners_.size(), std::memory_order_relaxed);
}

bool EventLog::arm(LogListener& listener, const Cursor& cursor) const {
  listener.armed_.store(true, std::memory_order_seq_cst);  // before looking
  if (end() <= cursor.next_) return true;
  // Whoever takes the flag back first decides: if the merger did, its `wake` is on the way.
  return !listener.armed_.exchange(false, std::memory_order_seq_cst);
}

}  // namespace ringgate::events
