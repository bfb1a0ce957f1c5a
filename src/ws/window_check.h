// Whether a compressed message keeps to the window its sender agreed to (RFC 7692 section 7.1.2).
//
// zlib's inflate does not tell: a reference into what the same call has written is good for it, however far. So the codes of the
// message are read once more (RFC 1951), without making a byte of what they mean, and only how far each reference goes is looked at.
// Needed only where less than the full window was agreed to. Of a message that does not inflate the answer means nothing, but no
// byte behind its end is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ringgate/bytes.h"

namespace ringgate::ws {

/// Reads one message, in as many calls as the caller likes. Owner shard; does not allocate.
class WindowChecker {
 public:
  enum class Answer : std::uint8_t { goes_on, stays, leaves };

  /// `history_bytes`: of what went before the message and may be referred to.
  void start(std::uint8_t window_bits, std::size_t history_bytes);

  /// Reads on in `payload`, the same at each call, for about `steps` symbols. `leaves`: a reference goes back further than the window
  /// or before the history, or the message has no end.
  Answer resume(ByteView payload, std::size_t steps);

 private:
  static constexpr unsigned code_bits_max = 15;

  /// A canonical Huffman code: how many symbols each length has, and the symbols in the order of their codes.
  class Code {
   public:
    void build(std::span<const std::uint8_t> lengths);
    /// The symbol whose code `bits` begin with; its length, 0 if there is none.
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
  std::size_t bytes_before_ = 0;  // that stand before the next one: of the history and of the message
  std::size_t bit_ = 0;           // the next one
  bool in_codes_ = false;         // within a block with codes
  bool is_final_ = false;         // the block is marked so
  Code literals_;
  Code distances_;
};

/// All of it at once: true if no reference in `payload` goes back more than 2^window_bits bytes or before `history`.
bool stays_in_window(ByteView payload, ByteView history, std::uint8_t window_bits);

}  // namespace ringgate::ws
