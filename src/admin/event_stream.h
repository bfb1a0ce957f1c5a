// The connection of one reader of the event stream: takes bytes that the merger encoded, and lets it encode more as they leave.
//
// Owned by the admin session; owner shard. Invariant: the hub serves its reader exactly while this lives.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "admin/reader_notes.h"
#include "admin/stream.h"
#include "base/limits.h"
#include "events/event_hub.h"

namespace ringgate::admin {

class EventStream final : public Stream {
 public:
  /// `prelude` is sent first.
  EventStream(events::EventHub& hub, events::EventReader::Options options, std::string_view prelude, ReaderNotes notes);
  ~EventStream() override;

  void on_open(const StreamPort& port) override;
  bool on_turn() override;
  void on_stalled() override;
  void on_drain() override;

  /// Bytes that may be on their way between the merger and the kernel.
  static constexpr std::size_t window_bytes = limits::admin_output_bytes_max;

 private:
  void settle();

  events::EventHub& hub_;
  const events::EventFormat& format_;
  const std::shared_ptr<events::EventReader> reader_;
  const std::string_view prelude_;
  ReaderNotes notes_;
  StreamPort port_;
  bool is_open_ = false;
  std::size_t outstanding_bytes_ = 0;  // written and not granted again
};

}  // namespace ringgate::admin
