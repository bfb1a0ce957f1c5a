#include "admin/event_stream.h"

#include <utility>

namespace ringgate::admin {

EventStream::EventStream(events::EventHub& hub, events::EventReader::Options options, std::string_view prelude, ReaderNotes notes)
    : hub_(hub),
      format_(*options.format),
      reader_(std::make_shared<events::EventReader>(std::move(options))),
      prelude_(prelude),
      notes_(std::move(notes)) {}

EventStream::~EventStream() {
  if (!is_open_) {
    hub_.release_reader();
    return;
  }
  notes_.end("caller_gone");
  reader_->close();
  hub_.look_at_readers();
}

void EventStream::on_open(const StreamPort& port) {
  port_ = port;
  is_open_ = true;
  notes_.begin();
  port_.write(bytes_of(prelude_));
  hub_.add_reader(reader_);
}

/// Lets the merger encode as many bytes as have left since the last turn.
void EventStream::settle() {
  const std::size_t room = port_.room();
  const std::size_t queued = room >= window_bytes ? 0 : window_bytes - room;
  if (outstanding_bytes_ <= queued) return;
  const std::size_t left = outstanding_bytes_ - queued;
  outstanding_bytes_ = queued;
  if (reader_->grant(left)) hub_.look_at_readers();
}

bool EventStream::on_turn() {
  if (outstanding_bytes_ != 0) settle();
  if (const auto taken = reader_->take()) {
    port_.write(bytes_of(taken->bytes));
    outstanding_bytes_ += taken->charged_bytes;
    if (!taken->end_reason.empty()) {
      notes_.cut(taken->end_reason);
      port_.finish();
      return false;
    }
  }
  // If the kernel takes all of it without a completion, nothing else would make a turn in which it is granted again.
  return outstanding_bytes_ > window_bytes / 2;
}

void EventStream::on_stalled() {
  hub_.reader_counters().cut_stalled.fetch_add(1, std::memory_order_relaxed);
  notes_.cut("stalled");
}

void EventStream::on_drain() {
  reader_->close();
  std::string end;
  (void)format_.end(end, "stopping");
  port_.write(bytes_of(end));
  notes_.end("stopping");
  port_.finish();
}

}  // namespace ringgate::admin
