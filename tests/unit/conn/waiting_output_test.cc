#include "conn/waiting_output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "conn/outbox.h"

namespace ringgate::conn {
namespace {

class WaitingOutputTest : public ::testing::Test {
 protected:
  std::unique_ptr<Outbox> outbox(std::uint32_t slot) {
    auto box = std::make_unique<Outbox>(1);
    box->join(waiting_, slot);
    return box;
  }
  static ws::MessageRef message(std::size_t size) {
    return ws::MessageRef::encode(MessageType::binary, bytes_of(std::string(size, 'm')));
  }

  Counter used_, ceiling_;
  ShardBudget budget_{1'000'000, used_, ceiling_};
  WaitingOutput waiting_{budget_};
};

TEST_F(WaitingOutputTest, CountsWhatIsHeldUntilItIsTaken) {
  auto box = outbox(1);
  const std::uint64_t empty = used_.get();
  EXPECT_GT(empty, 0U);
  box->append(bytes_of(std::string(10'000, 'x')));
  EXPECT_GE(used_.get(), empty + 10'000);
  box->append(message(5000), 0);
  EXPECT_GE(used_.get(), empty + 15'000);
  box->consume(10'000, 2);
  EXPECT_LT(used_.get(), empty + 6000);
  box->consume(box->bytes(), 3);
  EXPECT_EQ(used_.get(), empty);
  box = nullptr;
  EXPECT_EQ(used_.get(), 0U);
}

TEST_F(WaitingOutputTest, AMessageThatWaitsForManyCountsOnce) {
  const ws::MessageRef shared = message(100'000);
  std::vector<std::unique_ptr<Outbox>> boxes;
  for (std::uint32_t slot = 0; slot < 50; ++slot) {
    boxes.push_back(outbox(slot));
    boxes.back()->append(shared, 10);
  }
  EXPECT_LT(used_.get(), 200'000U);
  boxes.resize(1);
  EXPECT_GT(used_.get(), 100'000U);
  boxes.clear();
  EXPECT_EQ(used_.get(), 0U);
}

TEST_F(WaitingOutputTest, TheLargestIsFoundOrOneAQuarterSmaller) {
  std::mt19937 random(7);
  std::vector<std::unique_ptr<Outbox>> boxes;
  for (std::uint32_t slot = 0; slot < 100; ++slot) boxes.push_back(outbox(slot));
  for (int step = 0; step < 5000; ++step) {
    Outbox& box = *boxes[random() % boxes.size()];
    if (box.bytes() > 0 && random() % 2 == 0) box.consume(1 + random() % box.bytes(), 2);
    else box.append(bytes_of(std::string(1 + random() % 20'000, 'x')));
    std::size_t most = 0;
    for (const auto& each : boxes) most = std::max(most, each->bytes());
    const WaitingOutput::Link* const found = waiting_.largest();
    ASSERT_NE(found, nullptr);
    ASSERT_GE(boxes[found->slot]->bytes() + 4, (most + 4) * 3 / 4) << step;
  }
}

TEST_F(WaitingOutputTest, CountsAllThatWaitedBeforeItJoined) {
  Outbox box(1);
  box.append(bytes_of(std::string(10'000, 'x')));
  box.append(message(5000), 0);
  EXPECT_EQ(used_.get(), 0U);
  box.join(waiting_, 3);
  EXPECT_GT(used_.get(), 15'000U);
  ASSERT_NE(waiting_.largest(), nullptr);
  EXPECT_EQ(waiting_.largest()->slot, 3U);
}

TEST_F(WaitingOutputTest, WhatIsForsakenCountsNoMore) {
  auto box = outbox(1);
  box->append(bytes_of(std::string(10'000, 'x')));
  box->append(message(5000), 0);
  box->forsake();
  EXPECT_EQ(used_.get(), 0U);
  EXPECT_EQ(waiting_.largest(), nullptr);
  box->append(bytes_of("more"));
  box->consume(10'004, 2);
  box = nullptr;
  EXPECT_EQ(used_.get(), 0U);
}

}  // namespace
}  // namespace ringgate::conn
