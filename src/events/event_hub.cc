#include "events/event_hub.h"

#include <pthread.h>

#include <algorithm>
#include <bitset>
#include <chrono>
#include <utility>

#include "base/limits.h"
#include "dispatch/upstream.h"

namespace ringgate::events {

EventHub::EventHub(Options options)
    : routes_(std::move(options.routes)),
      wake_(std::move(options.wake)),
      clock_(std::move(options.clock)),
      readers_max_(options.readers_max),
      heartbeat_(options.heartbeat),
      stall_max_(options.stall_max),
      threads_(options.threads),
      ring_full_bytes_(options.ring_bytes / 2),
      log_(options.log_bytes),
      encoder_(options.boot, routes_) {
  for (std::size_t i = 0; i < options.shards_count; ++i) shards_.emplace_back(options.ring_bytes);
  // So that neither a shard nor the merger's thread needs memory for a reader that has its place.
  readers_.reserve(readers_max_);
  fresh_readers_.reserve(readers_max_);
}

EventHub::~EventHub() = default;

void EventHub::want() {
  if (is_wanted()) return;
  const std::lock_guard lock(mutex_);
  if (is_wanted()) return;
  if (threads_ == Threads::own) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  is_wanted_.store(true, std::memory_order_relaxed);
}

void EventHub::stop() {
  std::jthread ended;
  const std::lock_guard lock(mutex_);
  ended.swap(thread_);
  ended.request_stop();
}

void EventHub::ring_bell() {
  if (is_asleep_.load(std::memory_order_seq_cst) == 0 || is_asleep_.exchange(0, std::memory_order_seq_cst) == 0) return;
  {
    const std::lock_guard lock(mutex_);
  }  // the merger either waits by now, or will look again
  rung_.notify_one();
}

bool EventHub::has_logged_all() const {
  const auto sum = [](const TypeCounters& counters) {
    std::uint64_t total = 0;
    for (const Counter& counter : counters) total += counter.get();
    return total;
  };
  std::uint64_t written = 0;
  for (const Shard& shard : shards_) written += sum(shard.offered) - sum(shard.dropped);
  return log_.end() + sum(lost_) == written;  // the end moves when records can be read
}

bool EventHub::reserve_reader() {
  if (readers_count_.fetch_add(1, std::memory_order_relaxed) < readers_max_) return true;
  release_reader();
  return false;
}

void EventHub::add_reader(std::shared_ptr<EventReader> reader) {
  {
    const std::lock_guard lock(mutex_);
    fresh_readers_.push_back(std::move(reader));
  }
  look_at_readers();
}

// -- The merger's thread

bool EventHub::turn() {
  const bool more_records = merge();
  const bool more_to_encode = serve_readers();
  return more_records || more_to_encode || (is_blocked_.load(std::memory_order_relaxed) && oldest_needed() != needed_);
}

/// True if a ring may hold more that the log has room for.
bool EventHub::merge() {
  bool any = false;
  bool is_blocked = false;
  merged_count_ = 0;
  const std::uint64_t needed_before = std::exchange(needed_, oldest_needed());
  const auto take = [&](const std::uint8_t* record, std::size_t size) {
    if (needed_ != UINT64_MAX && !log_.keeps(needed_, size)) {
      is_blocked = true;
      return false;
    }
    keep(record, size);
    return true;
  };
  for (Shard& shard : shards_) any = shard.ring.drain(ring_bytes_per_turn, take) || any;
  if (!is_blocked) blocked_since_ = 0;
  else if (blocked_since_ == 0 || needed_ != needed_before) blocked_since_ = clock_();
  if (is_blocked != is_blocked_.load(std::memory_order_relaxed)) is_blocked_.store(is_blocked, std::memory_order_seq_cst);
  log_.publish();
  return any;
}

/// The record that a patient sink reads next; UINT64_MAX if none holds the log.
std::uint64_t EventHub::oldest_needed() const {
  std::uint64_t oldest = UINT64_MAX;
  const std::uint64_t sinks = patient_sinks();
  if (sinks == 0) return oldest;
  if ((sinks & dispatch::events_sink) != 0)
    for (const auto& reader : readers_) oldest = std::min(oldest, reader->next());
  if ((sinks & ~dispatch::events_sink) != 0) oldest = std::min(oldest, sources_next_.load(std::memory_order_seq_cst));
  return oldest == UINT64_MAX ? oldest : std::max(oldest, log_.begin());
}

void EventHub::set_patience(std::uint64_t sinks, std::size_t record_bytes) {
  const std::size_t ring_bytes = shards_.front().ring.size();
  ring_full_bytes_.store(std::min(ring_bytes / 2, ring_bytes - std::min(ring_bytes, 2 * record_bytes)),
                         std::memory_order_relaxed);
  patient_sinks_.store(sinks, std::memory_order_relaxed);
  look_at_readers();
}

void EventHub::note_sources_next(std::uint64_t number) {
  if (sources_next_.load(std::memory_order_relaxed) == number) return;
  sources_next_.store(number, std::memory_order_seq_cst);
  if (is_blocked_.load(std::memory_order_seq_cst)) ring_bell();
}

void EventHub::keep(const std::uint8_t* record, std::size_t size) {
  const std::uint8_t type = record[offsetof(RecordHead, type)];
  (log_.append(record, size) ? logged_ : lost_)[type].add(1);
  ++merged_count_;
}

/// True if a reader has more to encode.
bool EventHub::serve_readers() {
  if (has_requests_.load(std::memory_order_relaxed)) {
    has_requests_.store(false, std::memory_order_seq_cst);
    const std::lock_guard lock(mutex_);
    readers_.insert(readers_.end(), fresh_readers_.begin(), fresh_readers_.end());
    fresh_readers_.clear();
  }
  if (readers_.empty()) {
    judge_fullness(0);
    return false;
  }
  bool more = false;
  std::size_t lag_bytes = 0;
  std::bitset<limits::shards_max> to_wake;
  heartbeat_at_ = 0;
  const TimeNs now = clock_();
  const std::size_t before = readers_.size();
  const bool is_time_up = stall_max_ != 0 && blocked_since_ != 0 && now - blocked_since_ >= stall_max_;
  std::erase_if(readers_, [&](const std::shared_ptr<EventReader>& reader) {
    const EventReader::Pumped pumped = is_time_up && reader->next() <= needed_
                                           ? reader->cut(reader_counters_)
                                           : reader->pump(log_, encoder_, now, reader_counters_);
    if (pumped == EventReader::Pumped::ended) return true;
    more = more || pumped == EventReader::Pumped::more;
    lag_bytes = std::max(lag_bytes, reader->lag_bytes(log_));
    if (pumped != EventReader::Pumped::nothing && !shards_[reader->shard()].has_news.exchange(true, std::memory_order_seq_cst))
      to_wake.set(reader->shard());
    if (const TimeNs at = reader->heartbeat_at(); at != 0 && (heartbeat_at_ == 0 || at < heartbeat_at_)) heartbeat_at_ = at;
    return false;
  });
  judge_fullness(lag_bytes);
  if (stall_max_ != 0 && blocked_since_ != 0 && !is_time_up) {  // then the merger looks again
    const TimeNs at = blocked_since_ + stall_max_;
    if (heartbeat_at_ == 0 || at < heartbeat_at_) heartbeat_at_ = at;
  }
  if (readers_.size() != before) readers_count_.fetch_sub(before - readers_.size(), std::memory_order_relaxed);
  for (std::size_t shard = 0; to_wake.any() && shard < shards_.size(); ++shard)
    if (to_wake.test(shard)) wake_(static_cast<std::uint8_t>(shard));
  return more;
}

/// The stream is as full as the log is for the slowest reader.
void EventHub::judge_fullness(std::size_t lag_bytes) {
  const bool is_full = (full_sinks() & dispatch::events_sink) != 0;
  if (!is_full && lag_bytes > log_.bytes_max() / 2) set_full(dispatch::events_sink);
  else if (is_full && lag_bytes < log_.bytes_max() / 4) clear_full(dispatch::events_sink);
}

bool EventHub::all_rings_are_empty() const {
  return std::ranges::all_of(shards_, [](const Shard& shard) { return shard.ring.is_empty(); });
}

void EventHub::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "events");
  while (!stop.stop_requested()) {
    if (!turn()) sleep(stop);
    else if (merged_count_ > records_few) std::this_thread::sleep_for(std::chrono::nanoseconds(gather_time));
  }
}

void EventHub::sleep(const std::stop_token& stop) {
  is_asleep_.store(1, std::memory_order_seq_cst);  // before looking
  const bool is_blocked = is_blocked_.load(std::memory_order_seq_cst);
  const bool can_merge = is_blocked ? oldest_needed() != needed_ : !all_rings_are_empty();
  if (can_merge || has_requests_.load(std::memory_order_seq_cst)) {
    is_asleep_.store(0, std::memory_order_relaxed);
    return;
  }
  std::unique_lock lock(mutex_);
  const auto is_rung = [this] { return is_asleep_.load(std::memory_order_seq_cst) == 0; };
  if (heartbeat_at_ == 0) {
    rung_.wait(lock, stop, is_rung);
  } else {
    const TimeNs now = clock_();
    const DurationNs wait = heartbeat_at_ > now ? heartbeat_at_ - now : 0;
    rung_.wait_for(lock, stop, std::chrono::nanoseconds(wait), is_rung);
  }
  is_asleep_.store(0, std::memory_order_relaxed);
}

}  // namespace ringgate::events
