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
  std::string octets;
};

/// Message after message by the reader, up to the first event that echo_run leaves to it.
inline EchoedRun echo_by_reader(FrameReader& reader, ByteView input, std::uint64_t payload_bytes_max) {
  const ReaderRules rules{.message_bytes_max = payload_bytes_max, .fragments_max = 4};
  EchoedRun echoed;
  std::vector<std::uint8_t> octets(input.begin(), input.end());
  MutableBytes rest(octets);
  while (true) {
    Partial* partial = nullptr;
    const Event event = reader.next(rest, partial, rules);
    const bool is_taken = event.kind == EventKind::message && event.assembled == nullptr && !event.compressed &&
                          event.payload.size() <= length_7_bit_max;
    if (is_taken) {
      std::uint8_t header[limits::server_header_bytes_max];
      const std::size_t header_bytes = write_header(header, event.type, event.payload.size());
      echoed.octets.append(reinterpret_cast<const char*>(header), header_bytes);
      echoed.octets.append(text_of(event.payload));
      echoed.run.octets_read = octets.size() - rest.size();
      echoed.run.octets_written = echoed.octets.size();
      echoed.run.payload_bytes += event.payload.size();
      (event.type == MessageType::text ? echoed.run.texts_count : echoed.run.binaries_count) += 1;
      continue;
    }
    reader.recycle(event.assembled);
    reader.abandon(partial);
    return echoed;
  }
}

/// `input` is followed by echo_run_slack_bytes octets that may be read.
inline EchoedRun echo_at_once(ByteView input, std::uint64_t payload_bytes_max, std::vector<std::uint8_t>& room) {
  room.resize(std::max(room.size(), input.size() + echo_run_slack_bytes));
  const EchoRun run = echo_run(input, room.data(), payload_bytes_max);
  return {run, std::string(text_of(ByteView(room).first(run.octets_written)))};
}

inline bool operator==(const EchoedRun& a, const EchoedRun& b) {
  return a.octets == b.octets && a.run.octets_read == b.run.octets_read && a.run.octets_written == b.run.octets_written &&
         a.run.texts_count == b.run.texts_count && a.run.binaries_count == b.run.binaries_count &&
         a.run.payload_bytes == b.run.payload_bytes;
}

}  // namespace ringgate::ws::testing
