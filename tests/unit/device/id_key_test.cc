#include "device/id_key.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "device/reference.h"

namespace ringgate::device {
namespace {

KeyedHash::Secret secret_of(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  KeyedHash::Secret secret;
  for (auto& byte : secret) byte = static_cast<std::uint8_t>(random());
  return secret;
}

TEST(ConnectionRef, SurvivesPackingAtItsLimits) {
  for (const auto shard : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{254}}) {
    for (const std::uint32_t slot : {0U, 1U, limits::slots_per_shard_max}) {
      for (const std::uint32_t generation : {1U, 2U, 0xFFFF'FFFFU}) {
        const ConnectionRef ref{shard, slot, generation};
        EXPECT_NE(ref.pack(), 0U);
        EXPECT_EQ(ConnectionRef::unpack(ref.pack()), ref);
      }
    }
  }
}

TEST(ConnectionRef, RefusesToPackWhatNamesNobody) {
  EXPECT_DEATH((ConnectionRef{0, 0, 0}.pack()), "assertion");
  EXPECT_DEATH((ConnectionRef{255, 0, 1}.pack()), "assertion");
  EXPECT_DEATH((ConnectionRef{0, limits::slots_per_shard_max + 1, 1}.pack()), "assertion");
}

TEST(KeyedHash, DependsOnEveryCharacterAndOnTheSecret) {
  const KeyedHash one(secret_of(1)), two(secret_of(2));
  EXPECT_EQ(one("abc123"), one(std::string("abc123")));
  EXPECT_NE(one("abc123"), two("abc123"));
  std::set<std::uint64_t> indices, checks;
  std::string id;
  for (std::size_t length = 0; length <= 128; ++length, id.push_back('a')) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string changed = id;
      changed[at] = 'b';
      indices.insert(one(changed).index);
      checks.insert(one(changed).check);
    }
  }
  EXPECT_EQ(indices.size(), 128U * 129U / 2U);
  EXPECT_EQ(checks.size(), indices.size());
}

TEST(KeyedHash, LeavesTheMapItsTags) {
  const KeyedHash hash(secret_of(3));
  for (int id = 0; id < 10'000; ++id) EXPECT_GE(hash(std::to_string(id)).index, IdKey::index_min);
}

}  // namespace
}  // namespace ringgate::device
