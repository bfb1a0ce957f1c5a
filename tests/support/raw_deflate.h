// The client's side of permessage-deflate for tests: zlib with and without context, independent of the gate's code.
#pragma once

#include <zlib.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace ringgate::test {

/// Compresses messages, one after another, with or without the context of those before.
class RawDeflater {
 public:
  explicit RawDeflater(int window_bits = 15, bool keeps_context = false) : keeps_context_(keeps_context) {
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::runtime_error("deflateInit2");
  }
  ~RawDeflater() { deflateEnd(&stream_); }
  RawDeflater(const RawDeflater&) = delete;
  RawDeflater& operator=(const RawDeflater&) = delete;

  std::string deflate(std::string_view text) {
    if (!keeps_context_) deflateReset(&stream_);
    std::string out(deflateBound(&stream_, text.size()) + 64, '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (::deflate(&stream_, Z_SYNC_FLUSH) != Z_OK) throw std::runtime_error("deflate");
    out.resize(out.size() - stream_.avail_out - 4);
    return out;
  }

 private:
  z_stream stream_{};
  bool keeps_context_;
};

/// The other way round. Throws on what does not inflate.
class RawInflater {
 public:
  explicit RawInflater(int window_bits = 15, bool keeps_context = false) : keeps_context_(keeps_context) {
    if (inflateInit2(&stream_, -window_bits) != Z_OK) throw std::runtime_error("inflateInit2");
  }
  ~RawInflater() { inflateEnd(&stream_); }
  RawInflater(const RawInflater&) = delete;
  RawInflater& operator=(const RawInflater&) = delete;

  std::string inflate(std::string payload) {
    if (!keeps_context_) inflateReset(&stream_);
    payload.append("\x00\x00\xFF\xFF", 4);
    stream_.next_in = reinterpret_cast<Bytef*>(payload.data());
    stream_.avail_in = static_cast<uInt>(payload.size());
    std::string text;
    do {
      char piece[4096];
      stream_.next_out = reinterpret_cast<Bytef*>(piece);
      stream_.avail_out = sizeof piece;
      const int result = ::inflate(&stream_, Z_SYNC_FLUSH);
      if (result != Z_OK && result != Z_BUF_ERROR) throw std::runtime_error("inflate");
      text.append(piece, sizeof piece - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return text;
  }

 private:
  z_stream stream_{};
  bool keeps_context_;
};

}  // namespace ringgate::test
