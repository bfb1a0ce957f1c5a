#include "ws/window_check.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ws/deflate_parameters.h"

namespace ringgate::ws {
namespace {

constexpr unsigned end_of_block = 256;
constexpr std::size_t steps_of_codes = 128;  // reading the codes of a block counts as so many symbols

// Lengths and distances by symbol (RFC 1951 section 3.2.5).
constexpr std::array<std::uint16_t, 29> length_base{3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> length_extra{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<std::uint16_t, 30> distance_base{1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                                      33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                                      1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr unsigned distance_extra(unsigned symbol) { return symbol < 4 ? 0 : symbol / 2 - 1; }

constexpr std::uint64_t low_bits(std::uint64_t bits, unsigned count) { return bits & ((std::uint64_t{1} << count) - 1); }

}  // namespace

void WindowChecker::Code::build(std::span<const std::uint8_t> lengths) {
  counts_.fill(0);
  for (const std::uint8_t length : lengths) ++counts_[length];
  counts_[0] = 0;
  std::array<std::uint16_t, code_bits_max + 1> offsets{};
  for (unsigned bits = 1; bits < code_bits_max; ++bits)
    offsets[bits + 1] = static_cast<std::uint16_t>(offsets[bits] + counts_[bits]);
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol)
    if (lengths[symbol] != 0) symbols_[offsets[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
}

/// Reads bit by bit: codes of one length are consecutive numbers, and those of the next length follow them (RFC 1951 section
/// 3.2.2).
unsigned WindowChecker::Code::read(std::uint64_t bits, unsigned& symbol) const {
  unsigned value = 0;
  unsigned first = 0;
  unsigned index = 0;
  for (unsigned length = 1; length <= code_bits_max; ++length, bits >>= 1U) {
    value = value * 2 + static_cast<unsigned>(bits & 1U);
    const unsigned count = counts_[length];
    if (value - first < count) {  // `value` is never below `first`: such a code would have ended before
      symbol = symbols_[index + value - first];
      return length;
    }
    index += count;
    first = (first + count) * 2;
  }
  return 0;
}

void WindowChecker::start(std::uint8_t window_bits, std::size_t history_bytes) {
  window_bytes_ = std::size_t{1} << window_bits;
  bytes_before_ = history_bytes;
  bit_ = 0;
  in_codes_ = is_final_ = false;
}

/// The next 57 bits or more, the first one lowest: from the payload, then from the omitted flush_tail, then zeros.
std::uint64_t WindowChecker::ahead() const {
  const std::size_t byte = bit_ / 8;
  std::array<std::uint8_t, 8> bytes{};
  if (byte + bytes.size() <= payload_.size()) {
    std::memcpy(bytes.data(), payload_.data() + byte, bytes.size());
  } else {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t at = byte + i;
      if (at < payload_.size()) bytes[i] = payload_[at];
      else if (at - payload_.size() < flush_tail.size()) bytes[i] = flush_tail[at - payload_.size()];
    }
  }
  std::uint64_t bits = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) bits = bits << 8U | bytes[i];
  return bits >> (bit_ % 8);
}

unsigned WindowChecker::take(unsigned count) {
  const auto value = static_cast<unsigned>(low_bits(ahead(), count));
  bit_ += count;
  return value;
}

bool WindowChecker::is_beyond_end() const { return bit_ > (payload_.size() + flush_tail.size()) * 8; }

/// Call it between two blocks. True if no block follows. A message may end with a block marked final.
bool WindowChecker::is_at_end() const {
  return bit_ == (payload_.size() + flush_tail.size()) * 8 || (is_final_ && bit_ == payload_.size() * 8);
}

void WindowChecker::end_block() {
  in_codes_ = false;
  if (is_final_) bit_ = (bit_ + 7) / 8 * 8;
}

bool WindowChecker::pass_stored_block() {
  bit_ = (bit_ + 7) / 8 * 8;
  const unsigned length = take(16);
  bit_ += 16 + std::size_t{length} * 8;  // over the inverted length and the bytes
  bytes_before_ += length;
  end_block();
  return !is_beyond_end();
}

bool WindowChecker::begin_block() {
  is_final_ = take(1) != 0;
  in_codes_ = true;
  switch (take(2)) {
    case 0: return pass_stored_block();
    case 1: use_fixed_codes(); return !is_beyond_end();
    case 2: return read_codes();
    default: return false;
  }
}

void WindowChecker::use_fixed_codes() {
  std::array<std::uint8_t, 288> lengths;
  for (unsigned symbol = 0; symbol < lengths.size(); ++symbol)
    lengths[symbol] = static_cast<std::uint8_t>(symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
  literals_.build(lengths);
  lengths.fill(5);
  distances_.build(std::span(lengths).first(30));
}

/// Reads the codes of a block that has its own (RFC 1951 section 3.2.7).
bool WindowChecker::read_codes() {
  static constexpr std::array<std::uint8_t, 19> order{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  const unsigned literals_count = 257 + take(5);
  const unsigned distances_count = 1 + take(5);
  const unsigned lengths_count = 4 + take(4);
  if (literals_count > 286 || distances_count > 30) return false;
  std::array<std::uint8_t, 19> lengths_of_code{};
  for (unsigned i = 0; i < lengths_count; ++i) lengths_of_code[order[i]] = static_cast<std::uint8_t>(take(3));
  Code code;
  code.build(lengths_of_code);
  std::array<std::uint8_t, 316> all{};
  const std::span<std::uint8_t> lengths = std::span(all).first(literals_count + distances_count);
  if (!read_code_lengths(code, lengths)) return false;
  literals_.build(lengths.first(literals_count));
  distances_.build(lengths.subspan(literals_count));
  return !is_beyond_end();
}

bool WindowChecker::read_code_lengths(const Code& code, std::span<std::uint8_t> lengths) {
  for (std::size_t i = 0; i < lengths.size();) {
    unsigned symbol = 0;
    const unsigned length = code.read(ahead(), symbol);
    if (length == 0 || is_beyond_end()) return false;
    bit_ += length;
    if (symbol < 16) {
      lengths[i++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && i == 0) return false;
    const std::uint8_t repeated = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
    const unsigned repeats = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7);
    if (repeats > lengths.size() - i) return false;
    std::fill_n(lengths.begin() + static_cast<std::ptrdiff_t>(i), repeats, repeated);
    i += repeats;
  }
  return true;
}

bool WindowChecker::read_symbol() {
  unsigned symbol = 0;
  const unsigned length = literals_.read(ahead(), symbol);
  bit_ += length;
  if (length == 0 || is_beyond_end()) return false;
  if (symbol > end_of_block) return read_reference(symbol);
  if (symbol == end_of_block) end_block();
  else ++bytes_before_;
  return true;
}

bool WindowChecker::read_reference(unsigned length_symbol) {
  const unsigned row = length_symbol - end_of_block - 1;
  if (row >= length_base.size()) return false;
  const unsigned length = length_base[row] + take(length_extra[row]);
  unsigned symbol = 0;
  const unsigned bits = distances_.read(ahead(), symbol);
  bit_ += bits;
  if (bits == 0 || symbol >= distance_base.size()) return false;
  const std::size_t distance = std::size_t{distance_base[symbol]} + take(distance_extra(symbol));
  if (distance > window_bytes_ || distance > bytes_before_ || is_beyond_end()) return false;
  bytes_before_ += length;
  return true;
}

WindowChecker::Answer WindowChecker::resume(ByteView payload, std::size_t steps) {
  payload_ = payload;
  while (steps > 0) {
    std::size_t weight = 1;
    if (in_codes_) {
      if (!read_symbol()) return Answer::leaves;
    } else {
      if (!begin_block()) return Answer::leaves;
      weight = std::min(steps, steps_of_codes);
    }
    if (!in_codes_ && is_at_end()) return Answer::stays;
    steps -= weight;
  }
  return Answer::goes_on;
}

bool stays_in_window(ByteView payload, ByteView history, std::uint8_t window_bits) {
  WindowChecker checker;
  checker.start(window_bits, history.size());
  return checker.resume(payload, std::numeric_limits<std::size_t>::max()) == WindowChecker::Answer::stays;
}

}  // namespace ringgate::ws
