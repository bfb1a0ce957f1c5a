// The log of events: numbered records in segments, of which the oldest go when all together hold more than the log may.
//
// One thread, the merger, appends; any number of readers read, each with a cursor, at their own pace and without keeping the merger
// waiting. A segment is shared by whoever reads it, so a slow reader keeps one segment of memory, no more. Readers learn what was
// overwritten before they read it. Invariant: numbers rise by one from record to record; bytes below `used` never change.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "events/record.h"

namespace ringgate::events {

/// Who is told that there is something to read. `wake` comes on the merger's thread, must not block, and comes once per `arm`.
class LogListener {
 public:
  virtual ~LogListener() = default;
  virtual void wake() = 0;

 private:
  friend class EventLog;
  std::atomic<bool> armed_{false};
};

class EventLog {
 private:
  struct Segment;

 public:
  /// A place in the log. Moves with its reader; belongs to one thread at a time.
  class Cursor {
   public:
    /// The number of the next record to read.
    std::uint64_t next() const { return next_; }

   private:
    friend class EventLog;
    explicit Cursor(std::uint64_t next) : next_(next) {}
    std::uint64_t next_;
    std::shared_ptr<const Segment> segment_;  // null: to be looked up
    std::size_t offset_ = 0;                  // in the segment
  };

  /// Holds about `bytes_max` at most, and at least one segment.
  explicit EventLog(std::size_t bytes_max, std::size_t segment_bytes = 256 * 1024);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // -- The merger
  /// Copies a record and gives it the next number. Readers see it after `publish`. False: there was no memory, and nothing changed.
  bool append(const std::uint8_t* record, std::size_t size);
  /// Whether the records from `number` on stay if one of `size` bytes is appended next.
  bool keeps(std::uint64_t number, std::size_t size) const;
  /// Shows readers what was appended, and wakes the armed listeners.
  void publish();

  // -- Any thread
  /// The number that the next record will have; those below it are published.
  std::uint64_t end() const { return end_.load(std::memory_order_seq_cst); }
  /// The number of the oldest record that can still be read; `end()` if there is none.
  std::uint64_t begin() const;
  /// Bytes of records that are held now.
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::size_t bytes_max() const { return bytes_max_; }

  /// A cursor for what comes from now on, or for what comes from `number` on.
  Cursor at_end() const { return Cursor(end()); }
  static Cursor at(std::uint64_t number) { return Cursor(number); }

  struct Read {
    /// Valid until the next call with the same cursor. nullopt: nothing more at present.
    std::optional<RecordView> record;
    std::uint64_t missed = 0;  // records before this one, or before what comes next, that were overwritten
  };
  /// The next record; the cursor moves behind it, and behind what is missed.
  Read read(Cursor& cursor) const;

  /// Bytes between the cursor and the end, as far as known without a look-up: 0 for a cursor that has not read yet.
  std::size_t lag_bytes(const Cursor& cursor) const;

  void add_listener(LogListener& listener);
  /// Once it returns, `wake` is not running and does not come any more.
  void remove_listener(LogListener& listener);
  /// Asks for one `wake` when there is a record behind `cursor`. False: there is one already, and no `wake` follows.
  bool arm(LogListener& listener, const Cursor& cursor) const;

 private:
  bool open_segment(std::size_t bytes);
  void drop_oldest();
  void find(Cursor& cursor, std::uint64_t& missed) const;

  const std::size_t bytes_max_;
  const std::size_t segment_bytes_;
  std::uint64_t next_ = 0;                      // the merger's: unpublished records too
  std::atomic<std::uint64_t> end_{0};           // stored by publish (seq_cst: before it looks at `armed_`), read by readers
  std::atomic<std::size_t> bytes_{0};           // relaxed: for the metrics
  std::uint64_t position_ = 0;                  // bytes ever appended
  std::atomic<std::uint64_t> end_position_{0};  // relaxed: for lag_bytes
  std::shared_ptr<Segment> open_;               // the merger's: the segment that is written to
  mutable std::mutex mutex_;  // of what follows; the merger takes it once per segment and per publish with listeners
  std::deque<std::shared_ptr<Segment>> segments_;
  std::vector<LogListener*> listeners_;
  std::atomic<std::size_t> listeners_count_{0};  // relaxed: whether to take the mutex at all
};

}  // namespace ringgate::events
