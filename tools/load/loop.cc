#include "load/loop.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/assert.h"
#include "load/operation.h"
#include "load/stream.h"

namespace ringgate::load {

TimeNs monotonic_now() {
  return static_cast<TimeNs>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

std::expected<std::unique_ptr<Loop>, std::string> Loop::open(const LoopOptions& options) {
  auto ring = ClientRing::open(options.ring);
  if (!ring) return std::unexpected(ring.error());
  std::unique_ptr<Loop> loop(new Loop(options));
  loop->ring_ = std::move(*ring);
  return loop;
}

Loop::Loop(const LoopOptions& options)
    : options_(options), slots_(options.ring.sockets_max), random_(options.seed), now_(monotonic_now()) {
  free_slots_.reserve(slots_.size());
  for (std::size_t slot = slots_.size(); slot > 0; --slot) free_slots_.push_back(static_cast<std::uint32_t>(slot - 1));
}

Loop::~Loop() { RINGGATE_ASSERT(streams_count_ == 0); }

void Loop::turn(DurationNs wait_max) {
  flush_dirty();
  ring_->submit_and_wait(timers_.until_next(monotonic_now(), wait_max));
  now_ = monotonic_now();
  std::array<io_uring_cqe, 64> batch;
  // Bounded, so that a flood does not hold up timers and sends.
  for (std::size_t rounds = 0; rounds < 64; ++rounds) {
    const std::size_t count = ring_->reap(batch);
    for (std::size_t i = 0; i < count; ++i) hand_out(batch[i]);
    if (count < batch.size()) break;
  }
  timers_.run(now_);
}

void Loop::hand_out(const io_uring_cqe& completion) {
  const Operation operation = unpack(completion.user_data);
  const Slot& slot = slots_[operation.slot];
  if (slot.stream != nullptr && slot.generation == operation.generation) slot.stream->complete(operation.kind, completion);
  if (ClientRing::has_buffer(completion)) ring_->return_buffer(completion);
}

void Loop::flush_dirty() {
  flushing_.swap(dirty_);
  for (Stream* stream : flushing_) {
    if (stream != nullptr) stream->flush();
  }
  flushing_.clear();
}

// Rare: only for a stream that ends with unsent output.
void Loop::forget_dirty(Stream& stream) { std::ranges::replace(dirty_, &stream, static_cast<Stream*>(nullptr)); }

std::uint32_t Loop::take_slot(Stream& stream) {
  if (free_slots_.empty()) return no_slot;
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot].stream = &stream;
  ++streams_count_;
  return slot;
}

void Loop::free_slot(std::uint32_t slot) {
  slots_[slot].stream = nullptr;
  ++slots_[slot].generation;
  free_slots_.push_back(slot);
  --streams_count_;
}

// 250 hosts per 127.1.x, from .1 to .250.
std::uint32_t Loop::next_source() {
  if (options_.source_addresses == 0) return 0;
  const unsigned index = sources_used_++ % options_.source_addresses;
  return 0x7f010000U + ((index / 250) << 8) + 1 + index % 250;
}

}  // namespace ringgate::load
