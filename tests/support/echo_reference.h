// What echo_run promises, said with the frame reader and the frame writer. Used by its unit test and its fuzz target.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ws/echo_run.h"
#include "ws/frame_reader.h"
#include "ws/frame_writer.h"

namespace ringgate::ws::testing {

struct EchoedRun {
  EchoRun run;
  std::string bytes;
};

/// Message after message by the reader, up to the first event that echo_run leaves to it.
inline EchoedRun echo_by_reader(FrameReader& reader, ByteView input, std::uint64_t payload_bytes_max) {
  const ReaderRules rules{.message_bytes_max = payload_bytes_max, .fragments_max = 4};
  EchoedRun echoed;
  std::vector<std::uint8_t> bytes(input.begin(), input.end());
  MutableBytes rest(bytes);
  while (true) {
    Partial* partial = nullptr;
    const Event event = reader.next(rest, partial, rules);
    const bool is_taken = event.kind == EventKind::message && event.assembled == nullptr && !event.compressed &&
                          event.payload.size() <= length_7_bit_max;
    if (is_taken) {
      std::uint8_t header[limits::server_header_bytes_max];
      const std::size_t header_bytes = write_header(header, event.type, event.payload.size());
      echoed.bytes.append(reinterpret_cast<const char*>(header), header_bytes);
      echoed.bytes.append(text_of(event.payload));
      echoed.run.bytes_read = bytes.size() - rest.size();
      echoed.run.bytes_written = echoed.bytes.size();
      echoed.run.payload_bytes += event.payload.size();
      (event.type == MessageType::text ? echoed.run.texts_count : echoed.run.binaries_count) += 1;
      continue;
    }
    reader.recycle(event.assembled);
    reader.abandon(partial);
    return echoed;
  }
}

/// `input` is followed by echo_run_slack_bytes bytes that may be read.
inline EchoedRun echo_at_once(ByteView input, std::uint64_t payload_bytes_max, std::vector<std::uint8_t>& room) {
  room.resize(std::max(room.size(), input.size() + echo_run_slack_bytes));
  const EchoRun run = echo_run(input, room.data(), payload_bytes_max);
  return {run, std::string(text_of(ByteView(room).first(run.bytes_written)))};
}

inline bool operator==(const EchoedRun& a, const EchoedRun& b) {
  return a.bytes == b.bytes && a.run.bytes_read == b.run.bytes_read && a.run.bytes_written == b.run.bytes_written &&
         a.run.texts_count == b.run.texts_count && a.run.binaries_count == b.run.binaries_count &&
         a.run.payload_bytes == b.run.payload_bytes;
}

}  // namespace ringgate::ws::testing
