// The deadlines of many slots in one hashed wheel: schedule, move and cancel are O(1), and a turn visits only buckets that are
// due.
//
// It reads no clock and allocates nothing: the caller passes the time, and the links live in the caller's record of the slot.
// Owner shard. Invariant: a scheduled slot is in exactly one list: its bucket's or, while that bucket is being expired, the due
// list.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/time.h"

namespace ringgate {

/// 12 bytes in the caller's record of a slot. While the slot is scheduled, only the wheel may touch them.
struct TimerLinks {
  static constexpr std::uint32_t none = 0xFFFF'FFFF;
  static constexpr std::uint32_t unscheduled = 0xFFFF'FFFE;

  std::uint32_t previous = unscheduled;
  std::uint32_t next = none;
  std::uint32_t deadline_tick = 0;  // modulo 2^32
};

/// `LinksOf` takes a slot (< 0xFFFF'FFFE) and returns its TimerLinks&, which must not move while the slot is scheduled.
template <class LinksOf>
class TimerWheel {
 public:
  static constexpr DurationNs tick_ns = 16 * nanoseconds_per_millisecond;
  static constexpr std::uint32_t buckets_count = 1024;
  /// About a year; a later deadline is moved forward to this.
  static constexpr std::uint64_t ticks_ahead_max = std::uint64_t{1} << 31;

  /// `start` must not be later than any time passed to the other functions.
  TimerWheel(LinksOf links_of, TimeNs start) : links_of_(std::move(links_of)), start_(start) { buckets_.fill(TimerLinks::none); }
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  bool scheduled(std::uint32_t slot) { return links_of_(slot).previous != TimerLinks::unscheduled; }
  std::size_t count() const { return count_; }

  /// Sets or moves the slot's one deadline. It never fires early; if the caller expires every tick, it fires less than two ticks
  /// late. A deadline in the past fires with the next tick.
  void schedule(std::uint32_t slot, TimeNs deadline) {
    cancel(slot);
    const std::uint64_t wanted = deadline <= start_ ? 0 : (deadline - start_ - 1) / tick_ns + 1;  // rounded up
    const std::uint64_t tick = std::clamp(wanted, tick_ + 1, tick_ + ticks_ahead_max - 1);
    link(slot, static_cast<std::uint32_t>(tick));
    ++count_;
  }

  /// Does nothing if the slot is not scheduled.
  void cancel(std::uint32_t slot) {
    TimerLinks& links = links_of_(slot);
    if (links.previous == TimerLinks::unscheduled) return;
    unlink(slot, links);
    links.previous = TimerLinks::unscheduled;
    --count_;
  }

  /// Calls `fire(slot)` for each deadline that is due at `now`, in no particular order, after unscheduling the slot. `fire` may
  /// schedule and cancel any slot, but must not call `expire`. Returns how many deadlines fired.
  template <class Fire>
  std::size_t expire(TimeNs now, Fire&& fire) {
    const std::uint64_t now_tick = now <= start_ ? 0 : (now - start_) / tick_ns;
    if (now_tick <= tick_) return 0;
    const std::uint64_t first = tick_ + 1;
    const std::uint64_t visits = std::min<std::uint64_t>(now_tick - tick_, buckets_count);
    tick_ = now_tick;  // before the first `fire`, so that deadlines scheduled there belong to later ticks
    std::size_t fired = 0;
    for (std::uint64_t visit = 0; visit < visits; ++visit) {
      const std::uint32_t bucket = bucket_of(first + visit);
      if (buckets_[bucket] != TimerLinks::none) fired += expire_bucket(bucket, fire);
    }
    return fired;
  }

  /// Time from `now` until `expire` has a bucket to visit: 0 if it has one already, nullopt if nothing is scheduled. That bucket
  /// may hold only deadlines of later rounds (16.4 s each); then the wake-up was for nothing.
  std::optional<DurationNs> next_wake(TimeNs now) const {
    if (count_ == 0) return std::nullopt;
    const TimeNs due = start_ + (tick_ + ticks_to_occupied_bucket()) * tick_ns;
    return due > now ? due - now : 0;
  }

 private:
  static constexpr std::uint32_t words_count = buckets_count / 64;

  static std::uint32_t bucket_of(std::uint64_t tick) { return static_cast<std::uint32_t>(tick % buckets_count); }
  bool due(std::uint32_t deadline_tick) const {
    return static_cast<std::int32_t>(deadline_tick - static_cast<std::uint32_t>(tick_)) <= 0;
  }

  template <class Fire>
  std::size_t expire_bucket(std::uint32_t bucket, Fire& fire) {
    RINGGATE_ASSERT(due_ == TimerLinks::none);
    due_ = std::exchange(buckets_[bucket], TimerLinks::none);
    mark_empty(bucket);
    std::size_t fired = 0;
    while (due_ != TimerLinks::none) {
      const std::uint32_t slot = due_;
      TimerLinks& links = links_of_(slot);
      if (due(links.deadline_tick)) {
        cancel(slot);
        fire(slot);
        ++fired;
      } else {
        unlink(slot, links);
        link(slot, links.deadline_tick);
      }
    }
    return fired;
  }

  void link(std::uint32_t slot, std::uint32_t deadline_tick) {
    const std::uint32_t bucket = bucket_of(deadline_tick);
    std::uint32_t& head = buckets_[bucket];
    links_of_(slot) = {TimerLinks::none, head, deadline_tick};
    if (head != TimerLinks::none) links_of_(head).previous = slot;
    head = slot;
    occupied_[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
  }

  void unlink(std::uint32_t slot, const TimerLinks& links) {
    if (links.next != TimerLinks::none) links_of_(links.next).previous = links.previous;
    if (links.previous != TimerLinks::none) {
      links_of_(links.previous).next = links.next;
    } else if (due_ == slot) {
      due_ = links.next;
    } else {
      const std::uint32_t bucket = bucket_of(links.deadline_tick);
      buckets_[bucket] = links.next;
      if (links.next == TimerLinks::none) mark_empty(bucket);
    }
  }

  void mark_empty(std::uint32_t bucket) { occupied_[bucket / 64] &= ~(std::uint64_t{1} << (bucket % 64)); }

  // 1 for the bucket of the next tick ... 1024 for the bucket of the current tick, one round later.
  std::uint64_t ticks_to_occupied_bucket() const {
    const std::uint32_t first = bucket_of(tick_ + 1);
    for (std::uint32_t step = 0; step <= words_count; ++step) {
      const std::uint32_t word = (first / 64 + step) % words_count;
      std::uint64_t bits = occupied_[word];
      if (step == 0) bits &= ~std::uint64_t{0} << (first % 64);
      if (bits == 0) continue;
      const std::uint32_t bucket = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      return (bucket - first) % buckets_count + 1;
    }
    return 0;  // only the due list holds slots: `expire` is running
  }

  LinksOf links_of_;
  const TimeNs start_;
  std::uint64_t tick_ = 0;  // every deadline up to this tick has fired
  std::size_t count_ = 0;
  std::uint32_t due_ = TimerLinks::none;
  std::array<std::uint64_t, words_count> occupied_{};  // one bit per bucket: 1 if it is not empty
  std::array<std::uint32_t, buckets_count> buckets_;
};

}  // namespace ringgate
