#include "ws/deflater.h"

#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/try_resize.h"
#include "ws/deflate_parameters.h"

namespace ringgate::ws {
namespace {

/// Output memory kept from one message to the next; the excess of a larger message is freed.
constexpr std::size_t output_bytes_kept_max = 256 * 1024;

/// More than any compressed form takes: at worst stored blocks (64 KiB each, 512 bytes in ISA-L's smallest window) with their
/// headers, the flush, and the spare bytes that the compressors ask for.
constexpr std::size_t output_bytes_bound(std::size_t payload_bytes) { return payload_bytes + payload_bytes / 64 + 512; }

/// Drops the length fields of the empty block that the flush wrote.
ByteView without_tail(ByteView flushed) {
  RINGGATE_ASSERT(flushed.size() > flush_tail.size());
  RINGGATE_ASSERT(std::ranges::equal(flushed.last(flush_tail.size()), flush_tail));
  return flushed.first(flushed.size() - flush_tail.size());
}

}  // namespace

Deflater::Deflater() = default;
Deflater::~Deflater() = default;

ByteView Deflater::deflate(ByteView payload, std::uint8_t window_bits) {
  constexpr std::size_t level_bytes = ISAL_DEF_LVL1_DEFAULT;
  const std::size_t bound = output_bytes_bound(payload.size());
  if (bound > std::numeric_limits<std::uint32_t>::max()) return {};
  if (stream_ == nullptr) stream_.reset(new (std::nothrow) isal_zstream);
  if (level_memory_ == nullptr) level_memory_.reset(new (std::nothrow) std::uint8_t[level_bytes]);
  if (stream_ == nullptr || level_memory_ == nullptr) return {};
  if (output_.size() < bound || output_.size() > std::max(bound, output_bytes_kept_max)) {
    output_ = {};
    if (!try_resize(output_, bound)) return {};
  }
  isal_deflate_init(stream_.get());
  stream_->level = 1;
  stream_->level_buf = level_memory_.get();
  stream_->level_buf_size = level_bytes;
  stream_->hist_bits = window_bits;
  stream_->flush = SYNC_FLUSH;
  stream_->end_of_stream = 0;
  stream_->next_in = const_cast<std::uint8_t*>(payload.data());  // ISA-L only reads it
  stream_->avail_in = static_cast<std::uint32_t>(payload.size());
  stream_->next_out = output_.data();
  stream_->avail_out = static_cast<std::uint32_t>(output_.size());
  const int result = isal_deflate(stream_.get());
  RINGGATE_ASSERT(result == COMP_OK && stream_->avail_in == 0 && stream_->avail_out != 0);
  return without_tail({output_.data(), stream_->total_out});
}

DeflateContext::DeflateContext(std::unique_ptr<z_stream_s> stream) : stream_(std::move(stream)) {}

DeflateContext::~DeflateContext() { deflateEnd(stream_.get()); }

std::unique_ptr<DeflateContext> DeflateContext::make(DeflateContextOptions options) {
  std::unique_ptr<z_stream> stream(new (std::nothrow) z_stream{});
  if (stream == nullptr) return nullptr;
  const int result = deflateInit2(stream.get(), Z_BEST_SPEED, Z_DEFLATED, -int{real_window_bits(options.window_bits)},
                                  real_memory_level(options), Z_DEFAULT_STRATEGY);
  if (result != Z_OK) return nullptr;
  return std::unique_ptr<DeflateContext>(new DeflateContext(std::move(stream)));
}

bool DeflateContext::deflate(ByteView payload, std::vector<std::uint8_t>& out) {
  if (!try_resize(out, deflateBound(stream_.get(), payload.size()) + 64)) return false;
  stream_->next_in = const_cast<Bytef*>(payload.data());  // zlib only reads it
  stream_->avail_in = static_cast<uInt>(payload.size());
  stream_->next_out = out.data();
  stream_->avail_out = static_cast<uInt>(out.size());
  const int result = ::deflate(stream_.get(), Z_SYNC_FLUSH);
  RINGGATE_ASSERT(result == Z_OK && stream_->avail_in == 0 && stream_->avail_out != 0);
  const std::size_t flushed = out.size() - stream_->avail_out;
  out.resize(without_tail({out.data(), flushed}).size());
  return true;
}

void DeflateContext::note_sent(ByteView payload) {
  const int result = deflateSetDictionary(stream_.get(), payload.data(), static_cast<uInt>(payload.size()));
  RINGGATE_ASSERT(result == Z_OK);
}

}  // namespace ringgate::ws
