#include "ws/window_check.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace ringgate::ws {
namespace {

constexpr std::size_t slow_loop_bytes = 5;  // the fast loop of zlib's decoders asks for 6

/// Hands out what the decoder reads: what went before as one stored block, then the message, then the empty block left off its
/// end and one marked final.
class Feed {
 public:
  Feed(ByteView before, ByteView payload) : before_(before), payload_(payload) {
    const auto size = static_cast<std::uint16_t>(before.size());
    const auto inverse = static_cast<std::uint16_t>(~size);
    stored_header_ = {0, byte(size), byte(size >> 8), byte(inverse), byte(inverse >> 8)};
  }

  unsigned next(const unsigned char** out) {
    ByteView piece;
    switch (stage_) {
      case Stage::header:
        piece = stored_header_;
        stage_ = Stage::before;
        break;
      case Stage::before:
        piece = before_;
        stage_ = Stage::payload;
        break;
      case Stage::payload:
        piece = payload_.subspan(offset_, std::min(slow_loop_bytes, payload_.size() - offset_));
        offset_ += piece.size();
        if (offset_ == payload_.size()) stage_ = Stage::tail;
        break;
      case Stage::tail:
        piece = tail;
        stage_ = Stage::end;
        break;
      case Stage::end:
        return 0;
    }
    if (piece.empty()) return next(out);
    *out = piece.data();
    return static_cast<unsigned>(piece.size());
  }

  /// Bytes of the payload that were read, of which the decoder gave `unread` back.
  std::size_t payload_bytes_read(std::size_t unread) const { return stage_ == Stage::end ? payload_.size() : offset_ - unread; }

 private:
  enum class Stage { header, before, payload, tail, end };
  static constexpr std::array<std::uint8_t, 9> tail{0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF};
  static std::uint8_t byte(unsigned value) { return static_cast<std::uint8_t>(value & 0xFF); }

  ByteView before_;
  ByteView payload_;
  std::array<std::uint8_t, 5> stored_header_;
  std::size_t offset_ = 0;
  Stage stage_ = Stage::header;
};

unsigned read_from(void* feed, unsigned char** out) {
  return static_cast<Feed*>(feed)->next(const_cast<const unsigned char**>(out));
}

int count_into(void* count, unsigned char*, unsigned size) {
  *static_cast<std::size_t*>(count) += size;
  return 0;
}

/// The last `bytes_max` bytes of `history` followed by `inflated`.
std::vector<std::uint8_t> last_of(ByteView history, ByteView inflated, std::size_t bytes_max) {
  const ByteView tail = inflated.last(std::min(inflated.size(), bytes_max));
  const ByteView head = history.last(std::min(history.size(), bytes_max - tail.size()));
  std::vector<std::uint8_t> joined(head.begin(), head.end());
  joined.insert(joined.end(), tail.begin(), tail.end());
  return joined;
}

}  // namespace

bool stays_in_window(ByteView payload, ByteView inflated, ByteView history, std::uint8_t window_bits) {
  std::vector<unsigned char> window(std::size_t{1} << window_bits);
  z_stream stream{};
  if (inflateBackInit(&stream, window_bits, window.data()) != Z_OK) return false;
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, [](z_stream* s) { return inflateBackEnd(s); });

  // A block marked final ends the decoder's run; the next one begins with the window as it was.
  std::size_t bytes_read = 0;
  std::size_t bytes_written = 0;
  while (bytes_read < payload.size()) {
    const std::vector<std::uint8_t> before = last_of(history, inflated.first(bytes_written), window.size());
    Feed feed(before, payload.subspan(bytes_read));
    std::size_t written = 0;
    stream.next_in = nullptr;
    stream.avail_in = 0;
    if (inflateBack(&stream, read_from, &feed, count_into, &written) != Z_STREAM_END) return false;
    bytes_read += feed.payload_bytes_read(stream.avail_in);
    bytes_written = std::min(bytes_written + written - before.size(), inflated.size());
  }
  return true;
}

}  // namespace ringgate::ws
