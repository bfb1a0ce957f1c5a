// Validates UTF-8 (RFC 3629), of a whole text or of a text in pieces. Strict: no overlong forms, no surrogates, nothing above
// U+10FFFF.
#pragma once

#include <cstdint>

#include "ringgate/bytes.h"

namespace ringgate::ws {

/// True if `text` is valid UTF-8 as a whole. Any thread; reads exactly `text`; does not allocate.
bool valid_utf8(ByteView text);

/// Validates a text piece by piece. It fails at the first byte that makes the text invalid, whatever follows: `f4 | 90` fails at
/// the 90, before the character is complete.
///
/// Three bytes of state: the range of the next byte, and the number of missing bytes. A value; one thread at a time.
class Utf8Stream {
 public:
  /// Takes the next piece. False if the text so far is not the beginning of any valid text; do not call it again then.
  [[nodiscard]] bool feed(ByteView piece);

  /// As feed, for a piece without a byte above 0x7F.
  [[nodiscard]] bool feed_ascii(ByteView piece) const { return piece.empty() || missing_ == 0; }

  /// True if the text does not end inside a character.
  [[nodiscard]] bool complete() const { return missing_ == 0; }

 private:
  bool step(std::uint8_t byte);

  std::uint8_t missing_ = 0;  // continuation bytes that the current character still needs
  std::uint8_t lowest_ = 0x80;
  std::uint8_t highest_ = 0xBF;  // with lowest_: the range of the next continuation byte
};

}  // namespace ringgate::ws
