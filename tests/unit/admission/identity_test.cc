#include "admission/identity.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ringgate::admission {
namespace {

TEST(DeviceId, HoldsJustTheBytesOfItsAlphabet) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:@-";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string id{'a', static_cast<char>(byte)};
    EXPECT_EQ(is_valid_device_id(id), alphabet.find(static_cast<char>(byte)) != std::string_view::npos) << byte;
  }
}

TEST(DeviceId, IsOneTo128BytesAndNoDirectory) {
  EXPECT_FALSE(is_valid_device_id(""));
  EXPECT_TRUE(is_valid_device_id("a"));
  EXPECT_TRUE(is_valid_device_id(std::string(128, 'a')));
  EXPECT_FALSE(is_valid_device_id(std::string(129, 'a')));
  EXPECT_FALSE(is_valid_device_id("."));
  EXPECT_FALSE(is_valid_device_id(".."));
  EXPECT_TRUE(is_valid_device_id("anon-x"));
}

TEST(IdSource, IsReadFromItsConfiguredText) {
  const auto query = parse_id_source("query:deviceId");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->kind, IdSource::Kind::query);
  EXPECT_EQ(query->name, "deviceId");
  const auto header = parse_id_source("header:X-Device-Id");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->kind, IdSource::Kind::header);
  EXPECT_EQ(header->name, "X-Device-Id");
  for (const char* text :
       {"", "query", "query:", "header:", "header:a b", "jwt:sub", "Query:x", "query:a b", "query:\xc3\xa9", "query"}) {
    EXPECT_FALSE(parse_id_source(text)) << text;
  }
  const std::string longest = "query:" + std::string(id_source_name_chars_max, 'n');
  EXPECT_TRUE(parse_id_source(longest));
  EXPECT_FALSE(parse_id_source(longest + "n"));
}

TEST(AnonymousId, SpendsEveryByteOfItsSeed) {
  std::array<std::uint8_t, anonymous_id_random_chars> seed{};
  const DeviceIdText plain = anonymous_device_id(seed);
  EXPECT_EQ(plain.view().size(), 31U);
  EXPECT_TRUE(plain.view().starts_with(anonymous_id_prefix));
  for (std::uint8_t& byte : seed) {
    byte = 5;
    EXPECT_NE(anonymous_device_id(seed), plain);
    byte = 0;
  }
}

}  // namespace
}  // namespace ringgate::admission
