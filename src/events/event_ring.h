// A ring of bytes from one shard to the merger: whole records, written by the shard within a turn and published at its end.
//
// One producer (the shard), one consumer (the merger). Neither ever waits: a record that finds no room is the producer's to drop. A
// record never wraps: where it would, a filler takes the rest of the ring. The memory costs only what was written to so far.
// Invariant: bytes between `taken_` and `published_` are whole records that only the consumer touches.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "base/assert.h"
#include "device/zero_pages.h"
#include "events/record.h"

namespace ringgate::events {

class EventRing {
 public:
  /// `bytes` is a power of two, at least 4 KiB. Throws std::bad_alloc: start-up only.
  explicit EventRing(std::size_t bytes) : bytes_(bytes), pages_(bytes) {
    RINGGATE_ASSERT(std::has_single_bit(bytes) && bytes >= 4096);
    if (pages_.data() == nullptr) throw std::bad_alloc();
    data_ = static_cast<std::uint8_t*>(pages_.data());
  }
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  std::size_t size() const { return bytes_; }
  /// The largest record that always finds room in an empty ring, wherever that stands.
  std::size_t record_bytes_max() const { return bytes_ / 2; }

  // -- Producer
  /// `size` writable bytes (a multiple of record_alignment, not 0), or null if there is no room. They are taken by the next call.
  std::uint8_t* reserve(std::size_t size) {
    const std::size_t at = written_ & (bytes_ - 1);
    const std::size_t to_end = bytes_ - at;
    const std::size_t needed = size <= to_end ? size : to_end + size;
    if (needed > room() && needed > look_again()) return nullptr;
    if (size > to_end) {
      const RecordHead filler{.size = static_cast<std::uint32_t>(to_end), .type = RecordHead::filler};
      std::memcpy(data_ + at, &filler, filler_head_bytes);
      written_ += to_end;
    }
    std::uint8_t* const out = data_ + (written_ & (bytes_ - 1));
    written_ += size;
    return out;
  }
  /// Bytes that are written and not taken.
  std::size_t fill_of_producer() { return bytes_ - look_again(); }
  /// True if something was written since the last `publish`.
  bool has_unpublished() const { return written_ != published_here_; }
  /// Lets the consumer see all that was written. seq_cst, for whoever then looks whether the consumer sleeps.
  void publish() {
    published_here_ = written_;
    published_.store(written_, std::memory_order_seq_cst);
  }

  // -- Consumer
  /// Calls `take(record, size)` for each published record until `bytes_max` were taken, or it says no: that record stays. The bytes of
  /// a record are valid within its call. True if any was taken.
  template <typename Take>
  bool drain(std::size_t bytes_max, Take&& take) {
    const std::uint64_t end = published_.load(std::memory_order_acquire);  // with `publish`
    std::uint64_t at = taken_here_;
    const std::uint64_t stop = at + bytes_max;
    while (at != end && at < stop) {
      const std::uint8_t* const record = data_ + (at & (bytes_ - 1));
      RecordHead head;
      std::memcpy(static_cast<void*>(&head), record, filler_head_bytes);
      if (head.type != RecordHead::filler && !take(record, head.size)) break;
      at += head.size;
    }
    if (at == taken_here_) return false;
    taken_here_ = at;
    taken_.store(at, std::memory_order_release);  // with `look_again`: the producer may write there
    return true;
  }
  /// seq_cst: for a consumer that has said it sleeps.
  bool is_empty() const { return published_.load(std::memory_order_seq_cst) == taken_here_; }

  /// Bytes that are published and not taken. Any thread; of a moment.
  std::size_t fill() const {
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    const std::uint64_t published = published_.load(std::memory_order_relaxed);
    return published > taken ? static_cast<std::size_t>(published - taken) : 0;
  }

 private:
  // Size and type: a filler may be as short as this.
  static constexpr std::size_t filler_head_bytes = 8;
  static_assert(filler_head_bytes <= record_alignment);

  std::size_t room() const { return bytes_ - static_cast<std::size_t>(written_ - taken_seen_); }
  std::size_t look_again() {
    taken_seen_ = taken_.load(std::memory_order_acquire);  // with `drain`
    return room();
  }

  const std::size_t bytes_;
  const device::ZeroPages pages_;
  std::uint8_t* data_ = nullptr;
  // Positions only rise; their place in the ring is their remainder.
  alignas(64) std::uint64_t written_ = 0;  // producer
  std::uint64_t published_here_ = 0;       // producer's copy
  std::uint64_t taken_seen_ = 0;           // what the producer last saw of `taken_`
  alignas(64) std::atomic<std::uint64_t> published_{0};
  alignas(64) std::atomic<std::uint64_t> taken_{0};
  std::uint64_t taken_here_ = 0;  // consumer
};

}  // namespace ringgate::events
