#include "ws/inflater.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "ws/window_check.h"

namespace ringgate::ws {
namespace {

// zlib reports its state after a call in data_type (zlib.h, inflate): the sum of these flags and of the number of unused bits in
// the last byte it read.
constexpr int just_after_block = 128;
constexpr int in_final_block = 64;
constexpr int unused_bits_mask = 7;

/// True if the decoder is between two blocks and has used every bit.
bool between_blocks(const z_stream& stream) { return stream.data_type == just_after_block; }

enum class BlockType : unsigned { stored, fixed, dynamic, reserved };

/// The type of the block that begins at the input's next bit (RFC 1951 section 3.2.3).
BlockType type_of_next_block(const z_stream& stream, ByteView input) {
  const auto unused_bits = static_cast<unsigned>(stream.data_type & unused_bits_mask);
  const unsigned byte_before = stream.next_in == input.data() ? 0U : stream.next_in[-1];
  const unsigned bits = (byte_before | static_cast<unsigned>(*stream.next_in) << 8) >> (8 - unused_bits);
  return static_cast<BlockType>(bits >> 1 & 3);
}

// zlib counts bytes in 32 bits.
constexpr std::size_t payload_bytes_max = std::numeric_limits<uInt>::max();

// The most that one call of zlib may read and write, so that the cost is checked about every half millisecond.
constexpr std::size_t piece_in_bytes_max = 64 * 1024;
constexpr std::size_t piece_out_bytes_max = 256 * 1024;

// The cost of one symbol in the window check, which is done in slices as well.
constexpr std::uint64_t check_step_ns = 20;

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

/// The inflated message, which grows up to its ceiling. One byte behind it shows that there is more.
class InflateOutput {
 public:
  explicit InflateOutput(AssemblyPool& pool) : pool_(pool) {}
  ~InflateOutput() { drop(); }
  InflateOutput(const InflateOutput&) = delete;
  InflateOutput& operator=(const InflateOutput&) = delete;

  void start(std::uint64_t bytes_max) {
    bytes_max_ = bytes_max;
    room_end_ = written_ = 0;
  }
  void drop() {
    if (buffer_ != nullptr) pool_.recycle(std::exchange(buffer_, nullptr));
  }

  /// Makes room for about `wanted` more bytes, fewer near the ceiling. False if memory is out.
  bool grow(std::size_t wanted) {
    const std::size_t added = std::min<std::uint64_t>(wanted, bytes_max_ - room_end_);
    if (added == 0 && buffer_ != nullptr) return true;
    if (pool_.extend(buffer_, added, bytes_max_).data() == nullptr) return false;
    room_end_ += added;
    return true;
  }

  /// The room for the next bytes; at the ceiling, one byte that nobody reads.
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
  ByteView view() const { return buffer_->payload().first(written_); }

 private:
  AssemblyPool& pool_;
  std::uint64_t bytes_max_ = 0;
  AssemblyBuffer* buffer_ = nullptr;
  std::size_t room_end_ = 0;
  std::size_t written_ = 0;
  std::uint8_t beyond_ = 0;
};

/// A decoder and its progress in a message.
struct InflateState {
  explicit InflateState(AssemblyPool& pool) : output(pool) {}
  ~InflateState() {
    if (has_stream) inflateEnd(&stream);
  }
  InflateState(const InflateState&) = delete;
  InflateState& operator=(const InflateState&) = delete;

  enum class Stage : std::uint8_t { fresh, payload, tail, checking, finished };
  /// Where a call stopped: at the end, at the end of its slice, or at a fault.
  enum class Reach : std::uint8_t { end, slice, fault };

  bool start(InflateHistory* history);
  Reach go_on(ByteView payload, const InflateRules& rules, InflateHistory* history, std::uint64_t slice_ns);
  std::uint64_t cost_ns() const { return ws::cost_ns(work); }

  z_stream stream{};
  bool has_stream = false;
  Stage stage = Stage::fresh;
  bool in_stored_block = false;
  bool at_stream_end = false;
  std::size_t offset = 0;  // in the input of the stage
  InflateWork work;
  InflateOutput output;
  WindowChecker checker;
  Violation violation = Violation::none;  // set by a fault

 private:
  bool spent(std::uint64_t until_ns) const { return cost_ns() >= until_ns; }
  Reach fail(Violation fault) {
    violation = fault;
    return Reach::fault;
  }
  int inflate_piece(ByteView input);
  Reach run(ByteView input, const InflateRules& rules, std::uint64_t until_ns);
  Reach run_tail(const InflateRules& rules);
  Reach begin_check(const InflateRules& rules, InflateHistory* history);
  Reach check(ByteView payload, std::uint64_t slice_ns);
};

/// Prepares the stream for a message. False if memory is out.
bool InflateState::start(InflateHistory* history) {
  work = {};
  stage = Stage::payload;
  at_stream_end = false;
  offset = 0;
  violation = Violation::none;
  if (!has_stream) {
    if (inflateInit2(&stream, -window_bits_max) != Z_OK) return false;
    has_stream = true;
  } else {
    inflateReset(&stream);
  }
  stream.data_type = just_after_block;
  if (history == nullptr || history->bytes().empty()) return true;
  const ByteView bytes = history->bytes();
  work.history_bytes = bytes.size();
  return inflateSetDictionary(&stream, bytes.data(), static_cast<uInt>(bytes.size())) == Z_OK;
}

/// Inflates up to the end of a block, of the piece or of the room, and counts the work. Returns zlib's result.
int InflateState::inflate_piece(ByteView input) {
  stream.next_in = const_cast<Bytef*>(input.data() + offset);  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(std::min(input.size() - offset, piece_in_bytes_max));
  if ((stream.data_type & just_after_block) != 0 && stream.avail_in > 0) {
    const BlockType type = type_of_next_block(stream, input);
    in_stored_block = type == BlockType::stored;
    ++work.blocks_count;
    work.dynamic_blocks_count += type == BlockType::dynamic ? 1U : 0U;
  }
  const MutableBytes room = output.room();
  stream.next_out = room.data();
  stream.avail_out = static_cast<uInt>(std::min(room.size(), piece_out_bytes_max));
  const std::size_t offered_in = stream.avail_in;
  const std::size_t offered_out = stream.avail_out;
  int result = ::inflate(&stream, Z_BLOCK);
  constexpr int just_after_final_block = just_after_block + in_final_block;
  // After a final block zlib returns Z_STREAM_END only in the next call.
  if ((stream.data_type & just_after_final_block) == just_after_final_block) result = ::inflate(&stream, Z_BLOCK);
  const std::size_t bytes_in = offered_in - stream.avail_in;
  const std::size_t bytes_out = offered_out - stream.avail_out;
  offset += bytes_in;
  output.wrote(bytes_out);
  if (in_stored_block) {
    work.stored_bytes += bytes_out;
  } else {
    work.coded_bytes_in += bytes_in;
    work.coded_bytes_out += bytes_out;
  }
  return result;
}

/// Inflates the rest of `input`, until the total cost is about `until_ns`.
InflateState::Reach InflateState::run(ByteView input, const InflateRules& rules, std::uint64_t until_ns) {
  while (true) {
    const int result = inflate_piece(input);
    if (output.over_ceiling()) return fail(Violation::message_too_big);
    if (cost_ns() > rules.cost_ns_max) return fail(Violation::inflating_too_costly);
    if (result == Z_STREAM_END) {
      ++work.final_blocks_count;
      at_stream_end = offset == input.size();
      if (at_stream_end) return Reach::end;
      inflateResetKeep(&stream);  // the window stays
      stream.data_type = just_after_block;
    } else {
      if (result == Z_MEM_ERROR) return fail(Violation::memory_exhausted);
      if (result != Z_OK && result != Z_BUF_ERROR) return fail(Violation::compressed_data_invalid);
      if (stream.avail_out == 0) {
        if (output.full() && !output.grow(output.bytes())) return fail(Violation::memory_exhausted);
      } else if (offset == input.size()) {
        return Reach::end;
      }
    }
    if (spent(until_ns)) return Reach::slice;
  }
}

/// Inflates the omitted length fields of the last, empty block, which must yield no byte. That block may be marked final (section
/// 7.2.1, step 3). A message that ends with another final block has no such block.
InflateState::Reach InflateState::run_tail(const InflateRules& rules) {
  if (at_stream_end) return Reach::end;
  const std::size_t bytes = output.bytes();
  offset = 0;
  if (run(flush_tail, rules, UINT64_MAX) == Reach::fault) {
    const bool is_data = violation != Violation::memory_exhausted && violation != Violation::inflating_too_costly;
    return fail(is_data ? Violation::compressed_data_invalid : violation);
  }
  const bool is_whole = at_stream_end || between_blocks(stream);
  return output.bytes() == bytes && is_whole ? Reach::end : fail(Violation::compressed_data_invalid);
}

InflateState::Reach InflateState::begin_check(const InflateRules& rules, InflateHistory* history) {
  stage = rules.window_bits == window_bits_max ? Stage::finished : Stage::checking;
  if (stage == Stage::finished) return Reach::end;
  work.checked_window_bytes = std::size_t{1} << rules.window_bits;
  if (cost_ns() > rules.cost_ns_max) return fail(Violation::inflating_too_costly);
  checker.start(rules.window_bits, history == nullptr ? 0 : history->bytes().size());
  return Reach::end;
}

InflateState::Reach InflateState::check(ByteView payload, std::uint64_t slice_ns) {
  switch (checker.resume(payload, slice_ns / check_step_ns + 1)) {
    case WindowChecker::Answer::goes_on: return Reach::slice;
    case WindowChecker::Answer::leaves: return fail(Violation::compressed_data_invalid);
    case WindowChecker::Answer::stays: break;
  }
  stage = Stage::finished;
  return Reach::end;
}

InflateState::Reach InflateState::go_on(ByteView payload, const InflateRules& rules, InflateHistory* history,
                                        std::uint64_t slice_ns) {
  const std::uint64_t before_ns = cost_ns();
  const std::uint64_t until_ns = slice_ns > UINT64_MAX - before_ns ? UINT64_MAX : before_ns + slice_ns;
  if (stage == Stage::payload) {
    if (const Reach reach = run(payload, rules, until_ns); reach != Reach::end) return reach;
    stage = Stage::tail;
  }
  if (stage == Stage::tail) {
    if (run_tail(rules) == Reach::fault || begin_check(rules, history) == Reach::fault) return Reach::fault;
    if (stage == Stage::checking && spent(until_ns)) return Reach::slice;
  }
  return stage == Stage::checking ? check(payload, until_ns - before_ns) : Reach::end;
}

InflateJob::InflateJob() = default;
InflateJob::InflateJob(InflateJob&& other) noexcept
    : inflater_(std::exchange(other.inflater_, nullptr)), state_(std::move(other.state_)) {}
InflateJob& InflateJob::operator=(InflateJob other) noexcept {
  std::swap(inflater_, other.inflater_);
  std::swap(state_, other.state_);
  return *this;
}
InflateJob::~InflateJob() {
  if (state_ != nullptr) inflater_->give_back(std::move(state_));
}
ByteView InflateJob::inflated() const { return state_->output.view(); }

Inflater::Inflater(AssemblyPool& pool) : pool_(pool) {}
Inflater::~Inflater() = default;

/// Null if memory is out.
std::unique_ptr<InflateState> Inflater::begin(InflateHistory* history) {
  std::unique_ptr<InflateState> state = std::move(spare_);
  if (state == nullptr) state.reset(new (std::nothrow) InflateState(pool_));
  if (state != nullptr && !state->start(history)) state = nullptr;
  return state;
}

/// Keeps one decoder for the next message, and frees any other.
void Inflater::give_back(std::unique_ptr<InflateState> state) {
  state->output.drop();
  state->stage = InflateState::Stage::fresh;
  if (spare_ == nullptr) spare_ = std::move(state);
}

std::expected<bool, Violation> Inflater::resume(InflateJob& job, ByteView payload, const InflateRules& rules,
                                                InflateHistory* history, std::uint64_t slice_ns) {
  constexpr std::size_t first_guess_bytes_min = 512;
  if (!job) {
    cost_ns_ = 0;
    if (payload.size() > payload_bytes_max) return std::unexpected{Violation::message_too_big};
    job.inflater_ = this;
    job.state_ = begin(history);
    if (!job) return std::unexpected{Violation::memory_exhausted};
    job.state_->output.start(rules.bytes_max);
    cost_ns_ = job.state_->cost_ns();
    if (!job.state_->output.grow(std::max(4 * payload.size(), first_guess_bytes_min)))
      return std::unexpected{Violation::memory_exhausted};
  }
  InflateState& state = *job.state_;
  const InflateState::Reach reach = state.go_on(payload, rules, history, slice_ns);
  cost_ns_ = state.cost_ns();
  if (reach == InflateState::Reach::fault) return std::unexpected{state.violation};
  if (reach == InflateState::Reach::slice) return false;
  if (history != nullptr && !history->append(state.output.view())) return std::unexpected{Violation::memory_exhausted};
  return true;
}

Inflated Inflater::take(InflateJob& job) {
  const Inflated inflated = job.state_->output.release();
  job = {};
  return inflated;
}

std::expected<Inflated, Violation> Inflater::inflate(ByteView payload, const InflateRules& rules, InflateHistory* history) {
  InflateJob job;
  const auto finished = resume(job, payload, rules, history, UINT64_MAX);
  if (!finished) return std::unexpected{finished.error()};
  return take(job);
}

}  // namespace ringgate::ws
