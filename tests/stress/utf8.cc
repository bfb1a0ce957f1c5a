// All 4,294,967,296 strings of four bytes through the UTF-8 stream, in each of the eight ways to cut four
// bytes into pieces, against a reference that decodes byte by byte.
//
// A tree is walked: a prefix is fed once, and the states it leaves are copied for each byte that may follow,
// so a delivery whose beginning was refused is not repeated for every end. Needs no gate. Invariant: every
// string is fed whole at least, and each of its pieces behind any beginning that was accepted.
#include "../unit/ws/utf8_reference.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "stress.h"
#include "ws/utf8.h"

namespace ringgate::stress {
namespace {

using ws::Utf8Stream;
using ws::testing::reference_utf8;
using ws::testing::Utf8Verdict;

constexpr std::size_t length_max = 4;
constexpr unsigned bytes_count = 256;
constexpr unsigned threads_count = 2;
constexpr std::array<std::uint8_t, 4> sample_bytes{0x00, 0xE0, 0xED, 0xF4};

/// How many strings of four bytes are valid, and how many begin a longer text: counted from the numbers of
/// characters of one to four bytes (surrogates are none) and of their beginnings of one to three bytes.
namespace expected {
constexpr std::uint64_t ones = 128, twos = 1'920, threes = 61'440, fours = 1'048'576;
constexpr std::uint64_t leads = 51, two_bytes_begun = 1'216, three_bytes_begun = 16'384;
constexpr std::uint64_t valid = ones * ones * ones * ones + 3 * ones * ones * twos + twos * twos + 2 * ones * threes + fours;
constexpr std::uint64_t truncated =
    (ones * ones * ones + 2 * ones * twos + threes) * leads + (ones * ones + twos) * two_bytes_begun + ones * three_bytes_begun;
}  // namespace expected

struct Tally {
  std::uint64_t strings = 0;
  std::uint64_t valid = 0;
  std::uint64_t truncated = 0;  // the beginning of a longer text
  std::uint64_t feeds = 0;
  std::optional<std::string> fault;

  void add(const Tally& other) {
    strings += other.strings;
    valid += other.valid;
    truncated += other.truncated;
    feeds += other.feeds;
    if (!fault) fault = other.fault;
  }
};

/// All strings that begin with one byte.
class Walk {
 public:
  const Tally& begin_with(std::uint8_t first) {
    ends_[0] = {Utf8Stream{}};
    visit(first, 0);
    return tally_;
  }

 private:
  /// Puts `byte` behind `length` others, feeds what that completes, and goes on to longer strings.
  void visit(std::uint8_t byte, std::size_t length) {
    if (tally_.fault) return;
    text_[length] = byte;
    const ByteView text = ByteView(text_).first(length + 1);
    const Utf8Verdict expected = reference_utf8(text);
    feed_every_last_piece(text, expected);
    if (text.size() == length_max) {
      judge_whole(text, expected);
      return;
    }
    for (unsigned next = 0; next < bytes_count; ++next) visit(static_cast<std::uint8_t>(next), length + 1);
  }

  /// The last piece begins behind any prefix; the streams that took the prefix, however it was cut, take it.
  void feed_every_last_piece(ByteView text, Utf8Verdict expected) {
    std::vector<Utf8Stream>& good_ends = ends_[text.size()];
    good_ends.clear();
    for (std::size_t start = 0; start < text.size(); ++start) {
      for (Utf8Stream stream : ends_[start]) {
        const bool taken = stream.feed(text.subspan(start));
        ++tally_.feeds;
        if (taken != (expected != Utf8Verdict::invalid)) return fault(text, "the stream's verdict", start);
        if (!taken) continue;
        if (stream.complete() != (expected == Utf8Verdict::valid)) return fault(text, "the stream's end", start);
        good_ends.push_back(stream);
      }
    }
  }

  /// As the reader does with a frame that is whole: alone, and across a block of the vector validator.
  void judge_whole(ByteView text, Utf8Verdict expected) {
    ++tally_.strings;
    tally_.valid += expected == Utf8Verdict::valid ? 1 : 0;
    tally_.truncated += expected == Utf8Verdict::truncated ? 1 : 0;
    if (ws::valid_utf8(text) != (expected == Utf8Verdict::valid)) return fault(text, "the verdict alone", 0);
    std::ranges::copy(text, block_.begin() + block_place);
    if (ws::valid_utf8(block_) != (expected == Utf8Verdict::valid)) fault(text, "the verdict across a block", 0);
  }

  void fault(ByteView text, std::string_view what, std::size_t start) {
    tally_.fault = fmt::format("{} is wrong for", what);
    for (const std::uint8_t byte : text) *tally_.fault += fmt::format(" {:02x}", byte);
    *tally_.fault += fmt::format(", last piece from byte {}", start);
  }

  static constexpr std::size_t block_place = 62;

  std::array<std::uint8_t, length_max> text_{};
  std::array<std::vector<Utf8Stream>, length_max + 1> ends_;  // by length of the prefix: a stream for each way to cut it
  std::array<std::uint8_t, 128> block_ = [] {
    std::array<std::uint8_t, 128> ascii;
    ascii.fill('a');
    return ascii;
  }();
  Tally tally_;
};

/// Hands out first bytes to threads and adds up what they found.
class Work {
 public:
  explicit Work(std::vector<std::uint8_t> first_bytes) : first_bytes_(std::move(first_bytes)) {}

  void run() {
    for (std::size_t i = take(); i < first_bytes_.size(); i = take()) {
      Walk walk;
      const Tally& found = walk.begin_with(first_bytes_[i]);
      const std::scoped_lock lock(mutex_);
      tally_.add(found);
      ++done_;
    }
  }

  std::size_t done() const {
    const std::scoped_lock lock(mutex_);
    return done_;
  }
  const Tally& tally() const { return tally_; }  // once nobody runs

 private:
  std::size_t take() { return next_.fetch_add(1, std::memory_order_relaxed); }

  std::vector<std::uint8_t> first_bytes_;
  std::atomic<std::size_t> next_{0};  // relaxed: it publishes nothing
  mutable std::mutex mutex_;
  std::size_t done_ = 0;
  Tally tally_;
};

std::vector<std::uint8_t> first_bytes(bool is_sample) {
  if (is_sample) return {sample_bytes.begin(), sample_bytes.end()};
  std::vector<std::uint8_t> all;
  for (unsigned byte = 0; byte < bytes_count; ++byte) all.push_back(static_cast<std::uint8_t>(byte));
  return all;
}

}  // namespace

int run_utf8(const StressOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto firsts = first_bytes(options.is_sample);
  Work work(firsts);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < threads_count; ++i) threads.emplace_back([&work] { work.run(); });
    Progress progress("utf8");
    while (work.done() < firsts.size()) {
      progress.tick([&] { return fmt::format("{} of {} first bytes done", work.done(), firsts.size()); });
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  const Tally& tally = work.tally();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  Verdict verdict("utf8");
  verdict.figure("strings", tally.strings);
  verdict.figure("valid", tally.valid);
  verdict.figure("truncated", tally.truncated);
  verdict.figure("invalid", tally.strings - tally.valid - tally.truncated);
  verdict.figure("feeds", tally.feeds);
  verdict.figure("seconds", fmt::format("{:.1f}", took.count()));
  if (tally.fault) {
    verdict.require(false, *tally.fault);
  } else {
    verdict.require(tally.strings == firsts.size() << 24, "strings were left out");
    verdict.require(options.is_sample || (tally.valid == expected::valid && tally.truncated == expected::truncated),
                    "the reference finds another number of valid or truncated strings than there are");
  }
  return verdict.finish();
}

}  // namespace ringgate::stress
