// Inflates a message bit by bit, straight from RFC 1951 and RFC 7692 section 7.2.2: the slow reference.
//
// Owes nothing to zlib. Tells beside the octets how far back the message refers. Test only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deflate_blocks.h"

namespace ringgate::ws {

/// A canonical Huffman code (section 3.2.2), decoded by counting.
class HuffmanCode {
 public:
  /// Nothing if the lengths make no code. One that is not complete is good only if it is a single code of one bit.
  static std::optional<HuffmanCode> make(std::span<const std::uint8_t> lengths) {
    HuffmanCode code;
    for (const std::uint8_t length : lengths) ++code.counts_[length];
    int free = 1;  // codes of this length that no shorter one has taken
    for (std::size_t length = 1; length <= 15; ++length) {
      free = 2 * free - static_cast<int>(code.counts_[length]);
      if (free < 0) return std::nullopt;
    }
    const std::size_t used = lengths.size() - code.counts_[0];
    if (free > 0 && used > 0 && !(used == 1 && code.counts_[1] == 1)) return std::nullopt;
    for (unsigned length = 1; length <= 15; ++length) {
      for (std::size_t i = 0; i < lengths.size(); ++i) {
        if (lengths[i] == length) code.symbols_.push_back(static_cast<unsigned>(i));
      }
    }
    return code;
  }

  /// Takes bits from `next_bit` (nothing: no more) until they are a code.
  template <typename NextBit>
  std::optional<unsigned> decode(NextBit next_bit) const {
    unsigned code = 0;
    unsigned first = 0;
    unsigned index = 0;
    for (std::size_t length = 1; length <= 15; ++length) {
      const std::optional<unsigned> bit = next_bit();
      if (!bit) return std::nullopt;
      code = 2 * code + *bit;
      first *= 2;
      if (code < first + counts_[length]) return symbols_[index + (code - first)];
      first += counts_[length];
      index += counts_[length];
    }
    return std::nullopt;
  }

 private:
  std::array<unsigned, 16> counts_{};
  std::vector<unsigned> symbols_;
};

class ReferenceInflater {
 public:
  /// Inflates `payload`; `history` is what earlier messages inflated to.
  explicit ReferenceInflater(ByteView payload, ByteView history = {})
      : input_(payload.begin(), payload.end()),
        payload_bytes_(payload.size()),
        octets_(history.begin(), history.end()),
        history_bytes_(history.size()) {
    input_.insert(input_.end(), flush_tail.begin(), flush_tail.end());
    valid_ = run();
  }

  bool valid() const { return valid_; }
  ByteView octets() const { return ByteView{octets_}.subspan(history_bytes_); }
  std::size_t furthest_distance() const { return furthest_distance_; }

 private:
  struct Codes {
    HuffmanCode literals;
    HuffmanCode distances;
  };

  std::optional<unsigned> bits(unsigned count) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; ++i, ++position_) {
      if (position_ / 8 >= input_.size()) return std::nullopt;
      value |= (input_[position_ / 8] >> (position_ % 8) & 1U) << i;
    }
    return value;
  }
  std::optional<unsigned> symbol(const HuffmanCode& code) {
    return code.decode([this] { return bits(1); });
  }
  std::size_t align() { return position_ = (position_ + 7) / 8 * 8; }

  /// Good data end with a block marked final, or with the empty one whose lengths were left off.
  bool run() {
    while (true) {
      const auto final = bits(1);
      const auto type = bits(2);
      if (!type) return false;
      const std::size_t octets_before = octets_.size();
      if (!block(*type)) return false;
      if (*final == 1) {
        align();
        if (position_ == 8 * payload_bytes_) return true;
      }
      if (position_ == 8 * input_.size()) return *type == 0 && octets_.size() == octets_before;
    }
  }

  bool block(unsigned type) {
    if (type == 0) return stored();
    if (type == 3) return false;
    const std::optional<Codes> codes = type == 1 ? fixed_codes() : dynamic_codes();
    return codes && compressed(*codes);
  }

  bool stored() {
    align();
    const auto length = bits(16);
    const auto inverse = bits(16);
    if (!inverse || *length != (~*inverse & 0xFFFFU)) return false;
    for (unsigned i = 0; i < *length; ++i) {
      const auto octet = bits(8);
      if (!octet) return false;
      octets_.push_back(static_cast<std::uint8_t>(*octet));
    }
    return true;
  }

  static std::optional<Codes> fixed_codes() {
    std::array<std::uint8_t, 288> literals;
    for (std::size_t i = 0; i < literals.size(); ++i) literals[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    std::array<std::uint8_t, 32> distances;
    distances.fill(5);
    return Codes{*HuffmanCode::make(literals), *HuffmanCode::make(distances)};
  }

  std::optional<Codes> dynamic_codes() {
    static constexpr std::array<std::size_t, 19> order{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    const auto literals_count = bits(5);
    const auto distances_count = bits(5);
    const auto lengths_count = bits(4);
    if (!lengths_count || *literals_count > 29 || *distances_count > 29) return std::nullopt;
    std::array<std::uint8_t, 19> code_lengths{};
    for (std::size_t i = 0; i < *lengths_count + 4; ++i) {
      const auto length = bits(3);
      if (!length) return std::nullopt;
      code_lengths[order[i]] = static_cast<std::uint8_t>(*length);
    }
    const auto length_code = HuffmanCode::make(code_lengths);
    if (!length_code) return std::nullopt;
    const std::size_t literals_end = *literals_count + 257;
    const auto lengths = run_lengths(*length_code, literals_end + *distances_count + 1);
    if (!lengths || (*lengths)[256] == 0) return std::nullopt;
    const auto literals = HuffmanCode::make(std::span{*lengths}.first(literals_end));
    const auto distances = HuffmanCode::make(std::span{*lengths}.subspan(literals_end));
    if (!literals || !distances) return std::nullopt;
    return Codes{*literals, *distances};
  }

  std::optional<std::vector<std::uint8_t>> run_lengths(const HuffmanCode& code, std::size_t count) {
    struct Run {
      unsigned least;
      unsigned extra_bits;
    };
    static constexpr std::array<Run, 3> runs{{{3, 2}, {3, 3}, {11, 7}}};  // symbols 16 to 18
    std::vector<std::uint8_t> lengths;
    while (lengths.size() < count) {
      const auto read = symbol(code);
      if (!read) return std::nullopt;
      if (*read < 16) {
        lengths.push_back(static_cast<std::uint8_t>(*read));
        continue;
      }
      const auto more = bits(runs[*read - 16].extra_bits);
      if (!more || (*read == 16 && lengths.empty())) return std::nullopt;
      lengths.insert(lengths.end(), runs[*read - 16].least + *more, *read == 16 ? lengths.back() : std::uint8_t{0});
    }
    if (lengths.size() > count) return std::nullopt;
    return lengths;
  }

  bool compressed(const Codes& codes) {
    while (true) {
      const auto read = symbol(codes.literals);
      if (!read) return false;
      if (*read == 256) return true;
      if (*read < 256) {
        octets_.push_back(static_cast<std::uint8_t>(*read));
      } else if (!match(*read - 257, codes.distances)) {
        return false;
      }
    }
  }

  bool match(unsigned length_symbol, const HuffmanCode& distances) {
    if (length_symbol >= length_symbols_count) return false;
    const auto length_extra = bits(length_range(length_symbol).extra_bits);
    const auto distance_symbol = symbol(distances);
    if (!length_extra || !distance_symbol || *distance_symbol >= distance_symbols_count) return false;
    const auto distance_extra = bits(distance_range(*distance_symbol).extra_bits);
    if (!distance_extra) return false;
    const std::size_t distance = distance_range(*distance_symbol).least + *distance_extra;
    if (distance > octets_.size()) return false;
    furthest_distance_ = std::max(furthest_distance_, distance);
    const unsigned length = length_range(length_symbol).least + *length_extra;
    for (unsigned i = 0; i < length; ++i) octets_.push_back(octets_[octets_.size() - distance]);
    return true;
  }

  Octets input_;  // the payload and what was left off
  std::size_t payload_bytes_;
  Octets octets_;  // what went before, and the message behind it
  std::size_t history_bytes_;
  std::size_t position_ = 0;  // in bits
  std::size_t furthest_distance_ = 0;
  bool valid_ = false;
};

}  // namespace ringgate::ws
