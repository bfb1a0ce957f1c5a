#include "events/event_reader.h"

#include <new>
#include <utility>

namespace ringgate::events {
namespace {

/// Calls `append`, and returns how much was appended.
template <typename Append>
std::size_t grown(std::string& out, Append&& append) {
  const std::size_t before = out.size();
  append();
  return out.size() - before;
}

class SseFormat final : public EventFormat {
 public:
  std::size_t event(std::string& out, EventEncoder& encoder, const RecordView& record) const override {
    return grown(out, [&] { encoder.append_sse(out, record); });
  }
  std::size_t gap(std::string& out, EventEncoder& encoder, const EventEncoder::Gap& gap) const override {
    return grown(out, [&] {
      out += "event: gap\ndata: ";
      encoder.append_gap_json(out, gap);
      out += "\n\n";
    });
  }
  std::size_t end(std::string& out, std::string_view reason) const override {
    return grown(out, [&] {
      out += "event: end\ndata: ";
      append_end_json(out, reason);
      out += "\n\n";
    });
  }
  std::size_t heartbeat(std::string& out) const override {
    return grown(out, [&] { out += ":\n\n"; });
  }
};

class NdjsonFormat final : public EventFormat {
 public:
  std::size_t event(std::string& out, EventEncoder& encoder, const RecordView& record) const override {
    return grown(out, [&] { encoder.append_line(out, record); });
  }
  std::size_t gap(std::string& out, EventEncoder& encoder, const EventEncoder::Gap& gap) const override {
    return grown(out, [&] {
      encoder.append_gap_json(out, gap);
      out += '\n';
    });
  }
  std::size_t end(std::string& out, std::string_view reason) const override {
    return grown(out, [&] {
      append_end_json(out, reason);
      out += '\n';
    });
  }
  std::size_t heartbeat(std::string& out) const override {
    return grown(out, [&] { out += '\n'; });
  }
};

}  // namespace

const EventFormat& sse_format() {
  static const SseFormat format;
  return format;
}
const EventFormat& ndjson_format() {
  static const NdjsonFormat format;
  return format;
}

EventReader::EventReader(Options options)
    : options_(std::move(options)), cursor_(*options_.start), window_(static_cast<std::int64_t>(options_.window_bytes)) {}

EventReader::Pumped EventReader::pump(const EventLog& log, EventEncoder& encoder, TimeNs now, ReaderCounters& counters) {
  if (is_over_ || closed_.load(std::memory_order_relaxed)) return Pumped::ended;
  try {
    return pump_with_memory(log, encoder, now, counters);
  } catch (const std::bad_alloc&) {
    counters.cut_without_memory.add(1);
    end("no_memory");
    hand_over(counters);
    return Pumped::some;
  }
}

EventReader::Pumped EventReader::pump_with_memory(const EventLog& log, EventEncoder& encoder, TimeNs now,
                                                  ReaderCounters& counters) {
  if (active_at_ == 0) active_at_ = now;
  const bool has_more = encode(log, encoder, counters);
  if (encoded_.empty() && options_.heartbeat != 0 && now - active_at_ >= options_.heartbeat &&
      window_.load(std::memory_order_seq_cst) > 0) {
    charged_bytes_ += options_.format->heartbeat(encoded_);
    whole_bytes_ = encoded_.size();
    active_at_ = now;
  }
  if (encoded_.empty()) return has_more ? Pumped::more : Pumped::nothing;
  active_at_ = now;
  counters.bytes.add(encoded_.size());
  window_.fetch_sub(static_cast<std::int64_t>(charged_bytes_), std::memory_order_seq_cst);
  hand_over(counters);
  return has_more ? Pumped::more : Pumped::some;
}

/// True if there is more to encode at once.
bool EventReader::encode(const EventLog& log, EventEncoder& encoder, ReaderCounters& counters) {
  std::int64_t window = window_.load(std::memory_order_seq_cst);
  if (window <= 0) {
    waits_for_window_.store(true, std::memory_order_seq_cst);
    window = window_.load(std::memory_order_seq_cst);
    if (window <= 0 && log.end() - cursor_.next() == 0) return false;
    // A reader that is overtaken while it takes nothing is cut at once, not when it takes something again.
    if (window <= 0 && cursor_.next() >= log.begin()) return false;
    if (window > 0) waits_for_window_.store(false, std::memory_order_relaxed);
  }
  if (!has_begun_ && options_.gap) append_gap(encoder, *options_.gap);
  for (int i = 0; i < records_per_pump; ++i) {
    const EventLog::Read read = log.read(cursor_);
    if (read.missed != 0) {
      if (has_begun_) {  // it may come back behind its last event, and is told then what it has missed
        end_slow(counters);
        return false;
      }
      append_gap(encoder,
                 {.reason = "overwritten", .missed = read.missed, .time_ms = read.record ? read.record->head().time_ms : 0});
      counters.missed.add(read.missed);
    }
    has_begun_ = true;
    if (!read.record) return false;
    if (options_.filter.passes(*read.record)) {
      append_event(encoder, *read.record);
      counters.delivered.add(1);
    } else {
      counters.filtered.add(1);
    }
    if (encoded_.size() >= chunk_bytes || static_cast<std::int64_t>(charged_bytes_) >= window) return true;
  }
  return true;
}

void EventReader::append_event(EventEncoder& encoder, const RecordView& record) {
  charged_bytes_ += options_.format->event(encoded_, encoder, record);
  whole_bytes_ = encoded_.size();
}

void EventReader::append_gap(EventEncoder& encoder, const EventEncoder::Gap& gap) {
  charged_bytes_ += options_.format->gap(encoded_, encoder, gap);
  whole_bytes_ = encoded_.size();
}

void EventReader::end_slow(ReaderCounters& counters) {
  counters.cut_slow.add(1);
  end("slow_reader");
}

/// Whoever takes the bytes learns the reason, also if there is no memory for the words that say it.
void EventReader::end(std::string_view reason) {
  end_reason_ = reason;
  is_over_ = true;
  encoded_.resize(whole_bytes_);
  try {
    charged_bytes_ += options_.format->end(encoded_, end_reason_);
  } catch (const std::bad_alloc&) {
    encoded_.resize(whole_bytes_);
  }
}

EventReader::Pumped EventReader::cut(ReaderCounters& counters) {
  end_slow(counters);
  hand_over(counters);
  return Pumped::some;
}

/// What is ready stays so. If there is no memory to add to it, the reader ends.
void EventReader::hand_over(ReaderCounters& counters) {
  const std::lock_guard lock(mutex_);
  try {
    if (ready_.empty()) ready_.swap(encoded_);
    else ready_ += encoded_;
    ready_charged_ += charged_bytes_;
  } catch (const std::bad_alloc&) {
    if (!std::exchange(is_over_, true)) {
      counters.cut_without_memory.add(1);
      end_reason_ = "no_memory";
    }
  }
  encoded_.clear();
  charged_bytes_ = whole_bytes_ = 0;
  ready_end_ = end_reason_;
  has_news_.store(true, std::memory_order_release);
}

std::size_t EventReader::lag_bytes(const EventLog& log) const {
  return is_over_ || closed_.load(std::memory_order_relaxed) ? 0 : log.lag_bytes(cursor_);
}

std::optional<EventReader::Taken> EventReader::take() {
  if (!has_news_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  has_news_.store(false, std::memory_order_relaxed);
  return Taken{std::exchange(ready_, {}), std::exchange(ready_charged_, 0), ready_end_};
}

bool EventReader::grant(std::size_t bytes) {
  window_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_seq_cst);
  return waits_for_window_.load(std::memory_order_seq_cst) && waits_for_window_.exchange(false, std::memory_order_seq_cst);
}

}  // namespace ringgate::events
