// A backend's WebSocket (docs/stream.md): events down, as far as its credits go; pushes up, each answered by its own id.
//
// Owned by the admin session; owner shard. Frames are those of ws/, with no extension. Invariant: the reader's window is never more
// than the credits that the backend has given and not used, nor than what the connection's output may hold. One that says nothing is pinged,
// and ends if that brings no byte either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/access.h"
#include "admin/json.h"
#include "admin/reader_notes.h"
#include "admin/refusal.h"
#include "admin/stream.h"
#include "base/limits.h"
#include "dispatch/push_service.h"
#include "events/event_hub.h"
#include "ringgate/device_id.h"
#include "ws/frame_reader.h"

namespace ringgate::admin {

class BackendStream final : public Stream {
 public:
  struct Parts {
    events::EventHub& hub;
    dispatch::PushService& push_service;
    Caller caller;
    Remote remote;
    events::EventReader::Options reader;  // its window and heartbeat are set here
    DurationNs silence_max = 0;  // after so long without a byte the backend is pinged, and after as long again it is gone
    IdCharacters id_characters = IdCharacters::strict;
    std::size_t push_bytes_max = 0;
  };
  explicit BackendStream(Parts parts);
  ~BackendStream() override;

  void on_open(const StreamPort& port) override;
  void on_input(ByteView bytes) override;
  bool on_turn() override;
  void on_stalled() override;
  void on_drain() override;

 private:
  using Members = std::vector<FlatMember>;
  static constexpr std::size_t window_bytes = limits::admin_output_bytes_max;

  /// Outlives the stream: results of pushes come when they come. `id`: as JSON.
  struct Answers {
    StreamPort port;
    std::size_t awaited = 0;
    void write(std::string_view json) const;
    void finish(std::string_view id, std::string_view device, const PushResult& result);
    void refuse(std::string_view id, std::string_view device, std::string_view reason) const;
    void refuse(std::string_view id, std::string_view device, Refusal refusal) const;
  };

  bool handle(ws::Event& event);
  void on_message(ByteView message);
  void on_credit(std::string_view bytes_text);
  void on_push(const Members& members, ByteView payload);
  void close(CloseCode code, std::string_view reason);
  void grant();
  void settle();
  void begin_reading();
  void hold_input_if_needed();
  void judge_silence();

  Parts parts_;
  const std::shared_ptr<const dispatch::Selection> reach_;  // of the caller, beside its ids; null: all
  const std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
  StreamPort port_;
  ws::FrameReader frames_;
  const ws::ReaderRules rules_;
  ws::Partial* partial_ = nullptr;
  std::vector<std::uint8_t> input_;              // scratch: frames are unmasked in place
  std::shared_ptr<events::EventReader> reader_;  // null until the first credit
  std::uint64_t credits_ = 0;                    // given and not granted to the reader yet
  std::size_t room_ = window_bytes;              // that may be granted
  std::size_t outstanding_bytes_ = 0;            // written and not known to have left
  TimeNs heard_at_ = 0;                          // the last byte of the backend, or when nothing of it could be heard
  TimeNs pinged_at_ = 0;                         // since then, by silence; 0: not
  TimeNs silence_judged_at_ = 0;                 // when next
  bool holds_input_ = false;
  ReaderNotes notes_;
};

}  // namespace ringgate::admin
