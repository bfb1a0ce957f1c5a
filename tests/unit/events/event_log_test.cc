#include <gtest/gtest.h>

#include <condition_variable>
#include <thread>

#include "events/log.h"
#include "unit/events/samples.h"

namespace ringgate::events {
namespace {

void append(EventLog& log, std::string_view text, std::uint64_t seq = 1) {
  const Bytes record = message_record("a", text, seq);
  ASSERT_TRUE(log.append(record.data(), record.size()));
}

std::vector<std::string> read_all(const EventLog& log, EventLog::Cursor& cursor, std::uint64_t* missed = nullptr) {
  std::vector<std::string> texts;
  while (true) {
    const EventLog::Read read = log.read(cursor);
    if (missed != nullptr) *missed += read.missed;
    if (!read.record) return texts;
    texts.emplace_back(text_of(read.record->payload()));
  }
}

TEST(EventLog, NumbersRecordsAndShowsThemOncePublished) {
  EventLog log(1 << 20);
  EventLog::Cursor cursor = log.at_end();
  append(log, "one");
  append(log, "two");
  EXPECT_TRUE(read_all(log, cursor).empty());
  EXPECT_EQ(log.end(), 0U);
  log.publish();
  EXPECT_EQ(log.end(), 2U);
  const EventLog::Read first = log.read(cursor);
  ASSERT_TRUE(first.record);
  EXPECT_EQ(first.record->number(), 0U);
  EXPECT_EQ(read_all(log, cursor), std::vector<std::string>{"two"});
  EXPECT_EQ(cursor.next(), 2U);
}

TEST(EventLog, ServesSeveralReadersAtTheirOwnPace) {
  EventLog log(1 << 20);
  EventLog::Cursor early = log.at_end();
  append(log, "one");
  log.publish();
  EventLog::Cursor late = log.at_end();
  append(log, "two");
  log.publish();
  EXPECT_EQ(read_all(log, late), std::vector<std::string>{"two"});
  EXPECT_EQ(read_all(log, early), (std::vector<std::string>{"one", "two"}));
  EventLog::Cursor again = EventLog::at(1);
  EXPECT_EQ(read_all(log, again), std::vector<std::string>{"two"});
}

TEST(EventLog, CountsWhatWasOverwrittenBeforeItWasRead) {
  EventLog log(64 * 1024, 4096);
  EventLog::Cursor cursor = log.at_end();
  constexpr std::uint64_t count = 5000;
  for (std::uint64_t i = 0; i < count; ++i) {
    append(log, std::to_string(i));
    if (i % 10 == 9) log.publish();
  }
  EXPECT_LE(log.bytes(), log.bytes_max());
  EXPECT_GT(log.begin(), 0U);
  std::uint64_t missed = 0;
  const auto texts = read_all(log, cursor, &missed);
  EXPECT_EQ(missed, log.begin());
  EXPECT_EQ(missed + texts.size(), count);
  EXPECT_EQ(texts.front(), std::to_string(missed));
  EXPECT_EQ(texts.back(), std::to_string(count - 1));
}

TEST(EventLog, KeepsTheSegmentThatAReaderIsIn) {
  EventLog log(16 * 1024, 4096);
  append(log, "first");
  append(log, "second");
  log.publish();
  EventLog::Cursor cursor = EventLog::at(0);
  const EventLog::Read first = log.read(cursor);
  for (int i = 0; i < 2000; ++i) append(log, "later");
  log.publish();
  EXPECT_EQ(text_of(first.record->payload()), "first");
  const EventLog::Read second = log.read(cursor);
  ASSERT_TRUE(second.record);
  EXPECT_EQ(text_of(second.record->payload()), "second");
  EXPECT_EQ(second.missed, 0U);
}

TEST(EventLog, SaysWhatIsMissedAlsoIfNothingPublishedIsLeft) {
  EventLog log(16 * 1024, 4096);
  append(log, "old");
  log.publish();
  EventLog::Cursor cursor = EventLog::at(0);
  for (int i = 0; i < 2000; ++i) append(log, "unpublished");
  std::uint64_t missed = 0;
  EXPECT_TRUE(read_all(log, cursor, &missed).empty());
  log.publish();
  const auto texts = read_all(log, cursor, &missed);
  EXPECT_EQ(missed + texts.size(), 2001U);
}

TEST(EventLog, HoldsARecordThatIsLargerThanItself) {
  EventLog log(8 * 1024, 4096);
  append(log, std::string(100'000, 'x'));
  log.publish();
  EventLog::Cursor cursor = EventLog::at(0);
  EXPECT_EQ(read_all(log, cursor), std::vector{std::string(100'000, 'x')});
}

class Bell final : public LogListener {
 public:
  void wake() override {
    const std::lock_guard lock(mutex_);
    ++count_;
    rung_.notify_all();
  }
  void wait(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(rung_.wait_for(lock, std::chrono::seconds(30), [&] { return count_ >= count; }));
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable rung_;
  int count_ = 0;
};

TEST(EventLog, WakesOncePerArming) {
  EventLog log(1 << 20);
  Bell bell;
  log.add_listener(bell);
  EventLog::Cursor cursor = log.at_end();
  EXPECT_TRUE(log.arm(bell, cursor));
  append(log, "one");
  EXPECT_EQ(bell.count(), 0);
  log.publish();
  append(log, "two");
  log.publish();
  EXPECT_EQ(bell.count(), 1);
  EXPECT_FALSE(log.arm(bell, cursor)) << "there is something to read";
  (void)read_all(log, cursor);
  EXPECT_TRUE(log.arm(bell, cursor));
  log.remove_listener(bell);
  append(log, "three");
  log.publish();
  EXPECT_EQ(bell.count(), 1);
}

TEST(EventLog, LosesNoRecordAndNoWakeBetweenThreads) {
  EventLog log(256 * 1024, 8192);
  constexpr std::uint64_t count = 50'000;
  std::vector<std::thread> readers;
  std::array<std::uint64_t, 3> seen{}, missed{};
  std::array<bool, 3> is_ordered{true, true, true};
  for (std::size_t i = 0; i < seen.size(); ++i) {
    readers.emplace_back([&, i] {
      Bell bell;
      log.add_listener(bell);
      EventLog::Cursor cursor = EventLog::at(0);
      int woken = 0;
      std::uint64_t last = 0;
      while (cursor.next() < count) {
        const EventLog::Read read = log.read(cursor);
        missed[i] += read.missed;
        if (read.record) {
          ++seen[i];
          is_ordered[i] = is_ordered[i] && read.record->head().seq > last && read.record->head().seq == read.record->number() + 1;
          last = read.record->head().seq;
        } else if (log.arm(bell, cursor)) {
          bell.wait(++woken);
        }
      }
      log.remove_listener(bell);
    });
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    append(log, "x", i + 1);
    if (i % 13 == 12 || i + 1 == count) log.publish();
  }
  for (std::thread& reader : readers) reader.join();
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i] + missed[i], count);
    EXPECT_TRUE(is_ordered[i]);
  }
}

}  // namespace
}  // namespace ringgate::events
