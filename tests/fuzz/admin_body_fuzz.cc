// Oracle: a body has one content, one end and one verdict, whole, cut in two, and octet by octet; and it
// never outgrows its limit. Input: an octet for the kind and the declared length, an octet for the cut, then
// the octets behind the head.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "http/body.h"

namespace {

using namespace ringgate;

constexpr std::size_t body_bytes_max = 200;

struct Outcome {
  std::string body;
  std::size_t consumed_bytes = 0;
  bool complete = false;
  std::optional<http::Rejection> rejection;
  bool operator==(const Outcome&) const = default;
};

Outcome read(http::BodyFraming framing, ByteView input, std::size_t first, std::size_t step) {
  http::BodyReader reader{framing, body_bytes_max};
  Outcome outcome;
  std::size_t size = first;
  for (;;) {
    const ByteView rest = input.subspan(outcome.consumed_bytes);
    const ByteView piece = rest.first(std::min(size, rest.size()));
    const std::vector<std::uint8_t> copy(piece.begin(), piece.end());
    const auto progress = reader.read(copy, outcome.body);
    if (!progress) {
      outcome.rejection = progress.error();
      outcome.consumed_bytes = 0;
      return outcome;
    }
    if (progress->consumed_bytes > piece.size()) std::abort();
    outcome.consumed_bytes += progress->consumed_bytes;
    outcome.complete = progress->complete;
    if (outcome.complete || outcome.consumed_bytes == input.size()) return outcome;
    if (progress->consumed_bytes != piece.size()) std::abort();  // an unfinished body takes all it is given
    size = step;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  http::BodyFraming framing{.kind = http::BodyFraming::Kind::chunked};
  if (data[0] % 4 == 0)
    framing = {.kind = http::BodyFraming::Kind::content_length, .content_length = data[0]};
  const ByteView input{data + 2, size - 2};
  const std::size_t everything = input.size() + 1;
  const Outcome whole = read(framing, input, everything, everything);
  if (whole.body.size() > body_bytes_max) std::abort();
  if (read(framing, input, data[1] % everything, everything) != whole) std::abort();
  if (read(framing, input, 1, 1) != whole) std::abort();
  return 0;
}
