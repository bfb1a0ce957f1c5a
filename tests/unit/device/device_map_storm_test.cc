// The device map under many threads. Each promise is checked from the records of all threads afterwards, or
// by readers on the way; the build with ThreadSanitizer looks for the races themselves.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "device/device_map.h"

namespace ringgate::device {
namespace {

constexpr std::chrono::milliseconds storm_time{1500};

IdKey key_of(std::uint64_t id) { return {(id + 1) * 0x9E37'79B9'7F4A'7C15U | 2U, id}; }

class DeviceMapStorm : public testing::Test {
 protected:
  /// One turn of a shard or of a foreign thread.
  using Turn = std::function<void(std::mt19937_64&)>;

  void start_shard(std::uint8_t shard, Turn turn) {
    threads_.emplace_back([this, shard, turn = std::move(turn)] {
      std::mt19937_64 random(seed_ + shard);
      while (!stop_.load(std::memory_order_relaxed)) {
        turn(random);
        if (random() % 64 == 0) std::this_thread::yield();
        map.reclaim();
      }
    });
  }

  void start_foreign(Turn turn) {
    threads_.emplace_back([this, turn = std::move(turn)] {
      std::mt19937_64 random(seed_ + 1000);
      while (!stop_.load(std::memory_order_relaxed)) {
        turn(random);
      }
    });
  }

  /// Ids that come once and go at once: each leaves a used tag, so tables are rebuilt all the time.
  void start_churn(std::uint8_t shard) {
    start_shard(shard, [here = map.of(shard), shard, number = std::uint64_t{0}](std::mt19937_64&) mutable {
      const IdKey key = key_of((std::uint64_t{shard} << 48) + ++number);
      const ConnectionRef passing{shard, 0x70'0000, static_cast<std::uint32_t>(number)};
      if (!here.attach(key, passing)) return;  // old tables wait for a thread that was stopped: refused, nothing changed
      EXPECT_EQ(here.find(key), passing);
      EXPECT_TRUE(here.detach(key, passing));
    });
  }

  void finish() {
    // Longer on a busy machine: tables must have been replaced under way.
    const auto end = std::chrono::steady_clock::now() + storm_time;
    const auto deadline = end + std::chrono::seconds(60);
    for (auto now = end - storm_time; now < end || (map.rebuilds_count() <= 3 && now < deadline);
         now = std::chrono::steady_clock::now())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop_.store(true);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    EXPECT_GT(map.rebuilds_count(), 3U);
    map.reclaim();
    EXPECT_EQ(map.tables_waiting_count(), 0U);
  }

  DeviceMap map{1'000'000};
  const unsigned seed_ = std::random_device{}();
  const testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

TEST_F(DeviceMapStorm, EachReplacedOwnerIsReportedOnceAndTheLastOneStays) {
  constexpr std::uint64_t ids_count = 3;
  constexpr std::uint8_t takers_count = 4;
  struct Event {
    std::uint64_t id;
    ConnectionRef now;
    std::optional<ConnectionRef> replaced;
    bool detached;
  };
  std::vector<std::vector<Event>> records(takers_count);
  for (std::uint8_t shard = 0; shard < takers_count; ++shard) {
    start_shard(shard, [&, shard, generation = std::uint32_t{0}](std::mt19937_64& random) mutable {
      const std::uint64_t id = random() % ids_count;
      const ConnectionRef now{shard, static_cast<std::uint32_t>(id), ++generation};
      const auto replaced = map.of(shard).attach(key_of(id), now);
      if (!replaced) return;
      const bool detached = random() % 4 == 0 && map.of(shard).detach(key_of(id), now);
      records[shard].push_back({id, now, *replaced, detached});
    });
  }
  start_churn(takers_count);
  finish();
  for (std::uint64_t id = 0; id < ids_count; ++id) {
    std::set<std::uint64_t> attached, ended;  // ended: replaced or detached, each exactly once
    std::size_t first_owners = 0, detached = 0;
    for (const auto& record : records) {
      for (const Event& event : record) {
        if (event.id != id) continue;
        ASSERT_TRUE(attached.insert(event.now.pack()).second);
        if (!event.replaced) ++first_owners;
        if (event.replaced) {
          ASSERT_TRUE(ended.insert(event.replaced->pack()).second) << "reported twice";
        }
        if (event.detached) {
          ASSERT_TRUE(ended.insert(event.now.pack()).second) << "replaced and detached";
        }
        if (event.detached) ++detached;
      }
    }
    ASSERT_GT(attached.size(), 1000U);
    const auto last = map.find_from_outside(key_of(id));
    if (last) {
      ASSERT_TRUE(ended.insert(last->pack()).second) << "the owner had been replaced";
    }
    EXPECT_EQ(ended, attached);
    EXPECT_EQ(first_owners, detached + (last ? 1 : 0));
  }
}

TEST_F(DeviceMapStorm, ReadersMeetLastingIdsAndNeverAnOlderOwner) {
  static constexpr std::uint32_t ids_count = 2000;
  for (std::uint32_t id = 0; id < ids_count; ++id) ASSERT_TRUE(map.of(0).attach(key_of(id), {1, id, 1}));
  start_shard(0, [this, generation = std::uint32_t{1}, id = std::uint32_t{0}](std::mt19937_64&) mutable {
    const auto replaced = map.of(0).attach(key_of(id), {1, id, generation + 1});
    ASSERT_TRUE(replaced && *replaced == (ConnectionRef{1, id, generation}));
    if (++id == ids_count) id = 0, ++generation;
  });
  start_churn(1);
  start_churn(2);
  auto read = [newest = std::vector<std::uint32_t>(ids_count)](auto find, std::mt19937_64& random) mutable {
    const auto id = static_cast<std::uint32_t>(random() % ids_count);
    const std::optional<ConnectionRef> owner = find(key_of(id));
    ASSERT_TRUE(owner);
    ASSERT_EQ(owner->slot, id);
    ASSERT_GE(owner->generation, newest[id]);
    newest[id] = owner->generation;
    ASSERT_EQ(find(key_of((std::uint64_t{200} << 48) + id)), std::nullopt);
  };
  start_shard(3,
              [this, read](std::mt19937_64& random) mutable { read([this](IdKey key) { return map.of(3).find(key); }, random); });
  start_foreign(
      [this, read](std::mt19937_64& random) mutable { read([this](IdKey key) { return map.find_from_outside(key); }, random); });
  finish();
}

TEST_F(DeviceMapStorm, ScansMeetEveryLastingId) {
  static constexpr std::uint32_t ids_count = 3000;
  for (std::uint32_t id = 0; id < ids_count; ++id) ASSERT_TRUE(map.of(0).attach(key_of(id), {1, id, 1}));
  start_churn(1);
  start_churn(2);
  start_shard(3, [this, generation = std::uint32_t{1}](std::mt19937_64& random) mutable {
    const auto id = static_cast<std::uint32_t>(random() % ids_count);
    ASSERT_TRUE(map.of(3).attach(key_of(id), {3, id, ++generation}));
  });
  std::uint64_t scans = 0;
  start_shard(4, [this, &scans, seen = std::set<std::uint32_t>(),
                  cursor = std::optional<DeviceMap::Cursor>(0)](std::mt19937_64& random) mutable {
    const auto page = map.of(4).scan(*cursor, 1 + random() % 200);  // one page per turn: tables go away between pages
    for (const ConnectionRef ref : page.refs) seen.insert(ref.slot);
    cursor = page.next;
    if (cursor) return;
    seen.erase(0x70'0000);
    ASSERT_EQ(seen.size(), ids_count);
    seen.clear();
    cursor = 0;
    ++scans;
  });
  finish();
  EXPECT_GT(scans, 3U);
}

TEST(DeviceMap, CeilingHoldsUnderConcurrentAttaches) {
  constexpr std::size_t ceiling = 100;
  DeviceMap small(ceiling);
  std::atomic<int> attached{0};
  std::vector<std::thread> threads;
  for (std::uint8_t shard = 0; shard < 4; ++shard) {
    threads.emplace_back([&, shard] {
      DeviceMap::Shard here = small.of(shard);
      for (std::uint32_t number = 0; number < 20'000; ++number) {
        const IdKey key = key_of((std::uint64_t{shard} << 32) + number);
        if (here.attach(key, {shard, number, 1})) {
          EXPECT_LE(attached.fetch_add(1) + 1, static_cast<int>(ceiling));
          if (number % 2 == 0) {
            attached.fetch_sub(1);
            EXPECT_TRUE(here.detach(key, {shard, number, 1}));
          }
        }
        small.reclaim();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(small.count(), ceiling);
  EXPECT_EQ(attached.load(), static_cast<int>(ceiling));
}

}  // namespace
}  // namespace ringgate::device
