// Events as texts: one JSON object for each, and the formats that wrap it. Each appends to a buffer that the caller keeps.
//
// The members are those of docs/events.md. Strings are escaped as RFC 8259 section 7 demands, no more; payloads of text messages are
// UTF-8 already. One encoder serves one thread: it remembers the second of the last event.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/record.h"

namespace ringgate::events {

/// Appends `text` as a JSON string with its quotes. `text` is UTF-8.
void append_json_string(std::string& out, std::string_view text);
/// Appends `bytes` in base64 (RFC 4648 section 4), padded.
void append_base64(std::string& out, ByteView bytes);

/// {"type":"end","reason":…}: the last that a reader gets.
void append_end_json(std::string& out, std::string_view reason);

/// The id of an event: BOOT-NUMBER, where BOOT are 16 hexadecimal digits that differ from start to start.
struct EventId {
  std::uint64_t boot = 0;
  std::uint64_t number = 0;

  static std::optional<EventId> parse(std::string_view text);
  friend bool operator==(const EventId&, const EventId&) = default;
};

class EventEncoder {
 public:
  /// `routes`: their paths, by index.
  EventEncoder(std::uint64_t boot, std::vector<std::string> routes);

  std::uint64_t boot() const { return boot_; }
  std::string_view route_of(const RecordView& record) const;

  void append_id(std::string& out, std::uint64_t number) const;
  /// RFC 3339 in UTC, with milliseconds.
  void append_time(std::string& out, std::uint64_t time_ms);

  /// How a message's payload is shown.
  enum class Payload : std::uint8_t {
    inside,  // "text":"…" or "base64":"…"
    behind,  // "kind":"text" or "binary", and "bytes": it follows the object
  };
  /// The object, without a line feed. `more`: members to add, from ",\"" on; or nothing.
  void append_json(std::string& out, const RecordView& record, Payload payload = Payload::inside, std::string_view more = {});

  /// A whole event of text/event-stream, with its id.
  void append_sse(std::string& out, const RecordView& record);
  /// A line of application/x-ndjson.
  void append_line(std::string& out, const RecordView& record);

  /// Members of gaps that readers learn of from the log or from Last-Event-ID: no record, no id of their own.
  struct Gap {
    std::string_view reason;   // "overwritten", "restarted"
    std::uint64_t missed = 0;  // 0: not known
    std::uint64_t time_ms = 0;
  };
  void append_gap_json(std::string& out, const Gap& gap);

 private:
  void append_details(std::string& out, const RecordView& record, Payload payload);

  std::uint64_t boot_;
  std::array<char, 17> id_prefix_;  // BOOT-
  std::vector<std::string> routes_;
  std::vector<std::string> routes_json_;
  std::uint64_t second_ = UINT64_MAX;
  std::array<char, 20> second_text_{};  // "2026-12-01T04:00:00."
};

}  // namespace ringgate::events
