// Echoing many small messages at once: from a client's frames straight to the server's, each byte touched once.
//
// The fast path beside FrameReader and frame_writer for what makes up nearly all traffic of devices that are echoed: whole
// messages in one frame of the short length form. Anything else, and anything wrong, is left to the reader, which is also the
// reference that this is tested against. No state. Invariant: what is written is what the reader's events, echoed, would be.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringgate/bytes.h"

namespace ringgate::ws {

struct EchoRun {
  std::size_t bytes_read = 0;     // whole frames from the front of the input
  std::size_t bytes_written = 0;  // fewer by the masking key of each
  std::uint32_t texts_count = 0;
  std::uint32_t binaries_count = 0;
  std::uint64_t payload_bytes = 0;
};

/// Bytes behind the input that may be read, and behind the output that may be written: whole vectors are moved.
inline constexpr std::size_t echo_run_slack_bytes = 16;

/// Echoes the frames at the front of `input` up to the first that is not a whole, final, masked, uncompressed text or binary
/// message of at most `payload_bytes_max` bytes (only up to 125 are taken), or is a text that is not UTF-8.
///
/// `out` has room for as many bytes as `input` has; both are followed by echo_run_slack_bytes, and they do not overlap. The
/// connection has nothing unfinished. Any thread; does not allocate.
EchoRun echo_run(ByteView input, std::uint8_t* out, std::uint64_t payload_bytes_max);

}  // namespace ringgate::ws
