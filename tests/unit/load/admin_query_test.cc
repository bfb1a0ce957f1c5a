#include "load/admin_query.h"

#include <gtest/gtest.h>

namespace ringgate::load {
namespace {

TEST(Metrics, SumsANameOverItsLabels) {
  const auto metrics = parse_metrics(
      "# TYPE ringgate_a counter\nringgate_a{shard=\"0\",path=\"/a b\"} 2\nringgate_a{shard=\"1\"} "
      "3.5\nringgate_b 7\n");
  EXPECT_EQ(metrics.size(), 2U);
  EXPECT_DOUBLE_EQ(metrics.at("ringgate_a"), 5.5);
  EXPECT_DOUBLE_EQ(metrics.at("ringgate_b"), 7);
}

}  // namespace
}  // namespace ringgate::load
