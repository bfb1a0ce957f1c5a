#include "conn/turn_output.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ringgate::conn {
namespace {

TEST(TurnArena, HandsOutDisjointMemoryOfAnySize) {
  TurnArena arena;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::pair<std::uint8_t*, std::size_t>> given;
    for (const std::size_t size :
         {std::size_t{1}, TurnArena::block_bytes - 1, std::size_t{2}, 3 * TurnArena::block_bytes, std::size_t{7}}) {
      given.emplace_back(arena.allocate(size), size);
      std::memset(given.back().first, static_cast<int>(given.size()), size);
    }
    for (std::size_t i = 0; i < given.size(); ++i) {
      EXPECT_EQ(given[i].first[0], i + 1);
      EXPECT_EQ(given[i].first[given[i].second - 1], i + 1);
    }
    arena.reset();
  }
}

TEST(TurnArena, ContinuesRightBehindTheLastAllocationWhileTheBlockHasRoom) {
  TurnArena arena;
  const std::uint8_t* const first = arena.allocate(10);
  EXPECT_EQ(arena.allocate(5), first + 10);
  EXPECT_NE(arena.allocate(TurnArena::block_bytes), first + 15);
}

TEST(TurnOutput, GrowsJoinedPiecesIntoTheirRoomAndNoFurther) {
  TurnOutput output;
  std::uint8_t bytes[10] = {};
  output.add({bytes, 4, {}});
  EXPECT_EQ(output.take_room(1), nullptr) << "nothing was joined";
  output.room_end = bytes + 10;
  EXPECT_EQ(output.take_room(5), bytes + 4);
  EXPECT_EQ(output.bytes, 9U);
  EXPECT_EQ(output.pieces[0].size, 9U);
  EXPECT_EQ(output.take_room(2), nullptr) << "too little is left";
  EXPECT_EQ(output.take_room(1), bytes + 9);
  EXPECT_EQ(output.take_room(1), nullptr);

  output.room_end = bytes + 10;
  std::uint8_t other = 0;
  output.add({&other, 1, {}});
  EXPECT_EQ(output.take_room(0), nullptr) << "another piece stands behind";
  output.clear();
  EXPECT_EQ(output.room_end, nullptr);
}

TEST(TurnOutput, SumsItsPiecesAndForgetsThemAll) {
  TurnOutput output;
  std::uint8_t bytes[4] = {};
  EXPECT_EQ(output.last(), nullptr);
  for (std::size_t i = 0; i < ring::Ring::pieces_max; ++i) {
    EXPECT_FALSE(output.full());
    output.add({bytes, 4, {}});
  }
  EXPECT_TRUE(output.full());
  EXPECT_EQ(output.bytes, 4 * ring::Ring::pieces_max);
  output.clear();
  EXPECT_EQ(output.bytes, 0U);
  EXPECT_EQ(output.slot, TurnOutput::no_slot);
  EXPECT_EQ(output.last(), nullptr);
}

TEST(TurnOutput, GivesRoomUpToItsEndOnly) {
  std::uint8_t memory[16];
  TurnOutput output;
  output.add_bytes(memory, 4);
  output.room_end = memory + 8;
  EXPECT_EQ(output.take_room(3), memory + 4);
  EXPECT_EQ(output.take_room(2), nullptr);
  EXPECT_EQ(output.take_room(1), memory + 7);
  EXPECT_EQ(output.take_room(1), nullptr);
  EXPECT_EQ(output.bytes, 8U);
}

TEST(TurnOutput, HasNoRoomOnceItsOnlyPieceGrewBeyondTheRoom) {
  std::uint8_t memory[16];
  TurnOutput output;
  output.add_bytes(memory, 4);
  output.room_end = memory + 8;
  ASSERT_NE(output.take_room(4), nullptr);  // used up to the last byte
  output.extend_last(4);                    // what was allocated next happened to lie right behind
  EXPECT_EQ(output.bytes, 12U);
  EXPECT_EQ(output.take_room(1), nullptr);
}

}  // namespace
}  // namespace ringgate::conn
