// UTF-8 validation (RFC 3629): of a whole text, and of a text that arrives in pieces. Strict: no overlong
// forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstdint>

#include "ringgate/bytes.h"

namespace ringgate::ws {

/// True if `text` is valid UTF-8 as a whole. Any thread; reads exactly `text`; does not allocate.
bool valid_utf8(ByteView text);

/// Validates a text piece by piece and refuses at the first byte that no continuation can mend: `f4 | 90`
/// fails with the 90, before the character is complete.
///
/// Three bytes of state: what the next byte may be, and how many are missing. Value type; one thread at a
/// time.
class Utf8Stream {
 public:
  /// Takes the next piece. False if the text so far is not the beginning of any valid text; it stays so only
  /// by the caller's not asking again.
  [[nodiscard]] bool feed(ByteView piece);

  /// As feed, for a piece of which the caller knows that no byte is above 0x7F.
  [[nodiscard]] bool feed_ascii(ByteView piece) const { return piece.empty() || missing_ == 0; }

  /// True if the text does not end inside a character.
  [[nodiscard]] bool complete() const { return missing_ == 0; }

 private:
  bool step(std::uint8_t byte);

  std::uint8_t missing_ = 0;  // continuation bytes that the current character still needs
  std::uint8_t lowest_ = 0x80;
  std::uint8_t highest_ = 0xBF;  // range of the next of them
};

}  // namespace ringgate::ws
