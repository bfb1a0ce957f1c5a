// What a FrameReader said about one connection, as values that can be compared, and the client's frames that would
// make it say so. For the targets frame_reader and message_assembly.
#pragma once

#include <string>
#include <vector>

#include "fuzz_case.h"
#include "ws/frame_format.h"
#include "ws/frame_reader.h"
#include "ws/frame_writer.h"

namespace ringgate::fuzz {

/// Appends a masked frame in its shortest form; `header.payload_bytes` is set from `payload`.
inline void append_client_frame(std::string& wire, ws::FrameHeader header, std::string_view payload) {
  header.payload_bytes = payload.size();
  header.masked = true;
  std::uint8_t bytes[limits::client_header_bytes_max];
  const std::size_t size = ws::encode_header(bytes, header);
  wire.append(text_of({bytes, size}));
  const std::size_t begin = wire.size();
  wire.append(payload);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    wire[begin + i] = static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ (header.masking_key >> (8 * (i % 4))));
  }
}

class Transcript {
 public:
  struct Entry {
    ws::EventKind kind;
    MessageType type;
    bool compressed;
    ws::Violation violation;
    CloseCode close_code;
    std::size_t payload_bytes;
    bool operator==(const Entry&) const = default;
  };

  void clear() {
    entries_.clear();
    payloads_.clear();
  }

  void record(const ws::Event& event) { record(event, text_of(event.payload)); }
  /// As if `payload` were the event's.
  void record(const ws::Event& event, std::string_view payload) {
    entries_.push_back({event.kind, event.type, event.compressed, event.violation, event.close_code, payload.size()});
    payloads_ += payload;
  }

  const std::vector<Entry>& entries() const { return entries_; }
  /// The payloads of all entries, one behind the other.
  const std::string& payloads() const { return payloads_; }
  bool ends_with_violation() const { return !entries_.empty() && entries_.back().kind == ws::EventKind::violation; }
  void drop_last() { entries_.pop_back(); }  // a violation, which has no payload

  bool operator==(const Transcript&) const = default;

  /// Appends the frames that would bring about exactly these events.
  void write_again(std::string& wire) const {
    std::string_view rest = payloads_;
    for (const Entry& entry : entries_) {
      append_event(wire, entry, rest.substr(0, entry.payload_bytes));
      rest.remove_prefix(entry.payload_bytes);
    }
  }

 private:
  static void append_event(std::string& wire, const Entry& entry, std::string_view payload) {
    ws::FrameHeader header{.masking_key = 0x80FF0102U};
    switch (entry.kind) {
      case ws::EventKind::message:
        header.opcode = static_cast<ws::Opcode>(entry.type);
        header.rsv1 = entry.compressed;
        return append_client_frame(wire, header, payload);
      case ws::EventKind::ping: header.opcode = ws::Opcode::ping; return append_client_frame(wire, header, payload);
      case ws::EventKind::pong: header.opcode = ws::Opcode::pong; return append_client_frame(wire, header, payload);
      case ws::EventKind::close:
        header.opcode = ws::Opcode::close;
        return append_client_frame(wire, header, close_payload(entry.close_code, payload));
      case ws::EventKind::violation:
      case ws::EventKind::need_more: return;
    }
  }

  static std::string_view close_payload(CloseCode code, std::string_view reason) {
    static char bytes[limits::control_payload_bytes_max];
    if (code == CloseCode::no_status) return {};
    const auto number = static_cast<unsigned>(code);
    bytes[0] = static_cast<char>(number >> 8);
    bytes[1] = static_cast<char>(number & 0xFF);
    std::copy(reason.begin(), reason.end(), bytes + 2);
    return {bytes, reason.size() + 2};
  }

  std::vector<Entry> entries_;
  std::string payloads_;
};

/// Feeds one piece of a connection and records what comes of it. Each message is overwritten once recorded, header
/// room included, as a reply in place would do.
inline void feed(ws::FrameReader& reader, ws::Partial*& partial, const ws::ReaderRules& rules, MutableBytes piece,
                 Transcript& transcript) {
  for (;;) {
    const ws::Event event = reader.next(piece, partial, rules);
    if (event.kind == ws::EventKind::need_more) break;
    transcript.record(event);
    if (event.kind == ws::EventKind::message) {
      if (!event.payload.empty()) std::memset(event.payload.data(), 0xEE, event.payload.size());
      ws::write_header_before(event.payload, event.type);
    }
    reader.recycle(event.assembled);
  }
  require(piece.empty(), "a reader that needs more has used up its input");
}

}  // namespace ringgate::fuzz
