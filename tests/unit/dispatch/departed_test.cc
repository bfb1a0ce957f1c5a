// What is remembered of devices that left: the last time alone, of a bounded number of devices, the latest ones.
#include "dispatch/departed.h"

#include <gtest/gtest.h>

namespace ringgate::dispatch {
namespace {

device::IdKey key(std::uint64_t number) { return {.index = number + 100, .check = number}; }
Departure at(std::int64_t seconds) {
  Departure departure;
  departure.at_seconds = seconds;
  return departure;
}

TEST(DepartedDevices, TheLatestDepartureOfADeviceCounts) {
  DepartedDevices departed(100);
  EXPECT_FALSE(departed.find(key(1)));
  departed.note(key(1), at(10));
  departed.note(key(1), at(20));
  ASSERT_TRUE(departed.find(key(1)));
  EXPECT_EQ(departed.find(key(1))->at_seconds, 20);
  EXPECT_EQ(departed.count(), 1U);
  EXPECT_FALSE(departed.find({.index = key(1).index, .check = key(17).check})) << "another id of the same index";
}

TEST(DepartedDevices, TheOldestAreForgottenAndNoMoreThanTheCeilingKept) {
  constexpr std::size_t most = 64;
  DepartedDevices departed(most);
  for (std::uint64_t i = 0; i < 10 * most; ++i) departed.note(key(i), at(static_cast<std::int64_t>(i)));
  EXPECT_EQ(departed.count(), most);
  for (std::uint64_t i = 0; i < 10 * most; ++i) EXPECT_EQ(departed.find(key(i)).has_value(), i >= 9 * most) << i;
  departed.note(key(9 * most), at(0));                                                     // now the latest of its stripe
  for (std::uint64_t i = 0; i < most - 16; ++i) departed.note(key(16 * most + i), at(0));  // all but one of each stripe
  EXPECT_TRUE(departed.find(key(9 * most)));
  EXPECT_FALSE(departed.find(key(9 * most + 1)));
}

TEST(DepartedDevices, KeepsNothingIfItMay) {
  DepartedDevices departed(0);
  departed.note(key(1), at(10));
  EXPECT_FALSE(departed.keeps_any());
  EXPECT_FALSE(departed.find(key(1)));
  EXPECT_EQ(departed.count(), 0U);
}

}  // namespace
}  // namespace ringgate::dispatch
