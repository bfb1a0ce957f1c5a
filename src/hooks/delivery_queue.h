// What waits for one webhook, in lanes: deliveries of one subject are in one lane, in order. Bounded in number and bytes over all lanes;
// beyond it the oldest of all that is not in flight is dropped.
//
// Hook thread. Invariant: `messages()` and `bytes()` count what is in the lanes and what was taken and not yet given back.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "hooks/delivery.h"

namespace ringgate::hooks {

class DeliveryQueue {
 public:
  /// `on_drop` is told the lane of each delivery that is dropped.
  DeliveryQueue(std::size_t lanes_count, std::function<void(std::size_t lane)> on_drop)
      : lanes_(lanes_count), on_drop_(std::move(on_drop)) {}

  struct Bounds {
    std::uint64_t messages_max;
    std::uint64_t bytes_max;
  };

  std::size_t lane_of(std::string_view subject) const { return std::hash<std::string_view>{}(subject) % lanes_.size(); }

  /// Puts a delivery behind those of its lane, then drops until the bounds are kept, perhaps this one. Throws std::bad_alloc; then nothing
  /// has changed, and the delivery is lost.
  void put(Delivery&& delivery, TimeNs now, Bounds bounds) {
    delivery.queued_at = now;
    const std::size_t lane = lane_of(delivery.subject);
    const std::size_t memory_bytes = delivery.memory_bytes();
    lanes_[lane].push_back({next_number_++, std::move(delivery)});
    bytes_ += memory_bytes;
    ++messages_;
    while (messages_ > bounds.messages_max || bytes_ > bounds.bytes_max)
      if (!drop_oldest()) break;
  }

  bool is_empty(std::size_t lane) const { return lanes_[lane].empty(); }
  const Delivery& front(std::size_t lane) const { return lanes_[lane].front().delivery; }

  /// Takes the first of a lane. It counts until it is given back.
  Delivery take(std::size_t lane) {
    Delivery delivery = std::move(lanes_[lane].front().delivery);
    lanes_[lane].pop_front();
    return delivery;
  }
  void give_back(std::size_t memory_bytes) {
    --messages_;
    bytes_ -= memory_bytes;
  }

  /// Drops all that is not in flight.
  void drop_all() {
    while (drop_oldest()) {
    }
  }

  std::uint64_t messages() const { return messages_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::uint64_t number;
    Delivery delivery;
  };

  bool drop_oldest() {
    std::size_t oldest = lanes_.size();
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      if (!lanes_[i].empty() && (oldest == lanes_.size() || lanes_[i].front().number < lanes_[oldest].front().number)) oldest = i;
    if (oldest == lanes_.size()) return false;
    give_back(lanes_[oldest].front().delivery.memory_bytes());
    lanes_[oldest].pop_front();
    on_drop_(oldest);
    return true;
  }

  std::vector<std::deque<Entry>> lanes_;
  std::function<void(std::size_t lane)> on_drop_;
  std::uint64_t next_number_ = 0;
  std::uint64_t messages_ = 0, bytes_ = 0;
};

}  // namespace ringgate::hooks
