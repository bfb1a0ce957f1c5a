// Checks that a compressed message keeps to the window that its sender agreed to (RFC 7692 section 7.1.2).
//
// zlib's inflate does not check it: it accepts any reference into the output of the same call, however far back. So this reads
// the codes of the message once more (RFC 1951), produces no output, and checks only the distance of each reference. It is needed
// only for a window smaller than the full one. For a message that does not inflate the answer means nothing, but no byte behind
// its end is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ringgate/bytes.h"

namespace ringgate::ws {

/// Checks one message, in any number of calls. Owner shard; does not allocate.
class WindowChecker {
 public:
  enum class Answer : std::uint8_t { goes_on, stays, leaves };

  /// `history_bytes`: bytes of earlier messages that the message may refer to.
  void start(std::uint8_t window_bits, std::size_t history_bytes);

  /// Reads on for about `steps` symbols. `payload` is the whole message, the same at each call. `leaves`: a reference goes back
  /// further than the window or the history, or the message has no end.
  Answer resume(ByteView payload, std::size_t steps);

 private:
  static constexpr unsigned code_bits_max = 15;

  /// A canonical Huffman code: how many symbols each length has, and the symbols in the order of their codes.
  class Code {
   public:
    void build(std::span<const std::uint8_t> lengths);
    /// Reads the symbol whose code `bits` begins with; returns the code's length in bits, 0 if there is none.
    unsigned read(std::uint64_t bits, unsigned& symbol) const;

   private:
    std::array<std::uint16_t, code_bits_max + 1> counts_{};
    std::array<std::uint16_t, 288> symbols_{};
  };

  std::uint64_t ahead() const;
  unsigned take(unsigned count);
  bool is_beyond_end() const;
  bool is_at_end() const;
  bool begin_block();
  bool pass_stored_block();
  bool read_codes();
  bool read_code_lengths(const Code& code, std::span<std::uint8_t> lengths);
  void use_fixed_codes();
  bool read_symbol();
  bool read_reference(unsigned length_symbol);
  void end_block();

  ByteView payload_;  // during a call
  std::size_t window_bytes_ = 0;
  std::size_t bytes_before_ = 0;  // bytes before the next one, of the history and of the message
  std::size_t bit_ = 0;           // index of the next bit
  bool in_codes_ = false;         // inside a block with codes
  bool is_final_ = false;         // the block is marked final
  Code literals_;
  Code distances_;
};

/// Checks a message at once: true if no reference in `payload` goes back more than 2^window_bits bytes or before `history`.
bool stays_in_window(ByteView payload, ByteView history, std::uint8_t window_bits);

}  // namespace ringgate::ws
