#include "takeover_history.h"

#include <gtest/gtest.h>

namespace ringgate::stress {
namespace {

using Outcome = PushRecord::Outcome;

// a connects (1-2); b takes over (10-12) and a ends with 4409; b stays until the end.
class TakeoverHistoryTest : public testing::Test {
 protected:
  TakeoverHistoryTest() {
    a.connections = {{.connect_started = 1, .opened = 2, .code = 4409, .fault = {}}};
    b.connections = {{.connect_started = 10, .opened = 12, .code = 1000, .fault = {}}};
  }

  TakeoverTally judge() const { return judge_takeover(a, b, pushes); }

  ClientHistory a;
  ClientHistory b;
  std::vector<PushRecord> pushes;
};

TEST_F(TakeoverHistoryTest, FindsNothingWrongInACleanTakeover) {
  pushes = {{5, Outcome::delivered}, {11, Outcome::delivered}, {20, Outcome::delivered}, {21, Outcome::refused}};
  a.receipts = {{0, 0}, {1, 0}};  // push 1 was asked for before b had its 101: either may get it
  b.receipts = {{2, 0}};
  const auto tally = judge();
  EXPECT_EQ(tally.connections, 2U);
  EXPECT_EQ(tally.replaced, 1U);
  EXPECT_EQ(tally.pushes, 4U);
  EXPECT_EQ(tally.delivered, 3U);
  EXPECT_EQ(tally.refused, 1U);
  EXPECT_EQ(tally.faults(), 0U);
}

TEST_F(TakeoverHistoryTest, NoticesAPushToTheOldOwner) {
  pushes = {{13, Outcome::delivered}};
  a.receipts = {{0, 0}};
  EXPECT_EQ(judge().to_old_owner, 1U);
}

TEST_F(TakeoverHistoryTest, DoesNotJudgeConnectionsWhoseOrderIsUnknown) {
  b.connections[0].connect_started = 1;  // both were under way at once
  pushes = {{13, Outcome::delivered}};
  a.receipts = {{0, 0}};
  EXPECT_EQ(judge().to_old_owner, 0U);
}

TEST_F(TakeoverHistoryTest, NoticesAnOldOwnerAfterSeveralTakeovers) {
  a.connections.push_back({.connect_started = 30, .opened = 31, .code = 1000, .fault = {}});
  b.connections[0].code = 4409;
  pushes = {{32, Outcome::delivered}, {33, Outcome::delivered}};
  a.receipts = {{0, 1}};
  b.receipts = {{1, 0}};
  EXPECT_EQ(judge().to_old_owner, 1U);
}

TEST_F(TakeoverHistoryTest, NoticesLossCopiesAndReordering) {
  pushes = {{13, Outcome::delivered}, {13, Outcome::delivered}, {13, Outcome::delivered}, {13, Outcome::refused}};
  b.receipts = {{2, 0}, {1, 0}, {2, 0}, {3, 0}};
  const auto tally = judge();
  EXPECT_EQ(tally.lost, 1U);
  EXPECT_EQ(tally.duplicated, 1U);
  EXPECT_EQ(tally.reordered, 1U);
  EXPECT_EQ(tally.refused_but_received, 1U);
}

TEST_F(TakeoverHistoryTest, NoticesAnyOtherEnd) {
  a.connections[0].code = 1006;
  EXPECT_EQ(judge().ended_otherwise, 1U);
  a.connections[0].code = 4409;
  a.connections[0].fault = "masked server frame";
  EXPECT_EQ(judge().ended_otherwise, 1U);
}

}  // namespace
}  // namespace ringgate::stress
