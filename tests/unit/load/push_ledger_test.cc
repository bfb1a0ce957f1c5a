#include "push_ledger.h"

#include <gtest/gtest.h>

#include "load/numbered_payload.h"

namespace ringgate::stress {
namespace {

// Two devices, 10 and 11, with pushes 0, 1 and 2 each.
class PushLedgerTest : public testing::Test {
 protected:
  PushLedgerTest() {
    for (int i = 0; i < 3; ++i) {
      ledger.ask(10);
      ledger.ask(11);
    }
  }

  void receive(std::uint32_t at, std::uint32_t meant_for, std::uint64_t number) {
    const std::string payload = load::make_numbered_payload({meant_for, number}, 60, random);
    ledger.receive(at, bytes_of(payload));
  }

  load::Random random{1};
  PushLedger ledger{10, 2};
};

TEST_F(PushLedgerTest, FindsNothingWrongWhenAllCameInOrder) {
  for (const std::uint32_t device : {10U, 11U}) {
    for (std::uint64_t number = 0; number < 3; ++number) {
      ledger.answer(device, number, PushOutcome::delivered);
      receive(device, device, number);
    }
  }
  const auto tally = ledger.tally();
  EXPECT_EQ(tally.asked, 6U);
  EXPECT_EQ(tally.delivered, 6U);
  EXPECT_EQ(tally.received, 6U);
  EXPECT_EQ(tally.unanswered, 0U);
  EXPECT_EQ(tally.faults(), 0U);
}

TEST_F(PushLedgerTest, CountsADeliveredPushThatNeverCameAsLost) {
  ledger.answer(10, 0, PushOutcome::delivered);
  ledger.answer(10, 1, PushOutcome::refused);
  EXPECT_EQ(ledger.tally().lost, 1U);
  EXPECT_EQ(ledger.tally().refused, 1U);
  EXPECT_EQ(ledger.tally().unanswered, 4U);
  EXPECT_EQ(ledger.tally().faults(), 1U);
}

TEST_F(PushLedgerTest, NoticesASecondCopy) {
  receive(10, 10, 0);
  receive(10, 10, 0);
  EXPECT_EQ(ledger.tally().duplicated, 1U);
}

TEST_F(PushLedgerTest, NoticesALaterOneOvertaking) {
  receive(10, 10, 2);
  receive(10, 10, 1);
  EXPECT_EQ(ledger.tally().reordered, 1U);
  EXPECT_EQ(ledger.tally().duplicated, 0U);
}

TEST_F(PushLedgerTest, NoticesWhatWasMeantForAnother) {
  receive(10, 11, 0);
  receive(10, 10, 3);  // never asked for
  EXPECT_EQ(ledger.tally().misdelivered, 2U);
}

TEST_F(PushLedgerTest, NoticesAChangedByte) {
  std::string payload = load::make_numbered_payload({10, 0}, 60, random);
  payload.back() ^= 1;
  ledger.receive(10, bytes_of(payload));
  EXPECT_EQ(ledger.tally().corrupted, 1U);
}

TEST_F(PushLedgerTest, NoticesARefusedPushThatCame) {
  ledger.answer(10, 0, PushOutcome::refused);
  receive(10, 10, 0);
  EXPECT_EQ(ledger.tally().refused_but_received, 1U);
}

}  // namespace
}  // namespace ringgate::stress
