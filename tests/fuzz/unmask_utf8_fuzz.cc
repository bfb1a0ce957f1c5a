// Fuzzes the vector kernels and the UTF-8 stream against their slow references.
//
// Input: octet 0 = offset in the buffer (6 bits) and phase (2 bits), octet 1 = where the text is cut, 4
// octets of key, payload.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../unit/ws/utf8_reference.h"
#include "ws/masking.h"
#include "ws/utf8.h"

namespace {

using namespace ringgate;
using namespace ringgate::ws;
using namespace ringgate::ws::testing;

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

/// Unmasking by its definition.
std::vector<std::uint8_t> unmasked(ByteView masked, std::size_t phase, MaskingKey key) {
  std::vector<std::uint8_t> octets;
  octets.reserve(masked.size());
  for (const std::uint8_t octet : masked) {
    octets.push_back(static_cast<std::uint8_t>(octet ^ (key >> (8 * (phase % 4)))));
    ++phase;
  }
  return octets;
}

void check_kernels(ByteView masked, std::size_t offset, std::size_t phase, MaskingKey key) {
  const std::vector<std::uint8_t> expected = unmasked(masked, phase, key);
  const bool high = std::ranges::any_of(expected, [](std::uint8_t octet) { return octet >= 0x80; });

  std::vector<std::uint8_t> memory(offset + masked.size());
  const auto target = MutableBytes(memory).subspan(offset);
  for (const MaskingKernel& kernel : masking_kernels()) {
    std::ranges::copy(masked, target.begin());
    const bool seen = kernel.unmask(target.data(), target.data(), target.size(), masking::rotate(key, phase));
    require(seen == high && std::ranges::equal(target, expected), "kernel = scalar");
  }
  std::ranges::copy(masked, target.begin());
  require(unmask(target, key, phase) == high && std::ranges::equal(target, expected), "unmask = scalar");
  std::ranges::fill(target, std::uint8_t{0});
  require(unmask_copy(target.data(), masked, key, phase) == high && std::ranges::equal(target, expected),
          "unmask_copy = scalar");
}

void check_utf8(ByteView text, std::size_t cut) {
  require(valid_utf8(text) == (reference_utf8(text) == Utf8Verdict::valid), "valid_utf8 = reference");
  Utf8Stream stream;
  std::size_t end = 0;
  for (const ByteView piece : {text.first(cut), text.subspan(cut)}) {
    end += piece.size();
    const Utf8Verdict expected = reference_utf8(text.first(end));
    const bool good = stream.feed(piece);
    require(good == (expected != Utf8Verdict::invalid), "stream = reference");
    if (!good) return;
    require(stream.complete() == (expected == Utf8Verdict::valid), "stream's end = reference");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 6) return 0;
  MaskingKey key = 0;
  std::memcpy(&key, data + 2, sizeof key);
  const ByteView payload{data + 6, size - 6};
  check_kernels(payload, data[0] % 64, data[0] / 64, key);
  check_utf8(payload, data[1] % (payload.size() + 1));
  return 0;
}
