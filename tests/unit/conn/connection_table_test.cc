#include "conn/connection_table.h"

#include <gtest/gtest.h>

namespace ringgate::conn {
namespace {

TEST(ConnectionTable, StaleReferencesFindNobody) {
  ConnectionTable table(4);
  Connection* const first = table.open(2);
  ASSERT_NE(first, nullptr);
  const std::uint32_t generation = first->generation;
  EXPECT_NE(generation, 0U);
  EXPECT_EQ(table.find(2, generation), first);
  EXPECT_EQ(table.find(2, generation + 1), nullptr);
  EXPECT_EQ(table.find(1, generation), nullptr);
  EXPECT_EQ(table.find(4, generation), nullptr) << "beyond the table";
  first->state = State::terminating;
  table.release(*first);
  EXPECT_EQ(table.find(2, generation), nullptr);
  Connection* const second = table.open(2);
  EXPECT_EQ(second, first) << "a record's address never changes";
  EXPECT_EQ(second->generation, generation + 1);
  EXPECT_EQ(table.find(2, generation), nullptr);
  EXPECT_EQ(table.slot_of(*second), 2U);
}

TEST(ConnectionTable, GenerationSkipsZeroWhenItWraps) {
  ConnectionTable table(1);
  Connection* connection = table.open(0);
  connection->generation = UINT32_MAX;
  connection->state = State::terminating;
  table.release(*connection);
  EXPECT_EQ(table.open(0)->generation, 1U);
}

TEST(ConnectionTable, CountsWhatIsUsedAndWasEverUsed) {
  ConnectionTable table(8);
  EXPECT_EQ(table.open(8), nullptr);
  Connection* const high = table.open(5);
  table.open(1);
  EXPECT_EQ(table.used_count(), 2U);
  EXPECT_EQ(table.high_water(), 6U);
  high->state = State::terminating;
  table.release(*high);
  EXPECT_EQ(table.used_count(), 1U);
  EXPECT_EQ(table.high_water(), 6U);
}

}  // namespace
}  // namespace ringgate::conn
