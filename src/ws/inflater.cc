#include "ws/inflater.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "ws/window_check.h"

namespace ringgate::ws {
namespace {

// zlib reports the state it stopped in as a sum (zlib.h, inflate, data_type) of these and of how many bits of the byte before
// are still to be used.
constexpr int just_after_block = 128;
constexpr int in_final_block = 64;
constexpr int unused_bits_mask = 7;

/// True if the decoder stands between two blocks, with no bit of the input left over.
bool between_blocks(const z_stream& stream) {
  return stream.data_type == just_after_block;
}

enum class BlockType : unsigned { stored, fixed, dynamic, reserved };

/// Of the block that begins at the input's next bit (RFC 1951 section 3.2.3).
BlockType type_of_next_block(const z_stream& stream, ByteView input) {
  const auto unused_bits = static_cast<unsigned>(stream.data_type & unused_bits_mask);
  const unsigned byte_before = stream.next_in == input.data() ? 0U : stream.next_in[-1];
  const unsigned bits = (byte_before | static_cast<unsigned>(*stream.next_in) << 8) >> (8 - unused_bits);
  return static_cast<BlockType>(bits >> 1 & 3);
}

// zlib counts in 32 bits.
constexpr std::size_t piece_bytes_max = std::numeric_limits<uInt>::max();

}  // namespace

bool InflateHistory::append(ByteView inflated) {
  if (inflated.size() >= bytes_max_) {
    inflated = inflated.last(bytes_max_);
    bytes_.clear();
  } else if (bytes_.size() + inflated.size() > bytes_max_) {
    const std::size_t dropped = bytes_.size() + inflated.size() - bytes_max_;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(dropped));
  }
  try {
    if (bytes_.capacity() < bytes_.size() + inflated.size())
      bytes_.reserve(std::min(bytes_max_, 2 * (bytes_.size() + inflated.size())));
  } catch (const std::bad_alloc&) {
    return false;
  }
  bytes_.insert(bytes_.end(), inflated.begin(), inflated.end());
  return true;
}

/// The message as it grows, up to its ceiling and one byte to notice that there is more.
class Inflater::Output {
 public:
  Output(AssemblyPool& pool, std::uint64_t bytes_max) : pool_(pool), bytes_max_(bytes_max) {}
  ~Output() {
    if (buffer_ != nullptr) pool_.recycle(buffer_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Makes room for about `wanted` more bytes, fewer near the ceiling. False if memory is out.
  bool grow(std::size_t wanted) {
    const std::size_t added = std::min<std::uint64_t>(wanted, bytes_max_ - room_end_);
    if (added == 0 && buffer_ != nullptr) return true;
    if (pool_.extend(buffer_, added, bytes_max_).data() == nullptr) return false;
    room_end_ += added;
    return true;
  }

  /// Where the next bytes go; behind the ceiling, one byte that nobody reads.
  MutableBytes room() {
    if (written_ == bytes_max_) return {&beyond_, 1};
    return buffer_->payload().subspan(written_);
  }
  void wrote(std::size_t count) { written_ += count; }
  bool over_ceiling() const { return written_ > bytes_max_; }
  bool full() const { return written_ == room_end_; }
  std::size_t bytes() const { return written_; }

  Inflated release() {
    AssemblyBuffer* const buffer = std::exchange(buffer_, nullptr);
    return {buffer, buffer->payload().first(written_)};
  }
  ByteView view() { return buffer_->payload().first(written_); }

 private:
  AssemblyPool& pool_;
  const std::uint64_t bytes_max_;
  AssemblyBuffer* buffer_ = nullptr;
  std::size_t room_end_ = 0;
  std::size_t written_ = 0;
  std::uint8_t beyond_ = 0;
};

Inflater::Inflater(AssemblyPool& pool) : pool_(pool) {}

Inflater::~Inflater() {
  if (stream_ != nullptr) inflateEnd(stream_.get());
}

/// Readies the stream for a message. False if memory is out.
bool Inflater::start(InflateHistory* history) {
  work_ = {};
  at_stream_end_ = false;
  if (stream_ == nullptr) {
    std::unique_ptr<z_stream> stream(new (std::nothrow) z_stream{});
    if (stream == nullptr || inflateInit2(stream.get(), -window_bits_max) != Z_OK) return false;
    stream_ = std::move(stream);
  } else {
    inflateReset(stream_.get());
  }
  stream_->data_type = just_after_block;
  if (history == nullptr || history->bytes().empty()) return true;
  const ByteView bytes = history->bytes();
  work_.history_bytes = bytes.size();
  return inflateSetDictionary(stream_.get(), bytes.data(), static_cast<uInt>(bytes.size())) == Z_OK;
}

/// Inflates up to the end of a block, of the input or of the room, and counts what that was. Returns what zlib does.
int Inflater::inflate_piece(ByteView input, Output& output) {
  z_stream& stream = *stream_;
  if ((stream.data_type & just_after_block) != 0 && stream.avail_in > 0) {
    const BlockType type = type_of_next_block(stream, input);
    in_stored_block_ = type == BlockType::stored;
    ++work_.blocks_count;
    work_.dynamic_blocks_count += type == BlockType::dynamic ? 1U : 0U;
  }
  const MutableBytes room = output.room();
  stream.next_out = room.data();
  stream.avail_out = static_cast<uInt>(std::min(room.size(), piece_bytes_max));
  const std::size_t offered_in = stream.avail_in;
  const std::size_t offered_out = stream.avail_out;
  int result = ::inflate(&stream, Z_BLOCK);
  constexpr int just_after_final_block = just_after_block + in_final_block;
  if ((stream.data_type & just_after_final_block) == just_after_final_block) result = ::inflate(&stream, Z_BLOCK);  // says so
  const std::size_t bytes_out = offered_out - stream.avail_out;
  output.wrote(bytes_out);
  if (in_stored_block_) {
    work_.stored_bytes += bytes_out;
  } else {
    work_.coded_bytes_in += offered_in - stream.avail_in;
    work_.coded_bytes_out += bytes_out;
  }
  return result;
}

/// Inflates all of `input`.
Violation Inflater::run(ByteView input, const InflateRules& rules, Output& output) {
  z_stream& stream = *stream_;
  stream.next_in = const_cast<Bytef*>(input.data());  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(input.size());
  while (true) {
    const int result = inflate_piece(input, output);
    if (output.over_ceiling()) return Violation::message_too_big;
    if (cost_ns() > rules.cost_ns_max) return Violation::inflating_too_costly;
    if (result == Z_STREAM_END) {
      ++work_.final_blocks_count;
      at_stream_end_ = stream.avail_in == 0;
      if (at_stream_end_) return Violation::none;
      inflateResetKeep(&stream);  // the window stays
      stream.data_type = just_after_block;
      continue;
    }
    if (result == Z_MEM_ERROR) return Violation::memory_exhausted;
    if (result != Z_OK && result != Z_BUF_ERROR) return Violation::compressed_data_invalid;
    if (stream.avail_out == 0) {
      if (output.full() && !output.grow(output.bytes())) return Violation::memory_exhausted;
    } else if (stream.avail_in == 0) {
      return Violation::none;
    }
  }
}

Violation Inflater::inflate_to(Output& output, ByteView payload, const InflateRules& rules, InflateHistory* history) {
  constexpr std::size_t first_guess_bytes_min = 512;
  if (payload.size() > piece_bytes_max) return Violation::message_too_big;
  if (!start(history) || !output.grow(std::max(4 * payload.size(), first_guess_bytes_min))) return Violation::memory_exhausted;
  if (const Violation violation = run(payload, rules, output); violation != Violation::none) return violation;
  // A message may end with a block marked final; else its last block is the empty one whose lengths were left off, and these
  // inflate to nothing. That one may be marked final, too (section 7.2.1, step 3).
  if (!at_stream_end_) {
    const std::size_t bytes = output.bytes();
    const Violation violation = run(flush_tail, rules, output);
    if (violation == Violation::memory_exhausted || violation == Violation::inflating_too_costly) return violation;
    const bool is_whole = at_stream_end_ || between_blocks(*stream_);
    if (violation != Violation::none || output.bytes() != bytes || !is_whole) return Violation::compressed_data_invalid;
  }
  if (rules.window_bits == window_bits_max) return Violation::none;
  const ByteView before = history == nullptr ? ByteView{} : history->bytes();
  work_.checked_window_bytes = std::size_t{1} << rules.window_bits;
  if (cost_ns() > rules.cost_ns_max) return Violation::inflating_too_costly;
  const bool stays = stays_in_window(payload, output.view(), before, rules.window_bits);
  return stays ? Violation::none : Violation::compressed_data_invalid;
}

std::expected<Inflated, Violation> Inflater::inflate(ByteView payload, const InflateRules& rules, InflateHistory* history) {
  Output output(pool_, rules.bytes_max);
  const Violation violation = inflate_to(output, payload, rules, history);
  if (violation != Violation::none) return std::unexpected{violation};
  if (history != nullptr && !history->append(output.view())) return std::unexpected{Violation::memory_exhausted};
  return output.release();
}

}  // namespace ringgate::ws
