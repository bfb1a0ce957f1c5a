#include "deflate.h"

#include <array>
#include <cstdlib>

namespace ringgate::abuse {

namespace {

constexpr std::string_view tail("\x00\x00\xff\xff", 4);  // of every message, and not sent

Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

}  // namespace

std::string deflated(std::string_view message) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string out(deflateBound(&stream, message.size()) + 64, '\0');
  stream.next_in = bytes_of(message);
  stream.avail_in = static_cast<uInt>(message.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_SYNC_FLUSH) != Z_OK) std::abort();
  out.resize(stream.total_out - tail.size());
  deflateEnd(&stream);
  return out;
}

std::string noise(std::size_t count) {
  std::string text;
  std::uint32_t state = 2463534242U;  // xorshift32
  while (text.size() < count) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    text += static_cast<char>('0' + state % 64);
  }
  return text;
}

Inflation::Inflation(int window_bits, bool keeps_context) : window_bits_(window_bits), keeps_context_(keeps_context) {
  if (inflateInit2(&stream_, -window_bits) != Z_OK) std::abort();
}

Inflation::~Inflation() { inflateEnd(&stream_); }

std::optional<std::string> Inflation::inflate(std::string payload) {
  payload += tail;
  if (!keeps_context_) inflateReset(&stream_);
  stream_.next_in = bytes_of(payload);
  stream_.avail_in = static_cast<uInt>(payload.size());
  std::string message;
  // zlib holds distances to its window only beyond the room it is given: one byte makes it strict where the window is small.
  std::array<char, 16384> piece;
  const std::size_t room = window_bits_ < 15 ? 1 : piece.size();
  do {
    stream_.next_out = bytes_of({piece.data(), room});
    stream_.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&stream_, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR) return std::nullopt;
    message.append(piece.data(), room - stream_.avail_out);
  } while (stream_.avail_out == 0);
  if (stream_.avail_in != 0) return std::nullopt;
  return message;
}

}  // namespace ringgate::abuse
