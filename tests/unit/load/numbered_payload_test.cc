#include "load/numbered_payload.h"

#include <gtest/gtest.h>

namespace ringgate::load {
namespace {

TEST(NumberedPayload, SaysWhatItWasGiven) {
  Random random(3);
  for (std::size_t size = numbered_payload_bytes_min; size < 100; ++size) {
    const PayloadNumber number{0xfffffff0U + static_cast<std::uint32_t>(size % 16), random.next()};
    const std::string payload = make_numbered_payload(number, size, random);
    ASSERT_EQ(payload.size(), size);
    EXPECT_EQ(read_numbered_payload(bytes_of(payload)), number);
  }
}

TEST(NumberedPayload, NoticesEveryFlippedBitAndEveryCut) {
  Random random(4);
  std::string payload = make_numbered_payload({7, 12}, 67, random);
  for (std::size_t bit = 0; bit < 8 * payload.size(); ++bit) {
    const char flip = static_cast<char>(1 << (bit % 8));
    payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ flip);
    EXPECT_EQ(read_numbered_payload(bytes_of(payload)), std::nullopt) << bit;
    payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ flip);
  }
  for (std::size_t size = 0; size < payload.size(); ++size)
    EXPECT_EQ(read_numbered_payload(bytes_of(payload).first(size)), std::nullopt) << size;
}

}  // namespace
}  // namespace ringgate::load
