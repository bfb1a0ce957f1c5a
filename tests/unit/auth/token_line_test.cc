#include "auth/token_line.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "auth/text_coding.h"

namespace ringgate::auth {
namespace {

const std::string hash = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";  // of "foo"

std::string complaint(const std::string& line, TokenKind kind) {
  const auto read = parse_token_line(line, kind);
  return read ? "" : read.error();
}

TEST(TokenLine, OfADeviceHasItsFields) {
  const auto line =
      parse_token_line(hash + " device=pump%207 name=cellar expires=2027-01-31T12:34:56Z", TokenKind::device).value();
  EXPECT_EQ(line.hash, sha256(bytes_of("foo")));
  EXPECT_EQ(line.device, "pump 7");
  EXPECT_EQ(line.name, "cellar");
  EXPECT_EQ(line.expires_at, 1801398896);
  const auto group = parse_token_line(hash + " group=berlin prefix=b-", TokenKind::device).value();
  EXPECT_EQ(std::pair(group.group, group.prefix), std::pair(std::string("berlin"), std::string("b-")));
  EXPECT_EQ(group.expires_at, never);
}

TEST(TokenLine, OfABackendHasItsFields) {
  const auto line =
      parse_token_line(hash + " name=billing scopes=read,push prefix=b- group=g route=/ws expires=5", TokenKind::admin).value();
  EXPECT_EQ(line.name, "billing");
  EXPECT_TRUE(line.scopes.has(Scope::push) && line.scopes.has(Scope::read) && !line.scopes.has(Scope::admin));
  EXPECT_EQ(line.prefix + line.group + line.route, "b-g/ws");
  EXPECT_EQ(line.expires_at, 5);
}

TEST(TokenLine, IsReadAsItWasPrinted) {
  TokenLine device{sha256(bytes_of("x")), "a name", "ids * = + | # %", "", "", "", {}, 1801398896};
  EXPECT_EQ(parse_token_line(print_token_line(device), TokenKind::device).value(), device);
  TokenLine admin{sha256(bytes_of("y")), "n", "", "g", "p=", "/a b", *Scopes::parse("admin"), never};
  EXPECT_EQ(parse_token_line(print_token_line(admin), TokenKind::admin).value(), admin);
}

TEST(TokenLine, ComplainsAboutEachFault) {
  const std::vector<std::pair<std::string, std::string>> device_lines{
      {"sha1:00 device=a", "the line does not begin with sha256:"},
      {"device=a", "the line does not begin with sha256:"},
      {"sha256:12 device=a", "sha256: is not followed by 64 hexadecimal digits"},
      {hash + "0 device=a", "sha256: is not followed by 64 hexadecimal digits"},
      {hash, "a token of devices has either device= or group="},
      {hash + " name=x", "a token of devices has either device= or group="},
      {hash + " device=a group=b", "a token of devices has either device= or group="},
      {hash + " device=a prefix=b", "prefix= is only for a token of a group"},
      {hash + " device=a device=a", "device= is given twice"},
      {hash + " device=a scopes=push", "the field scopes= is unknown, write name= expires= group= prefix= device="},
      {hash + " device=a expires=soon", "expires= is neither a time like 2027-01-31T12:00:00Z nor Unix seconds"},
      {hash + " device=" + std::string(129, 'a'), "device= is longer than 128 bytes"},
  };
  for (const auto& [line, cause] : device_lines) EXPECT_EQ(complaint(line, TokenKind::device), cause) << line;
  EXPECT_EQ(complaint(hash + " device=" + std::string(128, 'a'), TokenKind::device), "");
  const std::string scopes_fault = "a token of a backend needs scopes= with push, read or admin, joined by commas and none twice";
  const std::vector<std::pair<std::string, std::string>> admin_lines{
      {hash + " scopes=push", "a token of a backend needs name="},
      {hash + " name=a", scopes_fault},
      {hash + " name=a scopes=push,push", scopes_fault},
      {hash + " name=a scopes=push,", scopes_fault},
      {hash + " name=a scopes=write", scopes_fault},
      {hash + " name=a scopes=push route=ws", "route= is a path and begins with a slash"},
      {hash + " name=a scopes=push device=x", "the field device= is unknown, write name= expires= group= prefix= scopes= route="},
  };
  for (const auto& [line, cause] : admin_lines) EXPECT_EQ(complaint(line, TokenKind::admin), cause) << line;
}

TEST(Scopes, AreReadAsTheyWerePrinted) {
  for (const char* text : {"push", "read", "admin", "push,read", "push,admin", "read,admin", "push,read,admin"})
    EXPECT_EQ(Scopes::parse(text).value().print(), text);
  for (const char* text : {"", ",", "push,", ",push", "push,push", "PUSH", "push read"})
    EXPECT_FALSE(Scopes::parse(text)) << text;
}

TEST(NewToken, IsNewAndNoFlag) {
  std::set<std::string> tokens;
  for (int i = 0; i < 2000; ++i) {
    const std::string token = new_token();
    EXPECT_EQ(token.size(), 43U);
    EXPECT_TRUE(is_token68(token) && token.front() != '-' && token.front() != '_') << token;
    tokens.insert(token);
  }
  EXPECT_EQ(tokens.size(), 2000U);
}

}  // namespace
}  // namespace ringgate::auth
