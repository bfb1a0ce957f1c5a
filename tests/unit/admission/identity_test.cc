#include "admission/identity.h"

#include "admission/path_pattern.h"

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

TEST(DeviceId, HoldsMoreBytesInTheWiderAlphabets) {
  const std::string strict = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:@-";
  const std::string ocpp = strict + "*=+| ";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string id{'a', c, 'a'};
    EXPECT_EQ(is_valid_device_id(id, IdCharacters::ocpp), ocpp.find(c) != std::string::npos) << byte;
    const bool printable = byte >= 0x20 && byte <= 0x7E && std::string_view{"/?#%\"'`"}.find(c) == std::string_view::npos;
    EXPECT_EQ(is_valid_device_id(id, IdCharacters::printable), printable) << byte;
  }
}

TEST(PathPattern, HasOneWholeSegmentForTheId) {
  for (const char* text : {"/ws", "/{id}", "/ocpp/{id}", "/{id}/ws", "/a/{id}/b"})
    EXPECT_TRUE(PathPattern::is_valid_pattern(text)) << text;
  for (const char* text : {"{id}", "/a{id}", "/{id}b", "/{id}/{id}", "/{ID}", "/{id", "/id}", "/{}/a", "/{id}{id}", "/{/{id}"})
    EXPECT_FALSE(PathPattern::is_valid_pattern(text)) << text;
  EXPECT_EQ(PathPattern("/{id}/x").match("/a/x"), "a");
  EXPECT_EQ(PathPattern("/{id}/x").match("/a/y"), std::nullopt);
  EXPECT_EQ(PathPattern("/x").match("/x"), "");
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
  for (const char* text : {"", "query", "query:", "header:", "header:a b", "jwt:", "jwt:a b", "tls:", "tls:ou", "basic:password",
                           "path:x", "Path", "Query:x", "query:a b", "query:\xc3\xa9", "query"}) {
    EXPECT_FALSE(parse_id_source(text)) << text;
  }
  EXPECT_EQ(parse_id_source("path")->kind, IdSource::Kind::path);
  EXPECT_EQ(parse_id_source("basic:user")->kind, IdSource::Kind::basic_user);
  EXPECT_EQ(parse_id_source("jwt:sub")->kind, IdSource::Kind::jwt_claim);
  EXPECT_EQ(parse_id_source("jwt:sub")->name, "sub");
  EXPECT_EQ(parse_id_source("tls:cn")->kind, IdSource::Kind::tls_common_name);
  EXPECT_EQ(parse_id_source("tls:san")->kind, IdSource::Kind::tls_alternative_name);
  for (const char* claimed : {"query:a", "header:a", "path"}) EXPECT_TRUE(parse_id_source(claimed)->is_claimed()) << claimed;
  for (const char* proven : {"basic:user", "jwt:a", "tls:cn", "tls:san"})
    EXPECT_FALSE(parse_id_source(proven)->is_claimed()) << proven;
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
