#include "load/measure/raw_deflate.h"

#include <zlib.h>

#include <array>

#include "base/assert.h"

namespace ringgate::measure {
namespace {

constexpr int window_bits = -15;  // raw
constexpr std::size_t tail_bytes = 4;
constexpr std::array<std::uint8_t, tail_bytes> tail{0x00, 0x00, 0xff, 0xff};

// One per thread, because its window would cost too much memory for each of thousands of connections.
class Inflater {
 public:
  Inflater() { RINGGATE_ASSERT(inflateInit2(&stream_, window_bits) == Z_OK); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& fresh() {
    inflateReset(&stream_);
    return stream_;
  }

 private:
  z_stream stream_{};
};

Bytef* input_of(ByteView bytes) {
  return const_cast<Bytef*>(bytes.data());  // zlib only reads it
}

}  // namespace

std::string deflate_message(ByteView payload) {
  z_stream stream{};
  RINGGATE_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(payload.size())) + 16, '\0');
  stream.next_in = input_of(payload);
  stream.avail_in = static_cast<uInt>(payload.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_SYNC_FLUSH);
  RINGGATE_ASSERT(result == Z_OK && stream.avail_in == 0 && stream.avail_out != 0);
  out.resize(out.size() - stream.avail_out - tail_bytes);
  deflateEnd(&stream);
  if (out.empty()) out.push_back('\0');  // RFC 7692 section 7.2.3.6: the empty message
  return out;
}

bool inflate_message(ByteView deflated, std::size_t bytes_max, std::string& out) {
  thread_local Inflater inflater;
  z_stream& stream = inflater.fresh();
  out.resize(bytes_max + 1);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  for (const ByteView part : {deflated, ByteView(tail)}) {
    stream.next_in = input_of(part);
    stream.avail_in = static_cast<uInt>(part.size());
    const int result = inflate(&stream, Z_SYNC_FLUSH);
    if (result == Z_STREAM_END) break;  // a final block is allowed; bytes behind it are ignored
    if ((result != Z_OK && result != Z_BUF_ERROR) || stream.avail_in != 0) return false;
  }
  if (stream.avail_out == 0) return false;
  out.resize(out.size() - stream.avail_out);
  return true;
}

}  // namespace ringgate::measure
