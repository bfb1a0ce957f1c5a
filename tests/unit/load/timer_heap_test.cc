#include "load/timer_heap.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace ringgate::load {
namespace {

TEST(TimerHeap, RunsInOrderOfTimeThenOfAsking) {
  TimerHeap timers;
  std::string order;
  timers.add(30, [&] { order += 'd'; });
  timers.add(10, [&] { order += 'a'; });
  timers.add(20, [&] { order += 'b'; });
  timers.add(20, [&] { order += 'c'; });
  EXPECT_EQ(timers.until_next(5, 100), 5U);
  timers.run(20);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(timers.until_next(20, 3), 3U);
  timers.run(30);
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(timers.until_next(30, 100), 100U);
}

TEST(TimerHeap, ACallMayAskForItselfAgain) {
  TimerHeap timers;
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    timers.add(0, again);
  };
  timers.add(0, again);
  timers.run(1);
  EXPECT_EQ(runs, 1);
  timers.run(1);
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace ringgate::load
