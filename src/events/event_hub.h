// The hub of the event stream: the shards' rings, the thread that merges them into the log, and the readers that it serves.
//
// Shards write (EventObserver), the merger's thread numbers, keeps and encodes, and readers' shards take bytes: nothing is encoded on
// a shard. Until somebody wants events, there is neither a thread nor a byte in a ring, and shards ask one flag. Owned by the server;
// outlives the shards. Invariant: every event that a shard offered is counted once as logged or as dropped.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "events/event_json.h"
#include "events/event_reader.h"
#include "events/event_ring.h"
#include "events/log.h"

namespace ringgate::events {

/// Counts by type of event.
using TypeCounters = std::array<Counter, event_types_count>;

class EventHub {
 public:
  enum class Threads : std::uint8_t { own, none };  // none: a test calls `turn`

  struct Options {
    std::size_t shards_count = 1;
    std::size_t ring_bytes = 0;  // of each shard; a power of two
    std::size_t log_bytes = 0;
    std::uint64_t boot = 0;                        // differs from start to start
    std::vector<std::string> routes;               // their paths, by index
    std::function<void(std::uint8_t shard)> wake;  // makes a sleeping shard take a turn; on the merger's thread
    std::function<TimeNs()> clock;                 // monotonic; for heartbeats
    std::size_t readers_max = 64;
    DurationNs heartbeat = 0;  // see EventReader::Options
    DurationNs stall_max = 0;  // how long a reader may hold up devices that wait for it, without reading anything; 0: for ever
    Threads threads = Threads::own;
  };
  explicit EventHub(Options options);
  ~EventHub();
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  /// What one shard and the merger share.
  struct Shard {
    explicit Shard(std::size_t ring_bytes) : ring(ring_bytes) {}
    EventRing ring;
    TypeCounters offered, dropped;      // written by the shard
    std::atomic<bool> has_news{false};  // a reader of this shard has bytes to take: seq_cst, see `has_news`
  };
  Shard& of(std::uint8_t shard) { return shards_[shard]; }
  const std::deque<Shard>& shards() const { return shards_; }
  EventLog& log() { return log_; }
  const EventLog& log() const { return log_; }
  std::uint64_t boot() const { return encoder_.boot(); }
  const std::vector<std::string>& routes() const { return routes_; }

  // -- Any thread
  /// Whether events are recorded: from the first `want` on.
  bool is_wanted() const { return is_wanted_.load(std::memory_order_relaxed); }
  /// Records events from now on. Throws std::system_error if there can be no thread.
  void want();
  /// Wakes the merger if it sleeps. Call it after what it shall see is published (seq_cst).
  void ring_bell();

  /// After a `grant` that said so, or after closing a reader.
  void look_at_readers() {
    has_requests_.store(true, std::memory_order_seq_cst);
    ring_bell();
  }
  /// A place for one reader; false if all are taken. It is free again once `release_reader` was called, or the reader that was added
  /// has ended.
  bool reserve_reader();
  void release_reader() { readers_count_.fetch_sub(1, std::memory_order_relaxed); }
  /// The hub serves it until it is closed or ends. Its place is reserved.
  void add_reader(std::shared_ptr<EventReader> reader);
  std::size_t readers_count() const { return readers_count_.load(std::memory_order_relaxed); }
  std::size_t readers_max() const { return readers_max_; }
  DurationNs heartbeat() const { return heartbeat_; }
  ReaderCounters& reader_counters() { return reader_counters_; }
  const ReaderCounters& reader_counters() const { return reader_counters_; }
  const TypeCounters& logged() const { return logged_; }
  /// Events that the log had no memory for.
  const TypeCounters& lost() const { return lost_; }

  /// Ends the merger's thread: once the shards have ended, and before what `wake` uses is gone. Once.
  void stop();

  /// Whether all that the shards have written can be read in the log, or was lost there. Any thread; once the shards have ended.
  bool has_logged_all() const;

  /// Sinks that are more than half full, as bits (see dispatch/upstream.h). Whoever owns a sink says so, and clears the bit when it is
  /// less than a quarter full. Relaxed: a hint that comes soon enough.
  std::uint64_t full_sinks() const { return full_sinks_.load(std::memory_order_relaxed); }
  void set_full(std::uint64_t sinks) { full_sinks_.fetch_or(sinks, std::memory_order_relaxed); }
  void clear_full(std::uint64_t sinks) { full_sinks_.fetch_and(~sinks, std::memory_order_relaxed); }

  /// The sinks of routes whose devices wait for them (on_overflow = "pause"), and the largest record of such a route: for them nothing
  /// is overwritten that they have not read. A reader of the stream counts while it is connected.
  void set_patience(std::uint64_t sinks, std::size_t record_bytes);
  std::uint64_t patient_sinks() const { return patient_sinks_.load(std::memory_order_relaxed); }
  /// A sink that reads the log itself says up to which record it has read. Those that are patient; UINT64_MAX: none is.
  void note_sources_next(std::uint64_t number);

  /// Bytes in a ring from which devices that wait for their sinks must do so: behind them two of their largest records find room.
  std::size_t ring_full_bytes() const { return ring_full_bytes_.load(std::memory_order_relaxed); }

  // -- A shard
  /// Whether a reader of the shard has bytes to take; the next call says no until there are others. Each turn.
  bool take_news(std::uint8_t shard) {
    std::atomic<bool>& news = shards_[shard].has_news;
    return news.load(std::memory_order_relaxed) && news.exchange(false, std::memory_order_acquire);
  }
  /// For a shard that has said it will sleep: then either it sees the news here, or the merger sees that it sleeps.
  bool has_news(std::uint8_t shard) const { return shards_[shard].has_news.load(std::memory_order_seq_cst); }

  // -- The merger's thread
  /// One pass: takes from all rings, serves all readers. True if there is more to do at once.
  bool turn();

 private:
  static constexpr std::size_t ring_bytes_per_turn = 256 * 1024;
  static constexpr std::size_t records_few = 16;
  // After a pass with many records: the rings fill, and one pass takes many.
  static constexpr DurationNs gather_time = 300 * nanoseconds_per_microsecond;

  void run(const std::stop_token& stop);
  bool merge();
  void keep(const std::uint8_t* record, std::size_t size);
  bool serve_readers();
  void judge_fullness(std::size_t lag_bytes);
  std::uint64_t oldest_needed() const;
  bool all_rings_are_empty() const;
  void sleep(const std::stop_token& stop);

  const std::vector<std::string> routes_;
  const std::function<void(std::uint8_t)> wake_;
  const std::function<TimeNs()> clock_;
  const std::size_t readers_max_;
  const DurationNs heartbeat_;
  const DurationNs stall_max_;
  const Threads threads_;
  // Relaxed: settings, which count from the next look on.
  std::atomic<std::uint64_t> patient_sinks_{0};
  std::atomic<std::size_t> ring_full_bytes_;
  EventLog log_;
  EventEncoder encoder_;
  std::deque<Shard> shards_;
  TypeCounters logged_, lost_;
  ReaderCounters reader_counters_;
  std::atomic<std::uint64_t> full_sinks_{0};
  std::size_t merged_count_ = 0;  // records of the last pass
  // Records of a ring wait, because they would overwrite what a patient sink has not read: stored by the merger before it looks at
  // `sources_next_` for the last time, loaded by others after they moved it (both seq_cst).
  std::atomic<bool> is_blocked_{false};
  TimeNs blocked_since_ = 0;                    // since when the same record is needed; 0: nothing waits
  std::uint64_t needed_ = UINT64_MAX;           // as the last pass saw it
  std::atomic<std::uint64_t> sources_next_{0};  // see `note_sources_next`
  std::atomic<bool> is_wanted_{false};
  std::atomic<std::size_t> readers_count_{0};          // places taken: relaxed, a count that publishes nothing
  std::vector<std::shared_ptr<EventReader>> readers_;  // the merger's
  TimeNs heartbeat_at_ = 0;                            // when to look at the readers, though nothing happens; 0: never
  // 1 while the merger sleeps, or is about to: stored before it looks for work, loaded by others after they made some (all seq_cst).
  std::atomic<std::uint32_t> is_asleep_{0};
  std::atomic<bool> has_requests_{false};  // readers were added, or granted more: seq_cst, as above
  std::mutex mutex_;                       // of the sleep, and of what follows
  std::condition_variable_any rung_;
  std::vector<std::shared_ptr<EventReader>> fresh_readers_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace ringgate::events
