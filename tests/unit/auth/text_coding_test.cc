#include "auth/text_coding.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace ringgate::auth {
namespace {

std::optional<std::string> decoded(std::string_view text, Base64 kind, std::size_t room = 64) {
  std::vector<std::uint8_t> out(room);
  const auto size = decode_base64(text, kind, out);
  if (!size) return std::nullopt;
  return std::string(text_of(ByteView(out).first(*size)));
}

TEST(Base64, HasTheTestVectorsOfTheRfc) {  // RFC 4648 section 10
  const std::vector<std::array<const char*, 2>> vectors{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(encode_base64(bytes_of(plain), Base64::standard), text);
    EXPECT_EQ(decoded(text, Base64::standard), plain);
    std::string bare = text;
    while (bare.ends_with('=')) bare.pop_back();
    EXPECT_EQ(encode_base64(bytes_of(plain), Base64::url), bare);
    EXPECT_EQ(decoded(bare, Base64::url), plain);
  }
}

TEST(Base64, CarriesEveryByteAtEveryPlace) {
  for (unsigned value = 0; value < 256; ++value) {
    for (std::size_t at = 0; at < 5; ++at) {
      std::string bytes = "\x01\xfe\x7f\x80\x00";
      bytes.resize(5);
      bytes[at] = static_cast<char>(value);
      for (const Base64 kind : {Base64::standard, Base64::url})
        EXPECT_EQ(decoded(encode_base64(bytes_of(bytes), kind), kind), bytes);
    }
  }
}

TEST(Base64, HasOneTextPerValue) {
  for (const char* text :
       {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "Z===", "Zg==Zg==", " Zg==", "Zg==\n", "Zm-_", "====", "Zm=v"})
    EXPECT_EQ(decoded(text, Base64::standard), std::nullopt) << text;
  for (const char* text : {"Zg==", "Zh", "Zm9", "Z", "Zm+/"}) EXPECT_EQ(decoded(text, Base64::url), std::nullopt) << text;
  EXPECT_EQ(decoded("Zm9v", Base64::standard, 2), std::nullopt);
  EXPECT_EQ(decoded("Zm9v", Base64::standard, 3), "foo");
}

TEST(Hex, IsExactlyAsLongAsItsBytes) {
  std::array<std::uint8_t, 3> out{};
  EXPECT_TRUE(decode_hex("00fFa5", out));
  EXPECT_EQ(encode_hex(out), "00ffa5");
  for (const char* text : {"", "00ffa", "00ffa50", "00ffg5", "0x00ff", "00 fa5"}) EXPECT_FALSE(decode_hex(text, out)) << text;
}

TEST(PercentEncoding, IsTakenBackByDecodingOnce) {
  std::string all;
  for (unsigned value = 0; value < 256; ++value) all += static_cast<char>(value);
  EXPECT_EQ(percent_decoded(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a b%41#"), "a%20b%2541%23");
  EXPECT_EQ(percent_decoded("%2541"), "%41");
  for (const char* text : {"%", "%4", "%4g", "a%"}) EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
}

TEST(Token68, IsTheAlphabetOfCredentials) {
  for (const char* text : {"a", "Zg==", "-._~+/09azAZ", "a="}) EXPECT_TRUE(is_token68(text)) << text;
  for (const char* text : {"", "=", "a b", "a=b", "a,b", "a\n", "a\"", "a%20", "\x80"}) EXPECT_FALSE(is_token68(text)) << text;
}

}  // namespace
}  // namespace ringgate::auth
