// What each device of one shard may send per second, and what it has sent: for devices with such a limit only.
//
// It counts; it neither pauses nor closes. Owned by the device session; owner shard. Invariant: until a device of the shard has a
// limit, there is no memory here, and `any` is all that anybody asks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "limit/token_bucket.h"

namespace ringgate::dispatch {

/// What one device may send per second; 0: as much as it likes.
struct SendRates {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // received on its connection, after TLS and before decompression

  bool is_limited() const { return messages != 0 || bytes != 0; }
  friend bool operator==(const SendRates&, const SendRates&) = default;
};

/// The rates of one device and its two buckets.
class DevicePace {
 public:
  DevicePace(const SendRates& rates, DurationNs burst, TimeNs now)
      : messages_{std::min(rates.messages, limits::rate_per_second_max), burst},
        bytes_{std::min(rates.bytes, limits::rate_per_second_max), burst} {
    if (messages_.is_limited()) message_bucket_.start(messages_, now);
    if (bytes_.is_limited()) byte_bucket_.start(bytes_, now);
  }

  /// True unless more was sent than may be, debt and all.
  bool take_bytes(TimeNs now, std::uint64_t count) {
    if (bytes_.is_limited()) byte_bucket_.take(bytes_, now, count);
    return !byte_bucket_.is_in_debt();
  }
  bool take_messages(TimeNs now, std::uint64_t count) {
    if (messages_.is_limited()) message_bucket_.take(messages_, now, count);
    return !message_bucket_.is_in_debt();
  }

  bool owes_bytes() const { return byte_bucket_.is_in_debt(); }
  /// Messages that may be read now.
  std::uint64_t messages_left(TimeNs now) { return messages_.is_limited() ? message_bucket_.tokens(messages_, now) : UINT64_MAX; }
  /// Until the device may be read from again; 0: now.
  DurationNs wait(TimeNs now) {
    DurationNs longest = 0;
    if (messages_.is_limited() && message_bucket_.tokens(messages_, now) == 0) longest = message_bucket_.wait_for(messages_, 1);
    if (bytes_.is_limited() && byte_bucket_.tokens(bytes_, now) == 0)
      longest = std::max(longest, byte_bucket_.wait_for(bytes_, 0));
    return longest;
  }

 private:
  limit::Rate messages_, bytes_;
  limit::TokenBucket message_bucket_, byte_bucket_;
};

/// By slot.
class DevicePaces {
 public:
  bool any() const { return any_; }
  /// Null: without limit.
  DevicePace* find(std::uint32_t slot) { return slot < paces_.size() ? paces_[slot].get() : nullptr; }
  /// Allocates. The buckets are full at first.
  void set(std::uint32_t slot, const SendRates& rates, DurationNs burst, TimeNs now) {
    if (!rates.is_limited()) return drop(slot);
    any_ = true;
    if (slot >= paces_.size()) paces_.resize(std::size_t{slot} + 1);
    paces_[slot] = std::make_unique<DevicePace>(rates, burst, now);
  }
  void drop(std::uint32_t slot) {
    if (slot < paces_.size()) paces_[slot] = nullptr;
  }

 private:
  std::vector<std::unique_ptr<DevicePace>> paces_;
  bool any_ = false;  // whether a device ever had a limit
};

}  // namespace ringgate::dispatch
