// One reader of the event stream: what it wants, where it stands in the log, and the bytes that are ready for it.
//
// The merger's thread encodes (`pump`), the shard that holds the reader's connection takes the bytes and grants more (`take`,
// `grant`). Neither waits for the other. Invariant: bytes that are encoded and not granted back are at most the window, plus one event.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "events/event_json.h"
#include "events/filter.h"
#include "events/log.h"

namespace ringgate::events {

/// How events become bytes for one kind of reader. One object serves all readers of that kind, on the merger's thread.
class EventFormat {
 public:
  virtual ~EventFormat() = default;
  // Each appends to `out`, and returns how many of the bytes the reader's window is charged with.
  virtual std::size_t event(std::string& out, EventEncoder& encoder, const RecordView& record) const = 0;
  virtual std::size_t gap(std::string& out, EventEncoder& encoder, const EventEncoder::Gap& gap) const = 0;
  /// The last that a reader gets. `reason` is one word.
  virtual std::size_t end(std::string& out, std::string_view reason) const = 0;
  /// Says that the stream lives.
  virtual std::size_t heartbeat(std::string& out) const = 0;
};

const EventFormat& sse_format();
const EventFormat& ndjson_format();

/// Of all readers together. Written on the merger's thread, unless said otherwise.
struct ReaderCounters {
  Counter delivered;                          // events encoded for a reader
  Counter filtered;                           // that a reader does not want, or may not see
  Counter missed;                             // that were overwritten before a reader came, as its gap says
  Counter cut_slow;                           // readers that were ended because they were too slow
  Counter cut_without_memory;                 // for which there was no memory
  Counter bytes;                              // encoded
  std::atomic<std::uint64_t> cut_stalled{0};  // readers that took no byte for the time of a send; by their shards, relaxed
  std::atomic<std::uint64_t> cut_silent{0};   // backends that answered no ping; likewise
};

class EventReader {
 public:
  struct Options {
    Filter filter;
    const EventFormat* format = nullptr;
    std::uint8_t shard = 0;        // that takes the bytes
    std::size_t window_bytes = 0;  // see the invariant
    std::optional<EventLog::Cursor> start;
    std::optional<EventEncoder::Gap> gap;  // the first thing that it is told
    DurationNs heartbeat = 0;              // 0: none
  };
  explicit EventReader(Options options);
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  std::uint8_t shard() const { return options_.shard; }

  // -- The merger's thread
  enum class Pumped : std::uint8_t {
    nothing,  // it has all that there is, or its window is used up
    some,     // there are bytes to take
    more,     // the same, and there is more to encode at once
    ended,    // it is closed, or has got the last that it gets
  };
  /// Ends a reader that holds others up: it gets what is ready, and an end with `slow_reader`. There are bytes to take.
  Pumped cut(ReaderCounters& counters);
  /// Without memory the reader ends: it gets what is ready, and an end with `no_memory` if there is memory for that. It may come back with
  /// the id of its last event.
  Pumped pump(const EventLog& log, EventEncoder& encoder, TimeNs now, ReaderCounters& counters);
  /// When `pump` must be called again even if nothing happens; 0: never.
  TimeNs heartbeat_at() const { return options_.heartbeat == 0 ? 0 : active_at_ + options_.heartbeat; }
  /// The record that it reads next; UINT64_MAX once it is closed.
  std::uint64_t next() const { return is_over_ || closed_.load(std::memory_order_relaxed) ? UINT64_MAX : cursor_.next(); }
  /// Bytes of the log that it has not read; 0 once it is closed.
  std::size_t lag_bytes(const EventLog& log) const;

  // -- Its shard
  struct Taken {
    std::string bytes;
    std::size_t charged_bytes;    // of them, what the window was charged with: to be granted again
    std::string_view end_reason;  // empty: more may follow; else this was the last
  };
  /// What is ready; nullopt: nothing new.
  std::optional<Taken> take();
  /// Lets so many more bytes be encoded. True if the merger may have waited for that: ring its bell.
  bool grant(std::size_t bytes);
  /// Nothing more is encoded. The bytes that are ready can still be taken.
  void close() { closed_.store(true, std::memory_order_relaxed); }

 private:
  static constexpr std::size_t chunk_bytes = 64 * 1024;
  static constexpr int records_per_pump = 4096;

  Pumped pump_with_memory(const EventLog& log, EventEncoder& encoder, TimeNs now, ReaderCounters& counters);
  bool encode(const EventLog& log, EventEncoder& encoder, ReaderCounters& counters);
  void append_event(EventEncoder& encoder, const RecordView& record);
  void append_gap(EventEncoder& encoder, const EventEncoder::Gap& gap);
  void end_slow(ReaderCounters& counters);
  void end(std::string_view reason);
  void hand_over(ReaderCounters& counters);

  const Options options_;
  // The merger's
  EventLog::Cursor cursor_;
  bool has_begun_ = false;
  TimeNs active_at_ = 0;
  std::string encoded_;
  std::size_t whole_bytes_ = 0;    // of `encoded_`: without an event that is being encoded
  std::size_t charged_bytes_ = 0;  // of `encoded_`
  std::string_view end_reason_;
  bool is_over_ = false;
  // Bytes that may be encoded; negative after an event that was larger. Taken by the merger, given by the shard. seq_cst, because the
  // merger looks at it before it says that it waits, and the shard looks whether the merger waits after giving.
  std::atomic<std::int64_t> window_;
  std::atomic<bool> waits_for_window_{false};  // seq_cst, as above
  std::atomic<bool> closed_{false};            // relaxed: a hint that comes soon enough
  std::atomic<bool> has_news_{false};          // stored behind what is ready (release), read before it (acquire)
  std::mutex mutex_;                           // of what follows
  std::string ready_;
  std::size_t ready_charged_ = 0;
  std::string_view ready_end_;
};

}  // namespace ringgate::events
