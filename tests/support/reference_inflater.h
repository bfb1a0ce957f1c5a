// The slow reference for inflating one message: RFC 1951 bit by bit, with the rules that RFC 7692 section 7.2.2 adds. Owes
// nothing to zlib, and tells beside the bytes how far back a message refers.
// A block marked final does not end the message: what follows begins at the next byte, with the same window.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "ringgate/bytes.h"
#include "ws/deflate_parameters.h"

namespace ringgate::test {

class ReferenceInflater {
 public:
  enum class Verdict { good, too_big, invalid };

  /// `history`: what went before and may be referred to. `out` is refilled; it never grows beyond `bytes_max` and
  /// what it begins with, the history.
  Verdict inflate(ByteView payload, ByteView history, std::size_t bytes_max, std::string& out) {
    message_.assign(text_of(payload)).append(text_of(ws::flush_tail));
    bits_ = message_.size() * 8;
    message_.append(8, '\0');
    payload_bytes_ = payload.size();
    out_ = &out;
    out.assign(text_of(history));
    history_bytes_ = history.size();
    bytes_max_ = bytes_max;
    bit_ = 0;
    verdict_ = Verdict::good;
    farthest_ = 0;
    const bool whole = run();
    out.erase(0, history_bytes_);
    if (verdict_ != Verdict::good) return verdict_;
    return whole ? Verdict::good : Verdict::invalid;
  }

  /// The farthest any reference of the latest message went back.
  std::size_t farthest() const { return farthest_; }

 private:
  static constexpr unsigned code_bits_max = 15;

  /// A canonical Huffman code: how many symbols each length has, and the symbols in the order of their codes.
  struct Code {
    std::array<std::uint16_t, code_bits_max + 1> counts{};
    std::array<std::uint16_t, 288> symbols{};

    /// Codes left over: none is a complete code, fewer than none is no code at all.
    int build(std::span<const std::uint8_t> lengths) {
      counts.fill(0);
      for (const std::uint8_t length : lengths) ++counts[length];
      int left = 1;
      for (unsigned bits = 1; bits <= code_bits_max; ++bits) left = left * 2 - counts[bits];
      std::array<std::uint16_t, code_bits_max + 1> offsets{};
      for (unsigned bits = 1; bits < code_bits_max; ++bits)
        offsets[bits + 1] = static_cast<std::uint16_t>(offsets[bits] + counts[bits]);
      for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol)
        if (lengths[symbol] != 0) symbols[offsets[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
      return left;
    }
    /// zlib takes, of all incomplete codes, those of one symbol of one bit, and of no symbol.
    bool usable(int left, std::size_t symbols_count) const {
      return left == 0 || (left > 0 && counts[0] + std::size_t{counts[1]} == symbols_count && counts[1] <= 1);
    }
  };

  bool run() {
    while (true) {
      bool final = false;
      if (!read_block(final)) return false;
      if (final) {
        bit_ = (bit_ + 7) / 8 * 8;
        if (bit_ == payload_bytes_ * 8) return true;
      }
      if (bit_ == bits_) return true;
    }
  }

  /// The next 16 bits or more, the first one lowest; zeros behind the end.
  unsigned ahead() const {
    std::uint32_t bytes = 0;
    std::memcpy(&bytes, message_.data() + bit_ / 8, sizeof bytes);  // padded, see inflate
    return bytes >> (bit_ % 8);
  }
  bool skip(unsigned count) {
    bit_ += count;
    return bit_ <= bits_;
  }

  bool take(unsigned count, unsigned& value) {
    value = ahead() & ((1U << count) - 1);
    return skip(count);
  }

  bool take_symbol(const Code& code, unsigned& symbol) {
    unsigned rest = ahead();
    int first = 0;
    int index = 0;
    int value = 0;
    for (unsigned bits = 1; bits <= code_bits_max; ++bits, rest >>= 1U) {
      value = value * 2 + static_cast<int>(rest & 1U);
      const int count = code.counts[bits];
      if (value - first < count) {
        symbol = code.symbols[static_cast<std::size_t>(index + value - first)];
        return skip(bits);
      }
      index += count;
      first = (first + count) * 2;
    }
    return false;
  }

  bool read_block(bool& final) {
    unsigned last = 0;
    unsigned type = 0;
    if (!take(1, last) || !take(2, type)) return false;
    final = last != 0;
    switch (type) {
      case 0: return read_stored();
      case 1: return read_coded(fixed_literals(), fixed_distances());
      case 2: return read_codes() && read_coded(literals_, distances_);
      default: return false;
    }
  }

  /// Room for `count` more bytes, which `more` then appends. What the tail makes come out was never sent.
  template <typename Append>
  bool put(std::size_t count, Append more) {
    if (bit_ > payload_bytes_ * 8) return false;
    const std::size_t room = bytes_max_ - (out_->size() - history_bytes_);
    more(std::min(count, room));
    if (count > room) verdict_ = Verdict::too_big;
    return count <= room;
  }
  bool put_byte(unsigned byte) {
    return put(1, [&](std::size_t count) { out_->append(count, static_cast<char>(byte)); });
  }
  bool put_again(std::size_t length, std::size_t distance) {
    return put(length, [&](std::size_t count) {
      for (std::size_t piece = 0; count > 0; count -= piece) {
        piece = std::min(count, distance);
        out_->append(*out_, out_->size() - distance, piece);
      }
    });
  }

  bool read_stored() {
    bit_ = (bit_ + 7) / 8 * 8;
    unsigned length = 0;
    unsigned inverse = 0;
    if (!take(16, length) || !take(16, inverse) || (length ^ inverse) != 0xFFFF) return false;
    for (unsigned byte = 0; length > 0; --length)
      if (!take(8, byte) || !put_byte(byte)) return false;
    return true;
  }

  bool read_coded(const Code& literals, const Code& distances) {
    static constexpr std::array<std::uint16_t, 29> length_base{3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                               31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static constexpr std::array<std::uint8_t, 29> length_extra{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                               2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static constexpr std::array<std::uint16_t, 30> distance_base{1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                                                 33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                                                 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    for (unsigned symbol = 0;;) {
      if (!take_symbol(literals, symbol)) return false;
      if (symbol == 256) return true;
      if (symbol < 256) {
        if (!put_byte(symbol)) return false;
        continue;
      }
      unsigned length = 0;
      unsigned distance_symbol = 0;
      unsigned distance = 0;
      if (symbol - 257 >= length_base.size() || !take(length_extra[symbol - 257], length)) return false;
      if (!take_symbol(distances, distance_symbol) || distance_symbol >= distance_base.size()) return false;
      if (!take(distance_symbol < 4 ? 0 : distance_symbol / 2 - 1, distance)) return false;
      distance += distance_base[distance_symbol];
      if (distance > out_->size()) return false;
      farthest_ = std::max<std::size_t>(farthest_, distance);
      if (!put_again(length + length_base[symbol - 257], distance)) return false;
    }
  }

  bool read_codes() {
    static constexpr std::array<std::uint8_t, 19> order{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    unsigned literals_count = 0;
    unsigned distances_count = 0;
    unsigned lengths_count = 0;
    if (!take(5, literals_count) || !take(5, distances_count) || !take(4, lengths_count)) return false;
    literals_count += 257;
    distances_count += 1;
    if (literals_count > 286 || distances_count > 30) return false;
    std::array<std::uint8_t, 320> lengths{};
    for (unsigned i = 0; i < lengths_count + 4; ++i) {
      unsigned length = 0;
      if (!take(3, length)) return false;
      lengths[order[i]] = static_cast<std::uint8_t>(length);
    }
    Code code;
    if (code.build(std::span(lengths).first(19)) != 0) return false;
    lengths.fill(0);
    const unsigned count = literals_count + distances_count;
    for (unsigned i = 0; i < count;) {
      unsigned symbol = 0;
      if (!take_symbol(code, symbol)) return false;
      if (symbol < 16) {
        lengths[i++] = static_cast<std::uint8_t>(symbol);
        continue;
      }
      unsigned repeat = 0;
      if (symbol == 16 && i == 0) return false;
      const std::uint8_t value = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
      if (!take(symbol == 16 ? 2 : symbol == 17 ? 3 : 7, repeat)) return false;
      repeat += symbol == 18 ? 11 : 3;
      if (i + repeat > count) return false;
      while (repeat-- > 0) lengths[i++] = value;
    }
    if (lengths[256] == 0) return false;
    const auto of_literals = std::span(lengths).first(literals_count);
    const auto of_distances = std::span(lengths).subspan(literals_count, distances_count);
    return literals_.usable(literals_.build(of_literals), literals_count) &&
           distances_.usable(distances_.build(of_distances), distances_count);
  }

  static const Code& fixed_literals() {
    static const Code code = [] {
      std::array<std::uint8_t, 288> lengths{};
      for (unsigned i = 0; i < lengths.size(); ++i)
        lengths[i] = static_cast<std::uint8_t>(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
      Code fixed;
      fixed.build(lengths);
      return fixed;
    }();
    return code;
  }
  static const Code& fixed_distances() {
    static const Code code = [] {
      std::array<std::uint8_t, 30> lengths;
      lengths.fill(5);
      Code fixed;
      fixed.build(lengths);
      return fixed;
    }();
    return code;
  }

  std::string message_;   // with the tail that the sender left off, and padded
  std::size_t bits_ = 0;  // of it, the padding left out
  std::size_t payload_bytes_ = 0;
  std::string* out_ = nullptr;
  std::size_t history_bytes_ = 0;
  std::size_t bytes_max_ = 0;
  std::size_t bit_ = 0;
  std::size_t farthest_ = 0;
  Verdict verdict_ = Verdict::good;
  Code literals_;
  Code distances_;
};

}  // namespace ringgate::test
