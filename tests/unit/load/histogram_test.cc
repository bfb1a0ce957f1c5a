#include "load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "load/random.h"

namespace ringgate::load {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.at(0.99), 0U);
}

TEST(Histogram, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.at(0.01), 1U);
  EXPECT_EQ(histogram.at(0.50), 50U);
  EXPECT_EQ(histogram.at(0.99), 99U);
  EXPECT_EQ(histogram.at(1.00), 100U);
}

TEST(Histogram, HoldsEveryMagnitudeWithinOneCell) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value : {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1, (std::uint64_t{3} << bit) / 2}) {
      Histogram histogram;
      histogram.record(value);
      histogram.record(std::numeric_limits<std::uint64_t>::max());
      const std::uint64_t found = histogram.at(0.5);
      EXPECT_GE(found, value);
      EXPECT_LE(found - value, value / Histogram::cells_per_octave) << value;
    }
  }
}

TEST(Histogram, AgreesWithSortedValues) {
  constexpr std::uint64_t seed = 20;
  RecordProperty("seed", static_cast<int>(seed));
  Random random(seed);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(random.next() >> random.below(64));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  for (const double fraction : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(fraction * 10'000 + 0.5);
    const std::uint64_t exact = values[rank - 1];
    EXPECT_GE(histogram.at(fraction), exact);
    EXPECT_LE(histogram.at(fraction) - exact, exact / Histogram::cells_per_octave) << fraction;
  }
}

TEST(Histogram, NeverReportsAboveTheMaximum) {
  Histogram histogram;
  histogram.record(1'000'001);
  EXPECT_EQ(histogram.at(0.5), 1'000'001U);
}

TEST(Histogram, MergesAsIfRecordedTogether) {
  Histogram one;
  Histogram two;
  Histogram both;
  for (std::uint64_t value = 0; value < 5'000; ++value) {
    (value % 3 == 0 ? one : two).record(value * 977);
    both.record(value * 977);
  }
  one.merge(two);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max(), both.max());
  for (const double fraction : {0.1, 0.5, 0.99}) EXPECT_EQ(one.at(fraction), both.at(fraction));
}

TEST(Histogram, KnowsMeanAndDeviation) {
  Histogram histogram;
  EXPECT_EQ(histogram.mean(), 0);
  for (const std::uint64_t value : {2U, 4U, 4U, 4U, 5U, 5U, 7U, 9U}) histogram.record(value);
  EXPECT_DOUBLE_EQ(histogram.mean(), 5);
  EXPECT_DOUBLE_EQ(histogram.deviation(), 2);
  EXPECT_EQ(histogram.count_up_to(4), 4U);
  EXPECT_EQ(histogram.count_up_to(1'000'000), 8U);
}

TEST(Histogram, TellsWhatCameAfterACopy) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 50; ++value) histogram.record(value);
  const Histogram before = histogram;
  for (std::uint64_t value = 51; value <= 100; ++value) histogram.record(value);
  const Histogram later = histogram.since(before);
  EXPECT_EQ(later.count(), 50U);
  EXPECT_EQ(later.at(0.02), 51U);
  EXPECT_EQ(later.at(1), 100U);
}

}  // namespace
}  // namespace ringgate::load
