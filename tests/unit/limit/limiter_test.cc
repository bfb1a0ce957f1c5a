#include "limit/limiter.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"

namespace ringgate::limit {
namespace {

constexpr DurationNs s = nanoseconds_per_second;

ring::PeerAddress peer(const char* ipv6) {
  ring::PeerAddress address;
  EXPECT_EQ(inet_pton(AF_INET6, ipv6, address.address.data()), 1) << ipv6;
  address.port = 4711;
  return address;
}

/// A limiter whose callers all go by the same rules.
class RuledLimiter {
 public:
  RuledLimiter(const LimitsConfig& limits, const device::KeyedHash& hash) : rules_(limits), limiter_(hash) {}
  void set(const LimitsConfig& limits) { rules_ = Rules(limits); }
  Judgement accept(TimeNs now) { return limiter_.accept(rules_, now); }
  Judgement begin_handshake(const ring::PeerAddress& peer, TimeNs now) { return limiter_.begin_handshake(rules_, peer, now); }
  Limiter::Entry enter(const ring::PeerAddress& peer) { return limiter_.enter(rules_, peer); }
  void leave(std::uint64_t key) { limiter_.leave(key); }
  Judgement may_try(const ring::PeerAddress& peer, TimeNs now) { return limiter_.may_try(rules_, peer, now); }
  Judgement credential_failed(const ring::PeerAddress& peer, TimeNs now) { return limiter_.credential_failed(rules_, peer, now); }
  Limiter::Connect connect(const device::IdKey& id, const ring::PeerAddress& peer, TimeNs now) {
    return limiter_.connect(rules_, id, peer, now);
  }
  std::size_t sources_count() { return limiter_.sources_count(); }

 private:
  Rules rules_;
  Limiter limiter_;
};

class LimiterTest : public ::testing::Test {
 protected:
  static device::KeyedHash::Secret secret() {
    device::KeyedHash::Secret bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + 7);
    return bytes;
  }
  static LimitsConfig all_off() {
    LimitsConfig limits;
    limits.auth_failures_per_prefix = limits.flap_connects = 0;
    return limits;
  }

  const device::KeyedHash hash_{secret()};
  const ring::PeerAddress here_ = peer("::ffff:192.0.2.1"), there_ = peer("::ffff:192.0.2.2"), nobody_{};
};

TEST_F(LimiterTest, LimitsNothingThatIsOff) {
  RuledLimiter limiter(all_off(), hash_);
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_TRUE(limiter.accept(s).lets_in());
    EXPECT_TRUE(limiter.begin_handshake(here_, s).lets_in());
    EXPECT_FALSE(limiter.enter(here_).is_full);
    EXPECT_TRUE(limiter.credential_failed(here_, s).lets_in());
    EXPECT_TRUE(limiter.may_try(here_, s).lets_in());
    EXPECT_TRUE(limiter.connect(hash_("a"), here_, s).id.lets_in());
  }
  EXPECT_EQ(limiter.sources_count(), 0U);
}

TEST_F(LimiterTest, TellsWhetherAnyLimitNeedsToBeAskedBeforeARequestIsJudged) {
  EXPECT_FALSE(Rules(all_off()).limits_handshakes);
  for (const auto limit :
       {&LimitsConfig::accepts_per_second, &LimitsConfig::connections_per_prefix, &LimitsConfig::handshakes_per_prefix}) {
    LimitsConfig limits = all_off();
    limits.*limit = 1;
    EXPECT_TRUE(Rules(limits).limits_handshakes);
  }
}

TEST_F(LimiterTest, CountsHandshakesOfEachSource) {
  LimitsConfig limits = all_off();
  limits.handshakes_per_prefix = 6;
  RuledLimiter limiter(limits, hash_);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(limiter.begin_handshake(here_, 100 * s).lets_in()) << i;
  EXPECT_EQ(limiter.begin_handshake(here_, 100 * s).wait, 10 * s);
  EXPECT_TRUE(limiter.begin_handshake(there_, 100 * s).lets_in());
  EXPECT_TRUE(limiter.begin_handshake(here_, 110 * s).lets_in());
}

TEST_F(LimiterTest, LimitsTheRateOfTheWholeGate) {
  LimitsConfig limits = all_off();
  limits.accepts_per_second = 100;
  RuledLimiter limiter(limits, hash_);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.accept(s).lets_in());
  EXPECT_EQ(limiter.accept(s).wait, s / 100);
}

TEST_F(LimiterTest, CountsConnectionsOfEachSourceExactly) {
  LimitsConfig limits = all_off();
  limits.connections_per_prefix = 2;
  RuledLimiter limiter(limits, hash_);
  const Limiter::Entry first = limiter.enter(here_);
  const Limiter::Entry second = limiter.enter(here_);
  EXPECT_TRUE(limiter.enter(here_).is_full);
  EXPECT_EQ(limiter.enter(here_).key, 0U) << "not counted, so not given back";
  EXPECT_FALSE(limiter.enter(there_).is_full);
  limiter.leave(first.key);
  EXPECT_FALSE(limiter.enter(here_).is_full);
  limiter.leave(second.key);
}

TEST_F(LimiterTest, StopsASourceThatGuesses) {
  LimitsConfig limits = all_off();
  limits.auth_failures_per_prefix = 3;
  RuledLimiter limiter(limits, hash_);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(limiter.may_try(here_, s).lets_in()) << i;
    EXPECT_TRUE(limiter.credential_failed(here_, s).lets_in()) << i;
  }
  EXPECT_EQ(limiter.may_try(here_, s).wait, 20 * s);
  EXPECT_EQ(limiter.credential_failed(here_, s).wait, 20 * s) << "it ran side by side with the last free one";
  EXPECT_EQ(limiter.may_try(here_, s).wait, 20 * s) << "what failed beyond the limit does not make the wait longer";
  EXPECT_TRUE(limiter.may_try(there_, s).lets_in());
  EXPECT_TRUE(limiter.may_try(here_, 21 * s).lets_in());
}

TEST_F(LimiterTest, CountsNothingForASourceThatIsOnlyAskedAbout) {
  LimitsConfig limits = all_off();
  limits.auth_failures_per_prefix = 1;
  RuledLimiter limiter(limits, hash_);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.may_try(here_, s).lets_in());
}

TEST_F(LimiterTest, BansAnIdThatConnectsTooOftenFromWherever) {
  LimitsConfig limits = all_off();
  limits.flap_connects = 15;
  RuledLimiter limiter(limits, hash_);
  for (int i = 0; i < 15; ++i) EXPECT_TRUE(limiter.connect(hash_("a"), i % 2 == 0 ? here_ : there_, s).id.lets_in());
  const auto banned = limiter.connect(hash_("a"), here_, s);
  EXPECT_EQ(banned.id.wait, 300 * s);
  EXPECT_TRUE(banned.id_ban_began);
  EXPECT_TRUE(limiter.connect(hash_("b"), here_, s).id.lets_in());
  EXPECT_TRUE(limiter.connect(hash_("a"), here_, 301 * s).id.lets_in());
}

TEST_F(LimiterTest, BansASourceOnlyIfAsked) {
  LimitsConfig limits = all_off();
  limits.flap_connects_per_prefix = 2;
  RuledLimiter limiter(limits, hash_);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(limiter.connect(hash_(std::to_string(i)), here_, s).source.lets_in());
  const auto banned = limiter.connect(hash_("2"), here_, s);
  EXPECT_TRUE(banned.id.lets_in());
  EXPECT_EQ(banned.source.wait, 300 * s);
  EXPECT_TRUE(banned.source_ban_began);
  EXPECT_TRUE(limiter.connect(hash_("2"), there_, s).source.lets_in());
}

TEST_F(LimiterTest, ExemptsPeersWithoutAddress) {
  LimitsConfig limits = all_off();
  limits.handshakes_per_prefix = limits.connections_per_prefix = 1;
  limits.auth_failures_per_prefix = limits.flap_connects_per_prefix = 1;
  RuledLimiter limiter(limits, hash_);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(limiter.begin_handshake(nobody_, s).lets_in());
    EXPECT_FALSE(limiter.enter(nobody_).is_full);
    EXPECT_TRUE(limiter.credential_failed(nobody_, s).lets_in());
    EXPECT_TRUE(limiter.may_try(nobody_, s).lets_in());
    EXPECT_TRUE(limiter.connect(hash_("a"), nobody_, s).source.lets_in());
  }
}

TEST_F(LimiterTest, TakesNewSettingsWhileItRuns) {
  LimitsConfig limits = all_off();
  limits.connections_per_prefix = 1;
  RuledLimiter limiter(limits, hash_);
  const Limiter::Entry counted = limiter.enter(here_);
  EXPECT_TRUE(limiter.enter(here_).is_full);
  limits.connections_per_prefix = 0;
  limits.flap_connects = 1;
  limiter.set(limits);
  EXPECT_FALSE(limiter.enter(here_).is_full);
  limiter.leave(counted.key);
  EXPECT_EQ(limiter.sources_count(), 0U);
  EXPECT_TRUE(limiter.connect(hash_("a"), here_, s).id.lets_in());
  EXPECT_FALSE(limiter.connect(hash_("a"), here_, s).id.lets_in());
  limits.flap_connects = 0;
  limiter.set(limits);
  EXPECT_TRUE(limiter.connect(hash_("a"), here_, s).id.lets_in()) << "switched off, a ban ends";
}

TEST_F(LimiterTest, LetsInUncountedOnlyWhenEveryPlaceIsABan) {
  LimitsConfig config = all_off();
  config.flap_connects = 1;
  RuledLimiter limiter(config, hash_);
  std::uint64_t untracked = 0;
  for (std::size_t i = 0; i < 4 * limits::flapping_ids_remembered_max; ++i)
    for (int visit = 0; visit < 2; ++visit)
      untracked += limiter.connect(hash_("id-" + std::to_string(i)), here_, s).id.is_untracked ? 1 : 0;
  EXPECT_GT(untracked, 0U);
  EXPECT_FALSE(limiter.connect(hash_("id-0"), here_, 2 * s).id.lets_in()) << "the first bans are all still there";
}

}  // namespace
}  // namespace ringgate::limit
