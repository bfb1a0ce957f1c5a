// The UTF-8 stream against the decoder that follows the table of RFC 3629. Oracles: the whole text's verdict; and
// behind each of three pieces that the input chooses, whether the text so far can still become valid and whether it
// ends inside a character. And each kernel that unmasks and validates in one: verdict and bytes.
//
// Input: two bytes that choose the cuts, then the text.
//
// Tests: src/ws/utf8.* src/ws/text_unmasking* src/ws/masking*
#include <algorithm>
#include <string>
#include <vector>

#include "../unit/ws/utf8_reference.h"
#include "fuzz_case.h"
#include "ws/text_unmasking.h"
#include "ws/utf8.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::ws;
using ringgate::ws::testing::reference_utf8;
using ringgate::ws::testing::Utf8Verdict;

bool is_ascii(ByteView text) {
  return std::ranges::all_of(text, [](std::uint8_t byte) { return byte < 0x80; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static PieceRoom room;
  Choices choices(data, size);
  const std::size_t first = choices.byte();
  const std::size_t second = choices.byte();
  const ByteView text = choices.rest();
  const Utf8Verdict whole = reference_utf8(text);
  require(valid_utf8(text) == (whole == Utf8Verdict::valid), "valid_utf8 = reference");
  for (const TextKernel& kernel : text_kernels()) {
    std::vector<std::uint8_t> payload(text.size());
    const MaskingKey key = static_cast<MaskingKey>(first * 0x01020304U + second);
    unmask_copy(payload.data(), text, key);  // masking is its own inverse
    require(kernel.unmask_text(payload.data(), payload.size(), key) == (whole == Utf8Verdict::valid), "text kernel = reference");
    require(std::ranges::equal(payload, text), "a text kernel unmasks");
  }

  const std::size_t cut = first % (text.size() + 1);
  const std::size_t cut_again = cut + second % (text.size() - cut + 1);
  Utf8Stream stream;
  std::size_t begin = 0;
  for (const std::size_t end : {cut, cut_again, text.size()}) {
    const ByteView piece = room.lend(text.subspan(begin, end - begin));
    const Utf8Verdict expected = end == text.size() ? whole : reference_utf8(text.first(end));
    Utf8Stream told = stream;
    const bool good = stream.feed(piece);
    require(good == (expected != Utf8Verdict::invalid), "stream = reference");
    if (is_ascii(piece)) require(told.feed_ascii(piece) == good, "feed_ascii = feed, of ASCII");
    room.take_back();
    if (!good) return 0;
    require(stream.complete() == (expected == Utf8Verdict::valid), "stream's end = reference");
    begin = end;
  }
  return 0;
}
