#include "admin/answer_queue.h"

#include <gtest/gtest.h>

namespace ringgate::admin {
namespace {

TEST(AnswerQueue, KeepsTheOrderOfRequestsWhateverTheOrderOfResults) {
  AnswerQueue queue;
  const std::uint32_t a = queue.open({});
  const std::uint32_t b = queue.open({});
  const std::uint32_t c = queue.open({});
  queue.fill(c, {.bytes = "c"});
  EXPECT_FALSE(queue.take_next());
  queue.fill(a, {.bytes = "a"});
  EXPECT_EQ(queue.take_next()->bytes, "a");
  EXPECT_FALSE(queue.take_next());
  queue.fill(b, {.bytes = "b"});
  EXPECT_EQ(queue.take_next()->bytes, "b");
  EXPECT_EQ(queue.take_next()->bytes, "c");
  EXPECT_TRUE(queue.empty());
}

TEST(AnswerQueue, KnowsOnlyWhatIsStillOwed) {
  AnswerQueue queue;
  const std::uint32_t a = queue.open({.method = http::Method::head});
  EXPECT_EQ(queue.shape_of(a)->method, http::Method::head);
  EXPECT_EQ(queue.shape_of(a + 1), nullptr);
  queue.fill(a, {});
  EXPECT_EQ(queue.shape_of(a), nullptr);
  (void)queue.take_next();
  EXPECT_EQ(queue.shape_of(a), nullptr);
}

}  // namespace
}  // namespace ringgate::admin
