// Messages that are inflated a slice at a time: the same bytes, the same verdicts, and no slice much longer than it may be.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "deflate_blocks.h"
#include "inflating.h"

namespace ringgate::ws {
namespace {

class InflaterSlices : public Inflating {
 protected:
  /// In slices of `slice_ns`; the text or the reason for refusing it in angle brackets, as `inflate` says it.
  std::string in_slices(ByteView payload, std::uint64_t slice_ns, const InflateRules& rules, InflateHistory* history = nullptr) {
    InflateJob job;
    longest_ns = slices_count = 0;
    for (std::uint64_t before_ns = 0;;) {
      const auto finished = inflater_.resume(job, payload, rules, history, slice_ns);
      ++slices_count;
      longest_ns = std::max(longest_ns, inflater_.cost_ns() - before_ns);
      before_ns = inflater_.cost_ns();
      if (!finished) return "<" + std::string(facts_of(finished.error()).reason) + ">";
      if (*finished) break;
    }
    const Inflated inflated = inflater_.take(job);
    std::string text(text_of(inflated.payload));
    pool_.recycle(inflated.buffer);
    return text;
  }

  std::uint64_t longest_ns = 0;
  std::uint64_t slices_count = 0;
};

/// Some that are good, some that are not.
std::vector<Bytes> messages() {
  std::vector<Bytes> all;
  for (const std::size_t size : {0U, 1U, 1000U, 70'000U, 600'000U}) {
    for (const std::string& text : {telemetry(size), random_bytes(size, 5), std::string(size, 'x')})
      all.push_back(ZlibClient().deflate(text));
  }
  for (std::size_t i = 1; i < all.size(); i += 3) {
    const Bytes& whole = all[i];
    Bytes cut(whole.begin(), whole.end() - static_cast<std::ptrdiff_t>(whole.size() / 3));
    all.push_back(std::move(cut));
    Bytes broken = all[i];
    if (!broken.empty()) broken[broken.size() / 2] ^= 0x55;
    all.push_back(broken);
  }
  BlockWriter blocks;
  for (int i = 0; i < 1000; ++i) blocks.stored(i % 2 == 0 ? Final::no : Final::yes, "0123456789");
  all.push_back(blocks.message());
  return all;
}

TEST_F(InflaterSlices, ComeToTheSameAsTheWhole) {
  for (const Bytes& payload : messages()) {
    for (const std::uint8_t window_bits : {std::uint8_t{9}, std::uint8_t{15}}) {
      for (const std::uint64_t bytes_max : {std::uint64_t{500'000}, no_ceiling}) {
        const InflateRules rules{.bytes_max = bytes_max, .window_bits = window_bits};
        const std::string whole = inflate(payload, rules);
        const std::uint64_t cost = inflater_.cost_ns();
        for (const std::uint64_t slice_ns : {1U, 10'000U, 1'000'000U}) {
          ASSERT_EQ(in_slices(payload, slice_ns, rules), whole);
          ASSERT_EQ(inflater_.cost_ns(), cost);
        }
      }
    }
  }
  EXPECT_EQ(pool_.held_bytes(), pool_.cached_bytes());
}

TEST_F(InflaterSlices, KeepTheHistoryForTheNextMessage) {
  ZlibClient client;
  InflateHistory history(15);
  for (unsigned i = 0; i < 20; ++i) {
    const std::string text = telemetry(100'000, i % 3);
    ASSERT_EQ(in_slices(client.deflate(text), 50'000, {.bytes_max = no_ceiling}, &history), text);
    ASSERT_GT(slices_count, 1U);
  }
}

TEST_F(InflaterSlices, AreShortWhateverTheBlocks) {
  BlockWriter blocks;
  blocks.densest(250'000);  // 64 MB in one block
  constexpr std::uint64_t slice_ns = 10'000'000;
  const std::string text = in_slices(blocks.message(), slice_ns, {.bytes_max = no_ceiling});
  EXPECT_EQ(text.size(), 1 + 258U * 250'000);
  EXPECT_GE(slices_count, 10U);
  EXPECT_LE(longest_ns, slice_ns + slice_ns / 5);
}

TEST_F(InflaterSlices, OfSeveralMessagesMayTakeTurns) {
  constexpr std::size_t count = 10;
  std::vector<std::string> texts;
  std::vector<Bytes> payloads;
  for (unsigned i = 0; i < count; ++i) {
    texts.push_back(telemetry(200'000 + i, i));
    payloads.push_back(ZlibClient().deflate(texts.back()));
  }
  std::vector<InflateJob> jobs(count);
  std::vector<bool> finished(count, false);
  while (!std::ranges::all_of(finished, [](bool is) { return is; })) {
    for (std::size_t i = 0; i < count; ++i)
      if (!finished[i]) finished[i] = inflater_.resume(jobs[i], payloads[i], {.bytes_max = no_ceiling}, nullptr, 20'000).value();
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Inflated inflated = inflater_.take(jobs[i]);
    EXPECT_EQ(text_of(inflated.payload), texts[i]);
    pool_.recycle(inflated.buffer);
  }
}

TEST_F(InflaterSlices, GiveBackWhatAJobHeldThatIsThrownAway) {
  const Bytes payload = ZlibClient().deflate(telemetry(1'000'000));
  {
    InflateJob job;
    ASSERT_FALSE(inflater_.resume(job, payload, {.bytes_max = no_ceiling}, nullptr, 1).value());
    EXPECT_GT(pool_.held_bytes(), pool_.cached_bytes());
  }
  EXPECT_EQ(pool_.held_bytes(), pool_.cached_bytes());
  EXPECT_EQ(inflate(payload), telemetry(1'000'000));
}

}  // namespace
}  // namespace ringgate::ws
