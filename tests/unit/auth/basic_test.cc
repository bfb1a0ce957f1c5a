#include "auth/basic.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "auth/authorization.h"
#include "auth/text_coding.h"

namespace ringgate::auth {
namespace {

std::string basic(std::string_view credential) { return "Basic " + encode_base64(bytes_of(credential), Base64::standard); }

std::pair<std::string, std::string> parsed(const std::string& value) {
  BasicCredential credential;
  EXPECT_TRUE(parse_basic(value, credential).has_value()) << value;
  return {std::string(credential.user()), std::string(text_of(credential.password()))};
}
Fault fault(const std::string& value) {
  BasicCredential credential;
  return parse_basic(value, credential).error();
}
using Pair = std::pair<std::string, std::string>;

TEST(BasicCredential, IsTheExampleOfTheRfc) {  // RFC 7617 section 2
  EXPECT_EQ(parsed("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Pair("Aladdin", "open sesame"));
}

TEST(BasicCredential, IgnoresTheCaseOfTheScheme) {
  for (const char* scheme : {"basic", "BASIC", "bAsIc", "Basic  "})
    EXPECT_EQ(parsed(std::string(scheme) + " YTpi"), Pair("a", "b"));
}

TEST(BasicCredential, SplitsAtTheFirstColon) {
  EXPECT_EQ(parsed(basic("a:b:c")), Pair("a", "b:c"));
  EXPECT_EQ(parsed(basic(":")), Pair("", ""));
  EXPECT_EQ(parsed(basic("a:")), Pair("a", ""));
}

TEST(BasicCredential, CarriesEveryByteInAPassword) {
  std::string password;
  for (unsigned value = 0; value < 256; ++value) password += static_cast<char>(value);
  EXPECT_EQ(parsed(basic("CP 1:" + password)), Pair("CP 1", password));
}

TEST(BasicCredential, HasAGreatestLength) {
  const std::string user(128, 'u'), password(256, 'p');
  EXPECT_EQ(parsed(basic(user + ":" + password)), Pair(user, password));
  EXPECT_EQ(fault(basic(user + "u:p")), Fault::basic_user_too_long);
  EXPECT_EQ(fault(basic(user + "u")), Fault::basic_user_too_long);
  EXPECT_EQ(fault(basic("u:" + password + "p")), Fault::basic_password_too_long);
  EXPECT_EQ(fault("Basic " + std::string(16000, 'A')), Fault::basic_password_too_long);
}

TEST(BasicCredential, RefusesWhatIsNotOne) {
  EXPECT_EQ(fault("Bearer YTpi"), Fault::scheme_other);
  EXPECT_EQ(fault(basic("user")), Fault::basic_colon_missing);
  for (const char* text : {"Basic YTp", "Basic YTpi====", "Basic YTpj=", "Basic YT-i", "Basic YTo"})
    EXPECT_EQ(fault(text), Fault::basic_encoding) << text;
  for (const char* text :
       {"", "Basic", "Basic ", "YTpi", "Basic YTpi YTpi", "Basic YTpi,", "Basic\tYTpi", "Basic YTpi ", " Basic YTpi"})
    EXPECT_EQ(fault(text), Fault::authorization_malformed) << text;
}

TEST(BearerToken, IsWhatFollowsTheScheme) {
  EXPECT_EQ(bearer_token("Bearer abc.d-e_f~+/=="), "abc.d-e_f~+/==");
  EXPECT_EQ(bearer_token("bearer x"), "x");
  EXPECT_EQ(bearer_token("Basic x").error(), Fault::scheme_other);
  for (const char* text : {"Bearer", "Bearer x y", "Bearer a=b", "Bearer \"x\""})
    EXPECT_EQ(bearer_token(text).error(), Fault::authorization_malformed) << text;
}

}  // namespace
}  // namespace ringgate::auth
