// Bodies of either framing under a limit that the input chooses. Oracles: one content, one end and one verdict, whole
// and cut; no body above its limit; a declared length is kept to, and refused before its first byte if too large.
//
// Input: byte 0 = declared length if a multiple of 4, else chunked; byte 1 = the limit; byte 2 = the cut; then the
// bytes behind the head.
//
// Tests: src/http/chunked.* src/http/body.* src/http/byte_class.h
#include "body_reading.h"
#include "http/body.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::string body;
  Choices choices(data, size);
  const std::uint8_t declared = choices.byte();
  const std::size_t body_bytes_max = choices.byte();
  const std::uint8_t cut = choices.byte();
  const ByteView input = choices.rest();
  http::BodyFraming framing{.kind = http::BodyFraming::Kind::chunked};
  if (declared % 4 == 0) framing = {.kind = http::BodyFraming::Kind::content_length, .content_length = declared};
  const http::BodyReader fresh{framing, body_bytes_max};
  const BodyOutcome outcome = require_cut_is_whole(fresh, input, cut, body);
  require(body.size() <= body_bytes_max, "a body stays under its limit");
  if (framing.kind == http::BodyFraming::Kind::chunked) return 0;
  require(outcome.rejection.has_value() == (declared > body_bytes_max), "a declared length is refused if too large");
  if (outcome.rejection) return 0;
  require(outcome.complete == (input.size() >= declared), "a body ends at its declared length");
  require(body == text_of(input).substr(0, declared), "a body is what stands behind the head");
  return 0;
}
