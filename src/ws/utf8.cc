// simdjson validates whole texts, but not streams; the ends of pieces are validated here, byte by byte.
#include "ws/utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace ringgate::ws {
namespace {

/// simdjson chooses the code for this machine when it is first used. That allocates, in a function that may not throw: better at the start.
[[maybe_unused]] const bool is_chosen = simdjson::validate_utf8("x", 1);

/// Bytes of the character that begins with `lead`, judged by `lead` alone; 1 if `lead` begins no longer character.
std::size_t character_bytes(std::uint8_t lead) { return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1; }

/// The number of bytes at the end of `text` that begin a character and do not finish it: 0 to 3. They may be invalid.
std::size_t unfinished_bytes(ByteView text) {
  const std::size_t reach = std::min<std::size_t>(3, text.size());
  for (std::size_t back = 1; back <= reach; ++back) {
    const std::uint8_t byte = text[text.size() - back];
    if ((byte & 0xC0) != 0x80) return character_bytes(byte) > back ? back : 0;
  }
  return 0;
}

}  // namespace

bool valid_utf8(ByteView text) {
  return text.empty() || simdjson::validate_utf8(reinterpret_cast<const char*>(text.data()), text.size());
}

bool Utf8Stream::feed(ByteView piece) {
  std::size_t start = 0;
  while (missing_ != 0 && start < piece.size()) {
    if (!step(piece[start++])) return false;
  }
  piece = piece.subspan(start);
  const ByteView tail = piece.last(unfinished_bytes(piece));
  if (!valid_utf8(piece.first(piece.size() - tail.size()))) return false;
  return std::ranges::all_of(tail, [this](std::uint8_t byte) { return step(byte); });
}

// RFC 3629 section 4. The range of the second byte is narrower after
//   E0: A0-BF (overlong)   ED: 80-9F (surrogates)   F0: 90-BF (overlong)   F4: 80-8F (above U+10FFFF)
bool Utf8Stream::step(std::uint8_t byte) {
  if (missing_ != 0) {
    if (byte < lowest_ || byte > highest_) return false;
    --missing_;
    lowest_ = 0x80;
    highest_ = 0xBF;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  missing_ = static_cast<std::uint8_t>(character_bytes(byte) - 1);
  lowest_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
  highest_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
  return true;
}

}  // namespace ringgate::ws
