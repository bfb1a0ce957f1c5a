#include "load/numbered_payload.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/assert.h"

namespace ringgate::load {
namespace {

constexpr std::size_t device_digits = 8;
constexpr std::size_t number_digits = 16;
constexpr std::size_t checksum_at = device_digits + number_digits;
constexpr std::size_t checksum_digits = 16;

void put_hex(std::string& out, std::size_t at, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = 0; i < digits; ++i) {
    out[at + digits - 1 - i] = "0123456789abcdef"[value & 0xf];
    value >>= 4;
  }
}

std::optional<std::uint64_t> hex(std::string_view digits) {
  std::uint64_t value = 0;
  // Each number has one spelling, so that any changed byte shows.
  if (digits.find_first_of("ABCDEF") != std::string_view::npos) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// Hashes everything but the checksum: the bytes before it seed the hash of the bytes behind it.
std::uint64_t checksum_of(std::string_view payload) {
  const std::uint64_t front = XXH3_64bits(payload.data(), checksum_at);
  const std::string_view filler = payload.substr(numbered_payload_bytes_min);
  return XXH3_64bits_withSeed(filler.data(), filler.size(), front);
}

}  // namespace

std::string make_numbered_payload(const PayloadNumber& number, std::size_t bytes, Random& random) {
  RINGGATE_ASSERT(bytes >= numbered_payload_bytes_min);
  std::string payload(bytes, '\0');
  put_hex(payload, 0, device_digits, number.device);
  put_hex(payload, device_digits, number_digits, number.number);
  for (std::size_t at = numbered_payload_bytes_min; at < bytes; at += 8)
    put_hex(payload, at, std::min<std::size_t>(8, bytes - at), random.next());
  put_hex(payload, checksum_at, checksum_digits, checksum_of(payload));
  return payload;
}

std::optional<PayloadNumber> read_numbered_payload(ByteView bytes) {
  const std::string_view payload = text_of(bytes);
  if (payload.size() < numbered_payload_bytes_min) return std::nullopt;
  const auto device = hex(payload.substr(0, device_digits));
  const auto number = hex(payload.substr(device_digits, number_digits));
  const auto checksum = hex(payload.substr(checksum_at, checksum_digits));
  if (!device || !number || checksum != checksum_of(payload)) return std::nullopt;
  return PayloadNumber{static_cast<std::uint32_t>(*device), *number};
}

}  // namespace ringgate::load
