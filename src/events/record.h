// An event as bytes: in the rings between shards and merger, and in the log. And the view through which everybody reads it.
//
// Layout: a head of 64 bytes, words that depend on the type, the device id, the groups, the payload; then zeros up to a multiple of 8.
// In the byte order of the machine: a record never leaves the process. Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dispatch/observer.h"
#include "ringgate/bytes.h"
#include "ringgate/close_code.h"
#include "ringgate/connection_ref.h"
#include "ringgate/message.h"

namespace ringgate::events {

enum class EventType : std::uint8_t {
  connected,            // payload: the peer's address; then, if the handshake has one, a line feed and its traceparent
  disconnected,         // words: see EndFacts; payload: the reason
  replaced,             // words: the older connection
  message,              // payload: the message
  slow,                 // words: bytes of output that wait
  credential_expiring,  // words: Unix seconds; payload: kind of credential, a space, its id
  gap,                  // words: events of each type that are missing here
};
inline constexpr std::size_t event_types_count = 7;
inline constexpr std::array<std::string_view, event_types_count> event_type_words{"device.connected",
                                                                                  "device.disconnected",
                                                                                  "device.replaced",
                                                                                  "device.message",
                                                                                  "device.slow",
                                                                                  "device.credential_expiring",
                                                                                  "gap"};
constexpr std::string_view word_of(EventType type) { return event_type_words[static_cast<std::size_t>(type)]; }
constexpr std::optional<EventType> parse_event_type(std::string_view word) {
  for (std::size_t i = 0; i < event_types_count; ++i)
    if (event_type_words[i] == word) return static_cast<EventType>(i);
  return std::nullopt;
}
constexpr std::uint32_t bit_of(EventType type) { return std::uint32_t{1} << static_cast<unsigned>(type); }

/// Words behind the head, by type.
inline constexpr std::array<std::uint8_t, event_types_count> event_words_counts{0, 6, 1, 0, 1, 1, event_types_count};

struct RecordHead {
  std::uint32_t size = 0;   // of the whole record, a multiple of 8
  std::uint8_t type = 0;    // EventType, or `filler`: the rest of a ring
  std::uint8_t detail = 0;  // message: MessageType; slow: Slowness
  std::uint8_t route = 0;
  std::uint8_t shard = 0;
  std::uint64_t time_ms = 0;  // Unix time
  std::uint64_t number = 0;   // over all shards; 0 until the merger has set it
  std::uint64_t connection = 0;
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;    // of the shard
  std::uint64_t sinks = 0;  // see dispatch/upstream.h
  std::uint8_t id_bytes = 0;
  std::uint8_t reserved = 0;
  std::uint16_t groups_bytes = 0;
  std::uint32_t payload_bytes = 0;

  static constexpr std::uint8_t filler = 0xFF;
};
static_assert(sizeof(RecordHead) == 64);
inline constexpr std::size_t record_alignment = 8;

constexpr std::size_t record_bytes(EventType type, std::size_t id_bytes, std::size_t groups_bytes, std::size_t payload_bytes) {
  const std::size_t bytes = sizeof(RecordHead) + event_words_counts[static_cast<std::size_t>(type)] * std::size_t{8} + id_bytes +
                            groups_bytes + payload_bytes;
  return (bytes + record_alignment - 1) / record_alignment * record_alignment;
}

/// The words of EventType::disconnected.
struct EndFacts {
  CloseCode code;
  dispatch::EndedBy ended_by;
  std::uint64_t duration_ms, bytes_in, bytes_out, messages_in, messages_out;
};

/// The groups of a record, as a range of texts.
class GroupsView {
 public:
  GroupsView() = default;
  explicit GroupsView(std::string_view run) : run_(run) {}
  bool empty() const { return run_.empty(); }
  /// Calls `visit` with each.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::string_view rest = run_; !rest.empty();) {
      const auto size = static_cast<std::uint8_t>(rest.front());
      visit(rest.substr(1, size));
      rest.remove_prefix(1U + size);
    }
  }
  bool contains(std::string_view group) const {
    bool found = false;
    for_each([&](std::string_view each) { found = found || each == group; });
    return found;
  }

 private:
  std::string_view run_;  // each: its length in a byte, then its bytes
};

/// One event. Borrows the record's bytes.
class RecordView {
 public:
  /// `record` starts with a head and has all its bytes.
  explicit RecordView(const std::uint8_t* record) : bytes_(record) { std::memcpy(&head_, record, sizeof head_); }

  const RecordHead& head() const { return head_; }
  EventType type() const { return static_cast<EventType>(head_.type); }
  std::uint64_t number() const { return head_.number; }
  /// Of EventType::connected: the peer's address, and the traceparent of its handshake, or nothing.
  std::pair<std::string_view, std::string_view> connected() const {
    const std::string_view text = text_of(payload());
    const std::size_t end = std::min(text.find('\n'), text.size());
    return {text.substr(0, end), text.substr(std::min(end + 1, text.size()))};
  }
  std::string_view device_id() const { return text_of({bytes_ + words_end(), head_.id_bytes}); }
  ConnectionRef connection() const { return {head_.connection}; }
  GroupsView groups() const { return GroupsView(text_of({bytes_ + words_end() + head_.id_bytes, head_.groups_bytes})); }
  ByteView payload() const { return {bytes_ + words_end() + head_.id_bytes + head_.groups_bytes, head_.payload_bytes}; }
  MessageType message_type() const { return static_cast<MessageType>(head_.detail); }
  dispatch::Slowness slowness() const { return static_cast<dispatch::Slowness>(head_.detail); }
  std::uint64_t word(std::size_t index) const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_ + sizeof head_ + index * sizeof value, sizeof value);
    return value;
  }
  EndFacts end() const {
    return {.code = static_cast<CloseCode>(word(0) & 0xFFFF),
            .ended_by = static_cast<dispatch::EndedBy>(word(0) >> 16),
            .duration_ms = word(1),
            .bytes_in = word(2),
            .bytes_out = word(3),
            .messages_in = word(4),
            .messages_out = word(5)};
  }
  /// Whether it concerns a device; else it is a gap.
  bool is_of_device() const { return type() != EventType::gap; }

 private:
  std::size_t words_end() const { return sizeof head_ + event_words_counts[head_.type] * std::size_t{8}; }

  const std::uint8_t* bytes_;
  RecordHead head_;
};

/// What a record is made of, but for its size and its number.
struct RecordParts {
  EventType type = EventType::gap;
  std::uint8_t detail = 0;
  std::uint8_t route = 0;
  std::uint8_t shard = 0;
  std::uint64_t time_ms = 0;
  std::uint64_t connection = 0;
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;
  std::uint64_t sinks = 0;
  std::span<const std::uint64_t> words;  // as many as the type has
  std::string_view device_id;            // at most 255 bytes, as all ids
  std::span<const std::string> groups;   // those beyond `groups_bytes_max` are left out, and so are texts of more than 255 bytes
  ByteView payload;

  static constexpr std::size_t groups_bytes_max = 16 * 1024;
  std::size_t groups_bytes() const;
  std::size_t size() const { return record_bytes(type, device_id.size(), groups.empty() ? 0 : groups_bytes(), payload.size()); }
};

/// Writes a record of `parts.size()` bytes.
void write_record(const RecordParts& parts, std::size_t size, std::uint8_t* out);

}  // namespace ringgate::events
