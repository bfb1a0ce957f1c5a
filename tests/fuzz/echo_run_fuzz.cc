// Echoing runs of small messages at once. Oracle: what the frame reader reads, written by the frame writer, up to the first
// frame that is no small whole message; not a byte of input, output or count differs.
//
// Input: byte 0 = form (bit 0) and the limit of a message's bytes (the rest); then the connection's bytes: as they are, or as
// descriptions {first byte, payload size, payload...} of well-formed masked frames.
//
// Tests: src/ws/echo_run.* src/ws/masking.h src/ws/frame_format.h src/ws/utf8.*
#include "described_frames.h"
#include "support/echo_reference.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::ws;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static FrameReader reader;
  static PieceRoom pieces;
  static std::vector<std::uint8_t> room;
  static std::string bytes;
  Choices choices(data, size);
  const unsigned form = choices.byte();
  const std::uint64_t payload_bytes_max = form >> 1U;
  bytes.clear();
  if ((form & 1U) != 0) append_described_frames(bytes, text_of(choices.rest()));
  else bytes = text_of(choices.rest());
  const std::size_t bytes_count = bytes.size();
  bytes.append(echo_run_slack_bytes, static_cast<char>(form));
  const ByteView input = ByteView(pieces.lend(bytes_of(bytes))).first(bytes_count);
  const auto echoed = ws::testing::echo_at_once(input, payload_bytes_max, room);
  const auto expected = ws::testing::echo_by_reader(reader, input, payload_bytes_max);
  pieces.take_back();
  require(echoed == expected, "a run is echoed as the reader reads it");
  return 0;
}
