// Who waits for an answer, until when, and that nobody is mistaken for somebody else.
#include "dispatch/tickets.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace ringgate::dispatch {
namespace {

constexpr DurationNs second = nanoseconds_per_second;
constexpr DurationNs question_time = limits::answer_seconds * second;
constexpr DurationNs broadcast_time = limits::broadcast_answer_seconds * second;

Ticket of(std::uint32_t slot) { return {PushWaiter{}, {.shard = 1, .slot = slot, .generation = 1}}; }

TEST(Tickets, GiveBackWhatTheyWereOpenedWithOnce) {
  Tickets tickets;
  const TicketName a = tickets.open(of(1), Tickets::Patience::question, 0);
  const TicketName b = tickets.open(of(2), Tickets::Patience::question, 0);
  EXPECT_EQ(tickets.open_count(), 2U);
  EXPECT_EQ(tickets.take(a)->target.slot, 1U);
  EXPECT_FALSE(tickets.take(a));
  EXPECT_EQ(tickets.take(b)->target.slot, 2U);
  EXPECT_EQ(tickets.open_count(), 0U);
  EXPECT_FALSE(tickets.take({}));
  EXPECT_FALSE(tickets.take({7, 0}));
}

TEST(Tickets, NameIsNotGivenTwice) {
  Tickets tickets;
  const TicketName old = tickets.open(of(1), Tickets::Patience::question, 0);
  (void)tickets.take(old);
  const TicketName young = tickets.open(of(2), Tickets::Patience::question, 0);
  EXPECT_EQ(young.index, old.index) << "the place is used again";
  EXPECT_FALSE(tickets.is_open(old));
  EXPECT_FALSE(tickets.take(old)) << "and the old name means nobody";
  EXPECT_TRUE(tickets.take(young));
}

TEST(Tickets, ExpireInTheirOrderNotBeforeTheirTime) {
  Tickets tickets;
  EXPECT_FALSE(tickets.next_deadline());
  const TicketName broadcast = tickets.open(of(0), Tickets::Patience::broadcast, 0);
  (void)tickets.open(of(1), Tickets::Patience::question, 1 * second);
  const TicketName answered = tickets.open(of(2), Tickets::Patience::question, 2 * second);
  (void)tickets.open(of(3), Tickets::Patience::question, 3 * second);
  (void)tickets.take(answered);
  EXPECT_EQ(tickets.next_deadline(), question_time + 1 * second);
  EXPECT_FALSE(tickets.take_expired(question_time + 1 * second - 1));
  EXPECT_EQ(tickets.take_expired(question_time + 1 * second)->target.slot, 1U);
  EXPECT_FALSE(tickets.take_expired(question_time + 3 * second - 1));
  EXPECT_EQ(tickets.take_expired(question_time + 3 * second)->target.slot, 3U);
  EXPECT_EQ(tickets.next_deadline(), broadcast_time);
  EXPECT_TRUE(tickets.is_open(broadcast));
  EXPECT_EQ(tickets.take_expired(broadcast_time)->target.slot, 0U);
  EXPECT_FALSE(tickets.take_expired(UINT64_MAX));
  EXPECT_EQ(tickets.open_count(), 0U);
}

}  // namespace
}  // namespace ringgate::dispatch
