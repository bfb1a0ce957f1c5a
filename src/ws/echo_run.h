// Echoes many small messages at once: writes the server's frames straight from the client's, touching each byte once.
//
// It is the fast path beside FrameReader and frame_writer for nearly all echoed messages: whole messages in one frame with the
// short length form. It leaves all other frames, and all wrong ones, to FrameReader, which is also its test reference. No state.
// Invariant: the output is the same as if FrameReader's messages were echoed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringgate/bytes.h"

namespace ringgate::ws {

struct EchoRun {
  std::size_t bytes_read = 0;     // whole frames from the front of the input
  std::size_t bytes_written = 0;  // bytes_read minus 4 for each frame's masking key
  std::uint32_t texts_count = 0;
  std::uint32_t binaries_count = 0;
  std::uint64_t payload_bytes = 0;
};

/// Bytes behind the input that may be read, and behind the output that may be written: it moves whole vectors.
inline constexpr std::size_t echo_run_slack_bytes = 16;

/// Echoes the frames at the front of `input`. Stops at the first that is not a whole, unfragmented, masked and uncompressed text
/// or binary message of at most `payload_bytes_max` and 125 bytes, or that is a text but not UTF-8.
///
/// `out` has room for input.size() bytes; echo_run_slack_bytes follow `input` and `out`, and the two do not overlap. The
/// connection must have no unfinished frame or message. Any thread; does not allocate.
EchoRun echo_run(ByteView input, std::uint8_t* out, std::uint64_t payload_bytes_max);

}  // namespace ringgate::ws
