#include "device/id_table.h"

#include <gtest/gtest.h>

namespace ringgate::device {
namespace {

TEST(IdTable, LateHelperLeavesAloneWhatWritersMadeOfTheCopy) {
  constexpr std::uint64_t index = 0x1234'5678'9ABC'DEF0;
  const std::uint64_t old_owner = ConnectionRef{1, 2, 3}.pack();
  for (const std::uint64_t since : {value_word::vacant, value_word::moved, ConnectionRef{1, 2, 4}.pack()}) {
    const auto from = IdTable::make(4096), to = IdTable::make(4096);
    std::uint64_t tag = 0;
    IdTable::Entry& entry = from->probe(index, tag);
    IdTable::Entry& copy = to->probe(index, tag);
    ASSERT_TRUE(from->claim(entry, index) && to->claim(copy, index) && from->start_move(to.get()));
    entry.value = old_owner | value_word::frozen_bit;  // as a helper saw it before it was stopped
    copy.value = since;
    from->move(entry);
    EXPECT_EQ(copy.value, since);
    EXPECT_EQ(entry.value, value_word::moved);
  }
}

}  // namespace
}  // namespace ringgate::device
