#include "base/histogram.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

template <typename H>
void expect_right_buckets() {
  for (std::size_t i = 0; i + 1 < H::buckets_count; ++i) {
    const std::uint64_t bound = H::bound(i);
    EXPECT_EQ(H::bucket_of(bound), i) << bound;
    EXPECT_EQ(H::bucket_of(bound + 1), i + 1) << bound;
    EXPECT_EQ(H::bucket_of(bound - 1), i == 0 || bound - 1 > H::bound(i - 1) ? i : i - 1) << bound;
  }
  EXPECT_EQ(H::bucket_of(0), 0U);
  EXPECT_EQ(H::bucket_of(UINT64_MAX), H::buckets_count - 1);
}

TEST(Histogram, ABoundBelongsToItsBucketAndTheNextValueToTheNext) {
  expect_right_buckets<NanosecondHistogram>();
  expect_right_buckets<MillisecondHistogram>();
  expect_right_buckets<ByteHistogram>();
  expect_right_buckets<Histogram<0, 3, 21>>();
}

TEST(Histogram, ABucketIsTheFirstWhoseBoundIsNotPassed) {
  for (std::uint64_t value = 0; value < 100'000; ++value) {
    std::size_t slow = 0;
    while (slow + 1 < ByteHistogram::buckets_count && ByteHistogram::bound(slow) < value) ++slow;
    ASSERT_EQ(ByteHistogram::bucket_of(value), slow) << value;
  }
}

TEST(Histogram, CountsAndSums) {
  MillisecondHistogram histogram;
  histogram.record(0);
  histogram.record(1);
  histogram.record(3, 5);
  histogram.record(1'000'000);
  EXPECT_EQ(histogram.count(0), 2U);
  EXPECT_EQ(histogram.count(1), 0U);
  EXPECT_EQ(histogram.count(2), 5U);
  EXPECT_EQ(histogram.count(MillisecondHistogram::buckets_count - 1), 1U);
  EXPECT_EQ(histogram.sum(), 1'000'016U);
}

}  // namespace
}  // namespace ringgate
