#include "dispatch/device_record.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate::dispatch {
namespace {

TEST(StoredId, KeepsIdsOfEveryLengthAndReplacesThem) {
  StoredId id;
  EXPECT_EQ(id.view(), "");
  for (std::size_t size = 1; size <= 128; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    id.set(text);
    ASSERT_EQ(id.view(), text);
  }
  for (const std::size_t size : {128U, 15U, 16U, 1U, 16U, 15U}) {
    const std::string text(size, 'z');
    id.set(text);
    ASSERT_EQ(id.view(), text);
  }
  id.clear();
  EXPECT_EQ(id.view(), "");
  id.clear();
}

TEST(StoredId, CopiesItsText) {
  std::string text(40, 'a');
  StoredId id;
  id.set(text);
  text.assign(40, 'b');
  EXPECT_EQ(id.view(), std::string(40, 'a'));
  id.clear();
}

TEST(Milliseconds32, DifferencesAreRightAcrossTheWrap) {
  constexpr TimeNs wrap = (TimeNs{1} << 32) * nanoseconds_per_millisecond;
  const Milliseconds32 before = to_milliseconds(wrap - 5 * nanoseconds_per_millisecond);
  const Milliseconds32 after = to_milliseconds(wrap + 7 * nanoseconds_per_millisecond);
  EXPECT_EQ(after - before, 12U);
}

}  // namespace
}  // namespace ringgate::dispatch
