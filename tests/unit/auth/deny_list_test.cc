#include "auth/deny_list.h"

#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"

namespace ringgate::auth {
namespace {

constexpr std::int64_t now = 1'000'000;

DenialOutcome revoke(DenyList& list, Revocation revocation, std::int64_t at) { return list.revoke(revocation, at); }

TEST(DenyList, BansADeviceUntilTheBanEnds) {
  DenyList list;
  EXPECT_EQ(list.banned_until("a", now), std::nullopt);
  EXPECT_EQ(list.ban("a", now + 10, now), DenialOutcome::noted);
  EXPECT_EQ(list.banned_until("a", now), now + 10);
  EXPECT_EQ(list.banned_until("a", now + 9), now + 10);
  EXPECT_EQ(list.banned_until("a", now + 10), std::nullopt);
  EXPECT_EQ(list.banned_until("b", now), std::nullopt);
}

TEST(DenyList, ASecondBanReplacesTheFirstAndALiftedOneIsGone) {
  DenyList list;
  list.ban("a", now + 100, now);
  list.ban("a", now + 10, now);
  EXPECT_EQ(list.banned_until("a", now), now + 10);
  EXPECT_TRUE(list.lift_ban("a"));
  EXPECT_FALSE(list.lift_ban("a"));
  EXPECT_EQ(list.banned_until("a", now), std::nullopt);
}

TEST(DenyList, ARevocationFitsEveryMemberThatIsGiven) {
  const auto revoked_by = [](Revocation revocation, const CredentialView& credential) {
    DenyList list;
    EXPECT_EQ(list.revoke(revocation, now), DenialOutcome::noted);
    return list.is_revoked(credential, now);
  };
  const CredentialView credential{"dev", "tok", now - 5};
  EXPECT_TRUE(revoked_by({.device_id = "dev", .issued_before = now, .ends_at = now + 1}, credential));
  EXPECT_FALSE(revoked_by({.device_id = "other", .issued_before = now, .ends_at = now + 1}, credential));
  EXPECT_TRUE(revoked_by({.token_id = "tok", .issued_before = now, .ends_at = now + 1}, credential));
  EXPECT_FALSE(revoked_by({.token_id = "other", .issued_before = now, .ends_at = now + 1}, credential));
  EXPECT_TRUE(revoked_by({.device_id = "dev", .token_id = "tok", .issued_before = now, .ends_at = now + 1}, credential));
  EXPECT_FALSE(revoked_by({.device_id = "dev", .token_id = "no", .issued_before = now, .ends_at = now + 1}, credential));
  EXPECT_TRUE(revoked_by({.issued_before = now, .ends_at = now + 1}, credential));
  EXPECT_FALSE(revoked_by({.issued_before = now - 5, .ends_at = now + 1}, credential)) << "issued at that very moment";
  EXPECT_FALSE(revoked_by({.device_id = "dev", .issued_before = now, .ends_at = now}, credential)) << "ended";
  EXPECT_TRUE(revoked_by({.device_id = "dev", .issued_before = 1, .ends_at = now + 1}, {"dev", "", std::nullopt}))
      << "of unknown age";
}

TEST(DenyList, ALaterRevocationWidensAnEarlierOne) {
  DenyList list;
  revoke(list, {.device_id = "a", .issued_before = 50, .ends_at = now + 100}, now);
  revoke(list, {.device_id = "a", .issued_before = 10, .ends_at = now + 10}, now);
  EXPECT_TRUE(list.is_revoked({"a", "", 49}, now + 50));
  revoke(list, {.device_id = "a", .issued_before = 5, .ends_at = now + 300}, now + 200);
  EXPECT_FALSE(list.is_revoked({"a", "", 49}, now + 200)) << "the first one had ended";
}

TEST(DenyList, TellsWhatIsInForceAndTakesItBack) {
  DenyList list;
  revoke(list, {.device_id = "a", .issued_before = 50, .ends_at = now + 1}, now);
  Revocation longer{.device_id = "a", .issued_before = 10, .ends_at = now + 100};
  EXPECT_EQ(list.revoke(longer, now), DenialOutcome::noted);
  EXPECT_EQ(longer.issued_before, 50);
  EXPECT_EQ(longer.ends_at, now + 100);
  EXPECT_FALSE(list.lift_revocation("a", "token"));
  EXPECT_TRUE(list.lift_revocation("a", ""));
  EXPECT_FALSE(list.lift_revocation("a", ""));
  EXPECT_FALSE(list.is_revoked({"a", "", 1}, now));
}

TEST(DenyList, TellsThatItChanged) {
  DenyList list;
  const std::uint64_t before = list.version();
  list.ban("a", now + 1, now);
  const std::uint64_t banned = list.version();
  EXPECT_NE(banned, before);
  revoke(list, {.device_id = "a", .issued_before = now, .ends_at = now + 1}, now);
  EXPECT_NE(list.version(), banned);
}

TEST(DenyList, IsBoundedAndForgetsWhatHasEndedToMakeRoom) {
  DenyList list;
  for (std::size_t i = 0; i < limits::denials_max; ++i)
    ASSERT_EQ(list.ban("device-" + std::to_string(i), now + 10, now), DenialOutcome::noted);
  EXPECT_EQ(list.ban("one-more", now + 10, now), DenialOutcome::full);
  EXPECT_EQ(list.ban("device-3", now + 99, now), DenialOutcome::noted) << "it is there already";
  EXPECT_EQ(list.banned_until("one-more", now), std::nullopt);
  EXPECT_EQ(list.ban("one-more", now + 30, now + 10), DenialOutcome::noted);
  EXPECT_EQ(list.bans_count(), 2U);
  EXPECT_EQ(list.banned_until("device-3", now + 10), now + 99);
}

}  // namespace
}  // namespace ringgate::auth
