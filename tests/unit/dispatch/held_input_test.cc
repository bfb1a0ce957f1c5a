// Input that waits: nothing is lost, others' memory is left alone, and it is seldom moved.
#include "dispatch/held_input.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ringgate::dispatch {
namespace {

std::string text_of_held(HeldInput& held) { return std::string(text_of(held.bytes())); }

TEST(HeldInput, MovesAFullSocketsWorthNowAndThenOnly) {
  constexpr int receives_count = 96;
  const std::vector<std::uint8_t> receive(std::size_t{64} * 1024, 'x');
  HeldInput held;
  int moves_count = 0;
  const std::uint8_t* at = nullptr;
  for (int i = 0; i < receives_count; ++i) {
    held.append(receive);
    if (std::exchange(at, held.bytes().data()) != held.bytes().data()) ++moves_count;
    ASSERT_LE(held.memory_bytes(), held.bytes().size() + held.bytes().size() / 2);
  }
  EXPECT_EQ(held.bytes().size(), receives_count * receive.size());
  EXPECT_LE(moves_count, 24);
}

TEST(HeldInput, AppendsBehindWhatIsLeft) {
  HeldInput held;
  held.append(bytes_of("read, left"));
  ASSERT_TRUE(held.keep(held.bytes().subspan(6)));
  held.append(bytes_of(" and more"));
  EXPECT_EQ(text_of_held(held), "left and more");
}

TEST(HeldInput, LeavesMemoryAloneThatOthersStillSee) {
  HeldInput held;
  held.append(bytes_of("lent"));
  const HeldInput::Memory lent = held.memory();
  held.append(bytes_of(" and more"));
  EXPECT_EQ(text_of_held(held), "lent and more");
  EXPECT_NE(held.memory(), lent);
  EXPECT_EQ(std::string(lent->begin(), lent->begin() + 4), "lent");
}

}  // namespace
}  // namespace ringgate::dispatch
