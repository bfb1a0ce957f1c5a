#include "ws/echo_run.h"

#include <algorithm>
#include <array>

#include "ws/frame_format.h"
#include "ws/masking.h"
#include "ws/utf8.h"

namespace ringgate::ws {
namespace {

using masking::Lanes;
using masking::load;
using masking::store;

constexpr std::size_t client_header_bytes = 6;
constexpr std::size_t server_header_bytes = 2;
constexpr std::uint8_t whole_text = fin_bit | static_cast<std::uint8_t>(Opcode::text);
constexpr std::uint8_t whole_binary = fin_bit | static_cast<std::uint8_t>(Opcode::binary);
static_assert(sizeof(Lanes) <= echo_run_slack_bytes);

/// A mask that keeps the first n bytes of a vector starts at byte 16 - n.
constexpr auto keep_first = [] {
  std::array<std::uint8_t, 2 * sizeof(Lanes)> bytes{};
  std::fill_n(bytes.begin(), sizeof(Lanes), std::uint8_t{0xFF});
  return bytes;
}();

/// Unmasks whole vectors, so up to 15 bytes behind the payload, too.
inline void unmask_vectors(std::uint8_t* out, const std::uint8_t* in, std::size_t size, MaskingKey key) {
  const Lanes keys = masking::repeat<Lanes>(key);
  for (std::size_t i = 0; i < size; i += sizeof(Lanes)) store(out + i, load<Lanes>(in + i) ^ keys);
}

/// As unmask_vectors, with up to 16 bytes behind the payload. Returns whether any byte of the payload is not ASCII.
inline bool unmask_text_vectors(std::uint8_t* out, const std::uint8_t* in, std::size_t size, MaskingKey key) {
  const Lanes keys = masking::repeat<Lanes>(key);
  Lanes seen{};
  std::size_t i = 0;
  for (; i + sizeof(Lanes) <= size; i += sizeof(Lanes)) {
    const Lanes lanes = load<Lanes>(in + i) ^ keys;
    store(out + i, lanes);
    seen |= lanes;
  }
  const Lanes lanes = load<Lanes>(in + i) ^ keys;
  store(out + i, lanes);
  seen |= lanes & load<Lanes>(keep_first.data() + sizeof(Lanes) - (size - i));
  return masking::any_high_bit(seen);
}

}  // namespace

EchoRun echo_run(ByteView input, std::uint8_t* out, std::uint64_t payload_bytes_max) {
  std::uint32_t frames_count = 0;
  std::uint32_t texts_count = 0;
  const std::size_t short_bytes_max = std::min(payload_bytes_max, length_7_bit_max);
  const std::uint8_t* in = input.data();
  const std::uint8_t* const end = in + input.size();
  std::uint8_t* const begin = out;
  while (static_cast<std::size_t>(end - in) >= client_header_bytes) {
    const std::uint8_t first = in[0];
    const bool is_text = first == whole_text;
    const std::size_t size = in[1] ^ mask_bit;  // too large if the mask bit is not set
    if (!(is_text || first == whole_binary) || size > short_bytes_max) break;
    if (size > static_cast<std::size_t>(end - in) - client_header_bytes) break;
    const auto key = load<MaskingKey>(in + 2);
    if (is_text) {
      const bool beyond_ascii = unmask_text_vectors(out + server_header_bytes, in + client_header_bytes, size, key);
      if (beyond_ascii && !valid_utf8({out + server_header_bytes, size})) break;
      ++texts_count;
    } else {
      unmask_vectors(out + server_header_bytes, in + client_header_bytes, size, key);
    }
    out[0] = first;
    out[1] = static_cast<std::uint8_t>(size);
    ++frames_count;
    in += client_header_bytes + size;
    out += server_header_bytes + size;
  }
  const auto bytes_read = static_cast<std::size_t>(in - input.data());
  return {.bytes_read = bytes_read,
          .bytes_written = static_cast<std::size_t>(out - begin),
          .texts_count = texts_count,
          .binaries_count = frames_count - texts_count,
          .payload_bytes = bytes_read - client_header_bytes * frames_count};
}

}  // namespace ringgate::ws
