// Writes compressed data block by block and code by code (RFC 1951), also such as no compressor would.
//
// Test only, bytes are cheap here. Owned by its test. Invariant: nothing is checked; what is asked for is written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deflate_samples.h"

namespace ringgate::ws {

/// A length or distance symbol: the least it stands for, and how many bits behind it add to that.
struct SymbolRange {
  unsigned least = 0;
  unsigned extra_bits = 0;
};

/// RFC 1951 section 3.2.5: symbols 257 to 285 by their number less 257.
constexpr SymbolRange length_range(unsigned symbol) {
  if (symbol < 8) return {symbol + 3, 0};
  if (symbol == 28) return {258, 0};
  const unsigned extra_bits = symbol / 4 - 1;
  return {((4 + symbol % 4) << extra_bits) + 3, extra_bits};
}

constexpr SymbolRange distance_range(unsigned symbol) {
  if (symbol < 2) return {symbol + 1, 0};
  const unsigned extra_bits = symbol / 2 - 1;
  return {((2 + symbol % 2) << extra_bits) + 1, extra_bits};
}
static_assert(distance_range(29).least + (1U << distance_range(29).extra_bits) - 1 == 32768);

inline constexpr unsigned length_symbols_count = 29;
inline constexpr unsigned distance_symbols_count = 30;

/// Whether a block is marked final.
enum class Final : bool { no, yes };

class BlockWriter {
 public:
  /// `count` bits of `value`, the lowest first; zeros once it has no more.
  void bits(unsigned value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      if (bits_count_++ % 8 == 0) bytes_.push_back(0);
      bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | ((i < 32 ? value >> i & 1U : 0U) << ((bits_count_ - 1) % 8)));
    }
  }

  /// `count` bits of a Huffman code, the highest first.
  void code(unsigned value, unsigned count) {
    while (count-- > 0) bits(value >> count & 1U, 1);
  }

  void align() { bits(0, (8 - bits_count_ % 8) % 8); }

  void stored_header(Final final, unsigned length, unsigned inverse) {
    begin(final, 0);
    align();
    bits(length, 16);
    bits(inverse, 16);
  }
  void stored(Final final, std::string_view text) {
    stored_header(final, static_cast<unsigned>(text.size()), ~static_cast<unsigned>(text.size()));
    for (const std::uint8_t byte : bytes_of(text)) bits(byte, 8);
  }

  void begin_fixed(Final final) { begin(final, 1); }
  void literal(std::uint8_t byte) { byte < 144 ? code(0x30U + byte, 8) : code(0x190U + byte - 144U, 9); }
  void literals(std::string_view text) {
    for (const std::uint8_t byte : bytes_of(text)) literal(byte);
  }
  void match(unsigned length, unsigned distance) {
    const unsigned length_symbol = symbol_of(length_range, length_symbols_count, length);
    length_symbol < 23 ? code(length_symbol + 1, 7) : code(0xC0U + length_symbol - 23, 8);
    bits(length - length_range(length_symbol).least, length_range(length_symbol).extra_bits);
    const unsigned distance_symbol = symbol_of(distance_range, distance_symbols_count, distance);
    code(distance_symbol, 5);
    bits(distance - distance_range(distance_symbol).least, distance_range(distance_symbol).extra_bits);
  }
  /// Ends the block; one that was marked final is padded to a whole byte.
  void end_fixed(Final final) {
    code(0, 7);
    if (final == Final::yes) align();
  }

  /// A block of `repeats` times 258 bytes `a` and one before: 258 bytes in two bits, the most that DEFLATE can say.
  void densest(std::size_t repeats) {
    begin(Final::no, 2);
    bits(29, 5);  // 286 codes of literals and lengths
    bits(0, 5);   // 1 of distances
    bits(14, 4);  // 18 of code lengths, in an order of their own: 18, 2 and 1 are used
    for (const unsigned length : {0U, 0U, 1U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 2U, 0U, 2U}) bits(length, 3);
    zeros(97);
    code(3, 2);  // `a` has a code of 2 bits
    zeros(138);
    zeros(20);
    code(3, 2);  // and so has the end of the block
    zeros(28);
    code(2, 2);  // 258 bytes: 1 bit
    code(2, 2);  // distance 1: 1 bit
    code(2, 2);  // an `a`
    for (std::size_t i = 0; i < repeats; ++i) bits(0, 2);
    code(3, 2);
  }

  /// What was written so far.
  const Bytes& bytes() const { return bytes_; }

  /// As the payload of a message: with the header of the empty block whose lengths are left off.
  Bytes message() {
    begin(Final::no, 0);
    align();
    return bytes_;
  }

 private:
  void begin(Final final, unsigned type) {
    bits(final == Final::yes ? 1 : 0, 1);
    bits(type, 2);
  }
  /// A run of unused codes, in the code lengths of densest().
  void zeros(unsigned count) {
    code(0, 1);
    bits(count - 11, 7);
  }
  static unsigned symbol_of(SymbolRange (*range)(unsigned), unsigned symbols_count, unsigned value) {
    unsigned symbol = symbols_count - 1;
    while (range(symbol).least > value) --symbol;
    return symbol;
  }

  Bytes bytes_;
  std::size_t bits_count_ = 0;
};

}  // namespace ringgate::ws
