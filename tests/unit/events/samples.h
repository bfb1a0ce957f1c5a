// Records and texts of events, for their tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "events/record.h"

namespace ringgate::events {

struct Bytes : std::vector<std::uint8_t> {
  using vector::vector;
  RecordView view() const { return RecordView(data()); }
};

inline Bytes written(const RecordParts& parts) {
  Bytes bytes(parts.size());
  write_record(parts, bytes.size(), bytes.data());
  return bytes;
}

inline Bytes message_record(std::string_view device, std::string_view text, std::uint64_t seq = 1) {
  return written({.type = EventType::message,
                  .detail = static_cast<std::uint8_t>(MessageType::text),
                  .time_ms = 1'800'000'000'123,
                  .connection = 0x0100'0002'0000'0003,
                  .epoch = 117'964'800'000'000'000,
                  .seq = seq,
                  .sinks = 1,
                  .device_id = device,
                  .payload = bytes_of(text)});
}

}  // namespace ringgate::events
