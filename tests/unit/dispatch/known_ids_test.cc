// The ids of pushes that are remembered: bounded, in time, and each settled once.
#include "dispatch/known_ids.h"

#include <gtest/gtest.h>

#include <map>

#include "base/limits.h"

namespace ringgate::dispatch {
namespace {

using Claim = KnownIds::Claim;
constexpr DurationNs window = 10, patience = 1000;
constexpr device::IdKey device{7, 1}, body{9, 9}, other_body{9, 8};

constexpr device::IdKey id_of(std::uint64_t number) { return {number + 2, number}; }

class KnownIdsTest : public ::testing::Test {
 protected:
  Claim claim(device::IdKey id, TimeNs now, device::IdKey of_body = body, device::IdKey of_device = device) {
    return claim({.device = of_device, .id = id, .body = of_body, .patience = patience}, now);
  }
  Claim claim(const KnownIds::Push& push, TimeNs now) {
    ReportCallback on_report = [this](const PushReport& report) { told.push_back(report); };
    const Claim made = ids.claim(push, window, now, on_report);
    if (made == Claim::fresh) claims[push.id.index] = ids.last_claim();
    return made;
  }
  /// The claim that was made last of this id.
  void settle(device::IdKey id, PushOutcome outcome) {
    ids.settle(device, claims.at(id.index), {.outcome = outcome, .receipt = {}});
  }

  KnownIds ids;
  std::map<std::uint64_t, std::uint64_t> claims;
  std::vector<PushReport> told;
};

TEST_F(KnownIdsTest, RepeatGetsTheFirstReportNowOrLater) {
  EXPECT_EQ(claim(id_of(1), 0), Claim::fresh);
  EXPECT_EQ(claim(id_of(1), 1), Claim::repeat);
  EXPECT_TRUE(told.empty()) << "the first is under way";
  settle(id_of(1), PushOutcome::timed_out);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(claim(id_of(1), 2), Claim::repeat);
  ASSERT_EQ(told.size(), 2U);
  for (const PushReport& report : told) {
    EXPECT_EQ(report.outcome, PushOutcome::timed_out);
    EXPECT_TRUE(report.receipt.is_repeat);
  }
}

TEST_F(KnownIdsTest, RepeatIsToldWhatIsKnownAtOnceOrWhenItsPatienceIsOver) {
  EXPECT_EQ(claim(id_of(1), 0), Claim::fresh);
  ids.note_taken(device, ids.last_claim(),
                 {.outcome = PushOutcome::delivered, .receipt = {.reached = PushLevel::queued, .queued_at_ms = 77}});
  EXPECT_EQ(claim({.device = device, .id = id_of(1), .body = body, .patience = 0}, 1), Claim::repeat);
  EXPECT_EQ(claim({.device = device, .id = id_of(1), .body = body, .patience = 5}, 2), Claim::repeat);
  EXPECT_EQ(claim({.device = device, .id = id_of(1), .body = body, .patience = 8}, 2), Claim::repeat);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].outcome, PushOutcome::delivered);
  EXPECT_EQ(ids.next_follower(), 7U);
  EXPECT_FALSE(ids.give_up_follower(6));
  EXPECT_TRUE(ids.give_up_follower(7));
  EXPECT_FALSE(ids.give_up_follower(7));
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].outcome, PushOutcome::timed_out);
  for (const PushReport& report : told) {
    EXPECT_TRUE(report.receipt.is_repeat);
    EXPECT_EQ(report.receipt.reached, PushLevel::queued);
    EXPECT_EQ(report.receipt.queued_at_ms, 77);
  }
  settle(id_of(1), PushOutcome::connection_ended);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[2].outcome, PushOutcome::connection_ended);
  EXPECT_EQ(ids.next_follower(), UINT64_MAX);
}

TEST_F(KnownIdsTest, AnotherBodyIsAConflictAndAnotherDeviceIsNot) {
  EXPECT_EQ(claim(id_of(1), 0), Claim::fresh);
  EXPECT_EQ(claim(id_of(1), 0, other_body), Claim::conflict);
  EXPECT_EQ(claim(id_of(1), 0, other_body, {8, 1}), Claim::fresh);
}

TEST_F(KnownIdsTest, RefusedPushLeavesItsIdFree) {
  for (const PushOutcome outcome : {PushOutcome::backpressure, PushOutcome::closing, PushOutcome::level_unsupported}) {
    EXPECT_EQ(claim(id_of(1), 0), Claim::fresh);
    settle(id_of(1), outcome);
    EXPECT_EQ(ids.size(), 0U);
  }
}

// The first push waits for its pong longer than its id is remembered; then its id is sent again, as another push.
TEST_F(KnownIdsTest, AClaimThatWasForgottenSettlesNoOther) {
  EXPECT_EQ(claim(id_of(1), 0), Claim::fresh);
  const std::uint64_t first = claims.at(id_of(1).index);
  EXPECT_EQ(claim(id_of(1), 2 * window), Claim::fresh);
  EXPECT_EQ(claim(id_of(1), 2 * window + 1), Claim::repeat);
  ids.settle(device, first, {.outcome = PushOutcome::timed_out, .receipt = {}});
  EXPECT_TRUE(told.empty()) << "the repeat waits for the second";
  settle(id_of(1), PushOutcome::delivered);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().outcome, PushOutcome::delivered);
}

TEST_F(KnownIdsTest, WindowEnds) {
  EXPECT_EQ(claim(id_of(1), 0), Claim::fresh);
  settle(id_of(1), PushOutcome::delivered);
  EXPECT_EQ(claim(id_of(1), window - 1), Claim::repeat);
  EXPECT_EQ(claim(id_of(1), window), Claim::fresh);
}

TEST_F(KnownIdsTest, ThoseWhoRepeatedAForgottenIdAreToldThatNothingIsKnown) {
  EXPECT_EQ(claim(id_of(1), 0), Claim::fresh);
  EXPECT_EQ(claim(id_of(1), 1), Claim::repeat);
  EXPECT_EQ(claim(id_of(2), window), Claim::fresh);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].outcome, PushOutcome::unknown_outcome);
  settle(id_of(1), PushOutcome::delivered);
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(KnownIdsTest, HasCeilings) {
  for (std::uint64_t i = 0; i < limits::ids_per_device_max; ++i) EXPECT_EQ(claim(id_of(i), 0), Claim::fresh);
  EXPECT_EQ(claim(id_of(limits::ids_per_device_max), 0), Claim::full) << "all of them are under way";
  settle(id_of(0), PushOutcome::delivered);
  EXPECT_EQ(claim(id_of(limits::ids_per_device_max), 0), Claim::fresh) << "in place of the oldest";
  EXPECT_EQ(ids.size(), limits::ids_per_device_max);
  for (std::size_t i = 0; i < limits::id_followers_max; ++i) EXPECT_EQ(claim(id_of(1), 0), Claim::repeat);
  EXPECT_EQ(claim(id_of(1), 0), Claim::full);
  for (std::uint64_t i = 0; i < limits::ids_per_shard_max + 10; ++i)
    EXPECT_EQ(claim(id_of(1), 1, body, {100 + i, 0}), Claim::fresh);
  EXPECT_LE(ids.size(), limits::ids_per_shard_max);
}

}  // namespace
}  // namespace ringgate::dispatch
