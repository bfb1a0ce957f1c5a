// The masking kernels against the definition of RFC 6455 section 5.3. Oracle: every kernel of this machine, and what
// the gate calls, give the definition's bytes, and say rightly whether one of them is above 0x7F, in place and into
// another place, at any offset and phase; and none touches a byte around its target.
//
// Input: byte 0 = offset in the buffer (6 bits) and phase (2 bits), 4 bytes of key, then the payload.
//
// Tests: src/ws/masking*
#include "fuzz_case.h"
#include "ws/masking.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::ws;

constexpr std::uint8_t untouched = 0xA5;
constexpr std::size_t payload_bytes_max = 4096;

/// A target with room around it that must stay as it is: the kernels may read there, never write.
class Target {
 public:
  Target(std::size_t offset, std::size_t size) : around_(bytes_, offset + size + 64), target_(around_.subspan(offset, size)) {
    std::memset(around_.data(), untouched, around_.size());
  }
  MutableBytes bytes() const { return target_; }
  bool surroundings_untouched() const {
    const auto is_untouched = [](std::uint8_t byte) { return byte == untouched; };
    const std::size_t offset = static_cast<std::size_t>(target_.data() - around_.data());
    return std::ranges::all_of(around_.first(offset), is_untouched) &&
           std::ranges::all_of(around_.subspan(offset + target_.size()), is_untouched);
  }

 private:
  static inline std::uint8_t bytes_[64 + payload_bytes_max + 64];
  MutableBytes around_;
  MutableBytes target_;
};

void require_expected(const Target& target, bool high, ByteView expected, bool high_expected, const char* promise) {
  require(high == high_expected && std::memcmp(target.bytes().data(), expected.data(), expected.size()) == 0, promise);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::uint8_t place = choices.byte();
  MaskingKey key = 0;
  for (unsigned i = 0; i < 4; ++i) key |= MaskingKey{choices.byte()} << (8 * i);
  const std::size_t phase = place / 64;
  const ByteView masked = choices.rest().first(std::min(choices.rest().size(), payload_bytes_max));

  static std::uint8_t unmasked[payload_bytes_max];
  bool high = false;
  for (std::size_t i = 0; i < masked.size(); ++i) {
    unmasked[i] = static_cast<std::uint8_t>(masked[i] ^ (key >> (8 * ((phase + i) % 4))));
    high = high || unmasked[i] >= 0x80;
  }
  const ByteView expected = ByteView(unmasked).first(masked.size());

  const Target target(place % 64, masked.size());
  const MutableBytes bytes = target.bytes();
  for (const MaskingKernel& kernel : masking_kernels()) {
    std::ranges::copy(masked, bytes.begin());
    const bool seen = kernel.unmask(bytes.data(), bytes.data(), bytes.size(), masking::rotate(key, phase));
    require_expected(target, seen, expected, high, "kernel = definition");
  }
  std::ranges::copy(masked, bytes.begin());
  require_expected(target, unmask(bytes, key, phase), expected, high, "unmask = definition");
  std::ranges::fill(bytes, std::uint8_t{0});
  require_expected(target, unmask_copy(bytes.data(), masked, key, phase), expected, high, "unmask_copy = definition");
  require(target.surroundings_untouched(), "nothing around the target is written");
  return 0;
}
