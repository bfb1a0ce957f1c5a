#include "ws/message_assembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace ringgate::ws {
namespace {

constexpr std::size_t no_end = std::numeric_limits<std::size_t>::max();

/// Adds `count` bytes of `value` and returns whether there was room.
bool add(AssemblyPool& pool, AssemblyBuffer*& buffer, std::size_t count, std::uint8_t value, std::size_t at_most = no_end) {
  const MutableBytes bytes = pool.extend(buffer, count, at_most);
  if (bytes.data() == nullptr) return false;
  std::ranges::fill(bytes, value);
  return true;
}

TEST(AssemblyPool, KeepsWhatWasGatheredWhileTheBufferGrows) {
  AssemblyPool pool(no_end);
  AssemblyBuffer* buffer = nullptr;
  std::vector<std::uint8_t> expected;
  for (std::size_t i = 0; i < 700; ++i) {
    ASSERT_TRUE(add(pool, buffer, i, static_cast<std::uint8_t>(i)));
    expected.insert(expected.end(), i, static_cast<std::uint8_t>(i));
  }
  EXPECT_TRUE(std::ranges::equal(buffer->payload(), expected));
  pool.recycle(buffer);
}

TEST(AssemblyPool, HoldsATenthMoreThanThePayloadAndASmallConstant) {
  AssemblyPool pool(no_end);
  AssemblyBuffer* buffer = nullptr;
  for (std::size_t size = 1; size <= 300'000; ++size) {
    ASSERT_TRUE(add(pool, buffer, 1, 'x'));
    ASSERT_LE(pool.held_bytes(), size + size / 10 + 160) << size;
  }
  pool.recycle(buffer);
  EXPECT_EQ(pool.held_bytes(), 0U) << "big buffers are freed";
}

TEST(AssemblyPool, TakesNoMoreThanAFrameCanEverHold) {
  AssemblyPool pool(no_end);
  AssemblyBuffer* buffer = nullptr;
  ASSERT_TRUE(add(pool, buffer, 100, 'x', 101));
  EXPECT_EQ(buffer->capacity(), 101U);
  pool.recycle(buffer);
}

TEST(AssemblyPool, ReusesSmallBuffersUpToItsCeiling) {
  AssemblyPool pool(no_end);
  std::vector<AssemblyBuffer*> buffers(1000, nullptr);
  for (auto& buffer : buffers) ASSERT_TRUE(add(pool, buffer, 2000, 'x'));
  for (auto* buffer : buffers) pool.recycle(buffer);
  EXPECT_GT(pool.cached_bytes(), limits::assembly_cached_bytes_max - 4000);
  EXPECT_LE(pool.cached_bytes(), limits::assembly_cached_bytes_max);
  EXPECT_EQ(pool.held_bytes(), pool.cached_bytes());
  AssemblyBuffer* again = nullptr;
  const std::size_t before = pool.held_bytes();
  ASSERT_TRUE(add(pool, again, 2000, 'y'));
  EXPECT_EQ(pool.held_bytes(), before) << "taken from the cache";
  EXPECT_EQ(again->payload().size(), 2000U);
  pool.recycle(again);
}

TEST(AssemblyPool, RefusesToCrossItsCeilingAndLeavesTheBuffer) {
  AssemblyPool pool(10'000);
  AssemblyBuffer* buffer = nullptr;
  ASSERT_TRUE(add(pool, buffer, 5000, 'x'));
  EXPECT_FALSE(add(pool, buffer, 5000, 'y'));
  EXPECT_FALSE(add(pool, buffer, no_end - 5001, 'y')) << "no wrap";
  EXPECT_EQ(buffer->payload().size(), 5000U);
  AssemblyBuffer* other = nullptr;
  EXPECT_FALSE(add(pool, other, 5000, 'z'));
  EXPECT_EQ(other, nullptr);
  EXPECT_LE(pool.held_bytes(), 10'000U);
  pool.recycle(buffer);
}

TEST(AssemblyPool, KeepsACachedBufferThatCouldNotGrow) {
  AssemblyPool pool(10'000);
  AssemblyBuffer* small = nullptr;
  ASSERT_TRUE(add(pool, small, 2000, 'x'));
  pool.recycle(small);
  const std::size_t cached = pool.cached_bytes();
  AssemblyBuffer* large = nullptr;
  EXPECT_FALSE(add(pool, large, 20'000, 'y'));
  EXPECT_EQ(large, nullptr);
  EXPECT_EQ(pool.cached_bytes(), cached);
  EXPECT_EQ(pool.held_bytes(), cached);
}

TEST(AssemblyPool, WhatIsCachedGivesWayBeforeTheCeilingRefuses) {
  AssemblyPool pool(10'000);
  std::vector<AssemblyBuffer*> buffers(4, nullptr);
  for (auto& buffer : buffers) ASSERT_TRUE(add(pool, buffer, 2000, 'x'));
  for (auto* buffer : buffers) pool.recycle(buffer);
  AssemblyBuffer* large = nullptr;
  EXPECT_TRUE(add(pool, large, 8500, 'y'));
  pool.recycle(large);
}

}  // namespace
}  // namespace ringgate::ws
