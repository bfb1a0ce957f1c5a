#include "events/event_ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <thread>

#include "unit/events/samples.h"

namespace ringgate::events {
namespace {

bool put(EventRing& ring, const Bytes& record) {
  std::uint8_t* const out = ring.reserve(record.size());
  if (out == nullptr) return false;
  std::ranges::copy(record, out);
  return true;
}

std::vector<Bytes> take_all(EventRing& ring, std::size_t bytes_max = SIZE_MAX / 2) {
  std::vector<Bytes> taken;
  (void)ring.drain(bytes_max, [&](const std::uint8_t* record, std::size_t size) {
    taken.emplace_back(record, record + size);
    return true;
  });
  return taken;
}

TEST(EventRing, ShowsNothingBeforeItIsPublished) {
  EventRing ring(4096);
  EXPECT_FALSE(ring.has_unpublished());
  ASSERT_TRUE(put(ring, message_record("a", "x")));
  EXPECT_TRUE(ring.has_unpublished());
  EXPECT_TRUE(ring.is_empty());
  EXPECT_TRUE(take_all(ring).empty());
  ring.publish();
  EXPECT_FALSE(ring.is_empty());
  EXPECT_EQ(take_all(ring), std::vector<Bytes>{message_record("a", "x")});
  EXPECT_TRUE(ring.is_empty());
}

TEST(EventRing, TakesTheLargestRecordAtEveryPositionWhenItIsEmpty) {
  EventRing ring(4096);
  const Bytes small = message_record("a", "");
  Bytes large = message_record("a", std::string(ring.record_bytes_max() - small.size(), 'x'));
  ASSERT_EQ(large.size(), ring.record_bytes_max());
  for (std::size_t i = 0; i < 4096 / small.size() + 2; ++i) {
    ASSERT_TRUE(put(ring, large)) << i;
    ring.publish();
    ASSERT_EQ(take_all(ring), std::vector<Bytes>{large}) << i;
    ASSERT_TRUE(put(ring, small));
    ring.publish();
    ASSERT_EQ(take_all(ring), std::vector<Bytes>{small}) << i;
  }
}

TEST(EventRing, RefusesWhatFindsNoRoomAndChangesNothing) {
  EventRing ring(4096);
  const Bytes record = message_record("a", std::string(100, 'x'));
  std::size_t count = 0;
  while (put(ring, record)) ++count;
  EXPECT_EQ(count, 4096 / record.size());
  EXPECT_FALSE(put(ring, record));
  ring.publish();
  EXPECT_EQ(ring.fill(), count * record.size());
  EXPECT_EQ(take_all(ring).size(), count);
  EXPECT_TRUE(put(ring, record));
}

TEST(EventRing, DrainsNoMoreThanItIsAskedFor) {
  EventRing ring(64 * 1024);
  const Bytes record = message_record("a", "xyz");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put(ring, record));
  ring.publish();
  EXPECT_EQ(take_all(ring, 10 * record.size()).size(), 10U);
  EXPECT_EQ(take_all(ring).size(), 90U);
}

// Against a queue of records, with sizes and pauses by chance.
TEST(EventRing, IsAQueueOfRecords) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  EventRing ring(8192);
  std::deque<Bytes> expected, unpublished;
  for (int step = 0; step < 20'000; ++step) {
    const auto dice = random() % 10;
    if (dice < 6) {
      const Bytes record = message_record("device", std::string(random() % 1500, 'y'), static_cast<std::uint64_t>(step));
      if (put(ring, record)) unpublished.push_back(record);
    } else if (dice < 8) {
      ring.publish();
      expected.insert(expected.end(), unpublished.begin(), unpublished.end());
      unpublished.clear();
    } else {
      for (const Bytes& record : take_all(ring, random() % 6000 + 1)) {
        ASSERT_FALSE(expected.empty());
        ASSERT_EQ(record, expected.front());
        expected.pop_front();
      }
    }
  }
}

TEST(EventRing, CarriesRecordsBetweenThreads) {
  EventRing ring(16 * 1024);
  constexpr std::uint64_t count = 100'000;
  std::uint64_t dropped = 0;
  std::atomic<bool> is_done{false};
  std::thread producer([&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      if (!put(ring, message_record("device", std::string(i % 200, 'z'), i))) ++dropped;
      if (i % 7 == 0) ring.publish();
    }
    ring.publish();
    is_done.store(true);
  });
  std::uint64_t taken = 0, last = 0;
  bool is_ordered = true, is_whole = true;
  for (bool more = true; more;) {
    more = !is_done.load();
    more = ring.drain(4096, [&](const std::uint8_t* bytes, std::size_t size) {
      const RecordView record(bytes);
      is_ordered = is_ordered && record.head().seq > last;
      last = record.head().seq;
      is_whole = is_whole && record.payload().size() == last % 200 && size == record.head().size;
      ++taken;
      return true;
    }) || more;
  }
  producer.join();
  EXPECT_TRUE(is_ordered);
  EXPECT_TRUE(is_whole);
  EXPECT_EQ(taken + dropped, count);
}

}  // namespace
}  // namespace ringgate::events
