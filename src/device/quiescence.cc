#include "device/quiescence.h"

#include <algorithm>
#include <thread>

namespace ringgate::device {

std::size_t Quiescence::take_seat() {
  for (std::size_t seat = limits::shards_max;; seat = seat + 1 < seats_count ? seat + 1 : limits::shards_max) {
    std::uint64_t expected = outside;
    if (seen_[seat].epoch.compare_exchange_strong(expected, epoch_.load(std::memory_order_acquire), std::memory_order_acq_rel,
                                                  std::memory_order_relaxed)) {
      std::atomic_thread_fence(std::memory_order_seq_cst);  // as in `enter`
      return seat;
    }
    if (seat + 1 == seats_count) std::this_thread::yield();
  }
}

Quiescence::Ticket Quiescence::draw() { return epoch_.fetch_add(1, std::memory_order_acq_rel) + 1; }

bool Quiescence::over(Ticket ticket) const {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // after the unlinking; partner: the fence in `enter`
  return std::all_of(seen_.begin(), seen_.end(),
                     [ticket](const Seat& seat) { return seat.epoch.load(std::memory_order_acquire) >= ticket; });
}

}  // namespace ringgate::device
