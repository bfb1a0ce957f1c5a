// The merger's pass when the allocator has nothing left: each allocation fails in turn. It may cost a reader, which is told so; never an event
// that is not counted, and never the process.
#include <gtest/gtest.h>

#include "events/event_hub.h"
#include "events/stream_format.h"
#include "support/failing_allocations.h"
#include "unit/events/samples.h"

namespace ringgate::events {
namespace {

/// The payloads of whole lines.
std::size_t count_lines(std::string_view bytes) {
  EXPECT_TRUE(bytes.empty() || bytes.ends_with('\n')) << "a line is cut: " << bytes.substr(bytes.rfind('\n') + 1);
  return static_cast<std::size_t>(std::ranges::count(bytes, '\n'));
}

TEST(EventHubWithoutMemory, CutsAReaderAndSaysSo) {
  constexpr std::size_t events_count = 40;
  std::size_t cut = 0;
  for (const bool is_behind : {false, true}) {  // bytes that nobody has taken yet are ready, too
    for (int allocations = 0;; ++allocations) {
      SCOPED_TRACE(testing::Message() << is_behind << " " << allocations);
      ASSERT_LT(allocations, 500);
      EventHub hub{{.shards_count = 1,
                    .ring_bytes = 64 * 1024,
                    .log_bytes = 1 << 20,
                    .boot = 1,
                    .routes = {"/ws"},
                    .wake = [](std::uint8_t) {},
                    .clock = [] { return nanoseconds_per_second; },
                    .threads = EventHub::Threads::none}};
      hub.want();
      const auto reader = std::make_shared<EventReader>(EventReader::Options{.filter = {},
                                                                             .format = &ndjson_format(),
                                                                             .shard = 0,
                                                                             .window_bytes = 1 << 20,
                                                                             .start = EventLog::at(0),
                                                                             .gap = EventEncoder::Gap{.reason = "restarted"}});
      ASSERT_TRUE(hub.reserve_reader());
      const auto log = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
          const Bytes record = message_record("a-device-with-a-long-name", std::string(100, 'x'));
          ASSERT_TRUE(hub.log().append(record.data(), record.size()));
        }
        hub.log().publish();
      };
      std::shared_ptr<EventReader> added = reader;
      log(is_behind ? 1 : events_count);
      if (is_behind) {
        hub.add_reader(std::move(added));
        while (hub.turn()) {
        }
        log(events_count - 1);
      }
      {
        const test::ScarceMemory scarce(allocations);
        EXPECT_NO_THROW(if (added != nullptr) hub.add_reader(std::move(added)));
        EXPECT_NO_THROW(while (hub.turn()){});
      }
      const bool has_failed = test::failures_count > 0;
      while (hub.turn()) {
      }
      const auto taken = reader->take();
      ASSERT_TRUE(taken);
      const std::size_t lines = count_lines(taken->bytes);
      if (taken->end_reason.empty()) {
        EXPECT_EQ(lines, events_count + 1);
        EXPECT_EQ(hub.readers_count(), 1U);
      } else {
        ++cut;
        EXPECT_EQ(taken->end_reason, "no_memory");
        EXPECT_LE(lines, events_count + 2);
        EXPECT_EQ(hub.readers_count(), 0U) << "its place is free again";
      }
      EXPECT_EQ(hub.reader_counters().cut_without_memory.get(), taken->end_reason.empty() ? 0U : 1U);
      if (!has_failed) break;
    }
  }
  EXPECT_GT(cut, 5U);
}

}  // namespace
}  // namespace ringgate::events
