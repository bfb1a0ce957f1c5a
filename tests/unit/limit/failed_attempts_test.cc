#include "limit/failed_attempts.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/limits.h"

namespace ringgate::limit {
namespace {

constexpr DurationNs s = nanoseconds_per_second;
constexpr std::size_t most = limits::admin_failures_max;

device::KeyedHash::Secret secret() {
  device::KeyedHash::Secret bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 5);
  return bytes;
}

class FailedAttemptsTest : public testing::Test {
 protected:
  std::uint64_t source(const char* ipv6) const {
    ring::PeerAddress peer{.port = 4711};
    EXPECT_EQ(inet_pton(AF_INET6, ipv6, peer.address.data()), 1) << ipv6;
    return attempts_.source_of(peer);
  }
  void exhaust(std::uint64_t source, TimeNs now) {
    for (std::size_t i = 0; i < most; ++i) EXPECT_TRUE(attempts_.fail(source, now)) << i;
  }

  const device::KeyedHash hash_{secret()};
  FailedAttempts attempts_{hash_};
  const std::uint64_t here_ = source("::ffff:192.0.2.1");
  const std::uint64_t reader_ = attempts_.name_of("reader"), boss_ = attempts_.name_of("boss");
};

TEST_F(FailedAttemptsTest, LetsASourceWaitAfterTheLastFreeOne) {
  exhaust(here_, s);
  EXPECT_FALSE(attempts_.fail(here_, s));
  EXPECT_FALSE(attempts_.may_enter(here_, boss_, s));
  const TimeNs later = s + limits::admin_failure_seconds * s;
  EXPECT_TRUE(attempts_.may_enter(here_, boss_, later));
  EXPECT_TRUE(attempts_.fail(here_, later)) << "what failed while it had to wait did not make the wait longer";
  EXPECT_FALSE(attempts_.fail(here_, later));
}

TEST_F(FailedAttemptsTest, LetsInWhoWasLetInFromThereBefore) {
  attempts_.remember(here_, reader_, s);
  exhaust(here_, s);
  EXPECT_TRUE(attempts_.may_enter(here_, reader_, s));
  EXPECT_FALSE(attempts_.may_enter(here_, boss_, s));
  EXPECT_FALSE(attempts_.may_enter(here_, attempts_.name_of(""), s));
}

TEST_F(FailedAttemptsTest, RemembersTheLastFewOfOneSource) {
  const auto name = [&](std::size_t i) { return attempts_.name_of("token " + std::to_string(i)); };
  for (std::size_t i = 0; i <= FailedAttempts::names_max; ++i) attempts_.remember(here_, name(i), s);
  attempts_.remember(here_, name(1), s);
  attempts_.remember(here_, reader_, s);
  exhaust(here_, s);
  for (std::size_t i : {0U, 2U}) EXPECT_FALSE(attempts_.may_enter(here_, name(i), s)) << i;
  for (std::size_t i : {1U, 3U, 4U}) EXPECT_TRUE(attempts_.may_enter(here_, name(i), s)) << i;
  EXPECT_TRUE(attempts_.may_enter(here_, reader_, s));
}

TEST_F(FailedAttemptsTest, CountsAWholeIpv6NetworkAsOne) {
  exhaust(source("2001:db8:0:1::1"), s);
  EXPECT_FALSE(attempts_.may_enter(source("2001:db8:0:1:ffff::2"), boss_, s));
  EXPECT_TRUE(attempts_.may_enter(source("2001:db8:0:2::1"), boss_, s));
}

TEST_F(FailedAttemptsTest, TellsIpv4AddressesApart) {
  exhaust(here_, s);
  EXPECT_FALSE(attempts_.may_enter(here_, boss_, s));
  EXPECT_TRUE(attempts_.may_enter(source("::ffff:192.0.2.2"), boss_, s));
}

TEST_F(FailedAttemptsTest, CountsUnixSocketsAsOneSource) {
  const std::uint64_t local = attempts_.source_of(ring::PeerAddress::unix_socket());
  exhaust(local, s);
  EXPECT_FALSE(attempts_.may_enter(local, boss_, s));
  EXPECT_TRUE(attempts_.may_enter(here_, boss_, s));
}

/// A source that waits stays, whoever else comes. Others share the rest of the table.
TEST_F(FailedAttemptsTest, ForgetsNobodyWhoMustWait) {
  exhaust(here_, s);
  for (std::uint64_t i = 0; i < 4 * limits::sources_remembered_max; ++i) (void)attempts_.fail(hash_(std::to_string(i)).index, s);
  EXPECT_FALSE(attempts_.fail(here_, s));
  EXPECT_FALSE(attempts_.may_enter(here_, boss_, s));
}

TEST_F(FailedAttemptsTest, JudgesNoMoreOnManyThreadsThanOnOne) {
  for (int round = 0; round < 50; ++round) {
    const std::uint64_t anybody = hash_(std::to_string(round)).index;
    std::atomic<std::size_t> judged{0};
    std::atomic<bool> begin{false};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
          while (!begin.load()) std::this_thread::yield();
          for (std::size_t attempt = 0; attempt < most; ++attempt)
            if (attempts_.fail(anybody, s)) judged.fetch_add(1);
        });
      begin.store(true);
    }
    EXPECT_EQ(judged.load(), most);
  }
}

}  // namespace
}  // namespace ringgate::limit
