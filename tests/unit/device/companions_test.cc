#include "device/companions.h"

#include <gtest/gtest.h>

#include <thread>

namespace ringgate::device {
namespace {

constexpr IdKey key{.index = 77};
constexpr IdKey same_stripe{.index = 77 + 64};
ConnectionRef ref(std::uint32_t slot) { return {0, slot, 1}; }

TEST(Companions, AreOfOneIdAlone) {
  Companions all;
  all.use();
  all.lock(key).add(ref(1));
  all.lock(same_stripe).add(ref(2));
  EXPECT_EQ(all.of(key), std::vector{ref(1)});
  EXPECT_EQ(all.of(same_stripe), std::vector{ref(2)});
  EXPECT_TRUE(all.of({.index = 5}).empty());
}

TEST(Companions, AreNotLookedForWhileNobodyHasAny) {
  Companions all;
  EXPECT_FALSE(all.is_used());
  EXPECT_TRUE(all.of(key).empty());
  all.use();
  EXPECT_TRUE(all.is_used());
}

TEST(Companions, TheNewestGoesFirst) {
  Companions all;
  all.use();
  auto locked = all.lock(key);
  for (const std::uint32_t slot : {1U, 2U, 3U}) locked.add(ref(slot));
  EXPECT_EQ(locked.count(), 3U);
  EXPECT_EQ(locked.take_newest(), ref(3));
  EXPECT_TRUE(locked.erase(ref(1)));
  EXPECT_FALSE(locked.erase(ref(1)));
  EXPECT_EQ(locked.take_newest(), ref(2));
  EXPECT_EQ(locked.take_newest(), std::nullopt);
  EXPECT_EQ(locked.count(), 0U);
  locked.add(ref(4));
  EXPECT_EQ(locked.take_all(), std::vector{ref(4)});
  EXPECT_TRUE(locked.take_all().empty());
}

TEST(Companions, MayBeChangedByManyThreads) {
  Companions all;
  all.use();
  std::vector<std::jthread> threads;
  for (std::uint32_t thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (std::uint32_t i = 0; i < 2000; ++i) {
        all.lock(key).add(ref(thread * 10'000 + i));
        (void)all.of(key);
        EXPECT_TRUE(all.lock(key).erase(ref(thread * 10'000 + i)));
      }
    });
  threads.clear();
  EXPECT_TRUE(all.of(key).empty());
}

}  // namespace
}  // namespace ringgate::device
