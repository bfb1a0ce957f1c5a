#include "auth/token_file.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <thread>

#include "auth/text_coding.h"
#include "base/limits.h"
#include "temporary_folder.h"

namespace ringgate::auth {
namespace {

std::string line_of(std::string_view token, std::string_view fields) {
  return fmt::format("sha256:{} {}\n", encode_hex(sha256(bytes_of(token))), fields);
}
std::shared_ptr<const DeviceTokens> devices(const std::string& text) { return DeviceTokens::parse(text, "tokens").value(); }

TEST(DeviceTokens, AreFoundByTheToken) {
  const auto tokens = devices("# ours\n" + line_of("one", "device=pump%201 name=first") + line_of("two", "group=g prefix=p-"));
  const DeviceToken one = tokens->find("one", 0).value();
  EXPECT_EQ(one.device, "pump 1");
  EXPECT_EQ(one.name, "first");
  EXPECT_EQ(one.group, "");
  EXPECT_EQ(one.expires_at, never);
  const DeviceToken two = tokens->find("two", 0).value();
  EXPECT_EQ(two.group, "g");
  EXPECT_EQ(two.prefix, "p-");
  EXPECT_EQ(two.device, "");
  EXPECT_EQ(tokens->size(), 2U);
}

TEST(DeviceTokens, AllowTheirDevices) {
  const auto tokens = devices(line_of("one", "device=a") + line_of("two", "group=g prefix=p-") + line_of("three", "group=h"));
  const auto allows = [&](std::string_view token, std::string_view id) { return tokens->find(token, 0)->allows(id); };
  EXPECT_TRUE(allows("one", "a"));
  for (const char* id : {"", "A", "ab"}) EXPECT_FALSE(allows("one", id)) << id;
  EXPECT_TRUE(allows("two", "p-") && allows("two", "p-1"));
  for (const char* id : {"", "p", "P-1", "a"}) EXPECT_FALSE(allows("two", id)) << id;
  EXPECT_TRUE(allows("three", "anything"));
}

TEST(DeviceTokens, RefuseOthers) {
  const auto tokens = devices(line_of("one", "device=a") + line_of(std::string(256, 'l'), "device=b"));
  EXPECT_EQ(tokens->find("onf", 0).error(), Fault::token_unknown);
  EXPECT_EQ(tokens->find("on", 0).error(), Fault::token_unknown);
  EXPECT_EQ(tokens->find("One", 0).error(), Fault::token_unknown);
  EXPECT_TRUE(tokens->find(std::string(256, 'l'), 0).has_value());
  for (const std::string& token :
       {std::string(), std::string("o ne"), std::string("one\0", 4), std::string(257, 'l'), std::string("=")})
    EXPECT_EQ(tokens->find(token, 0).error(), Fault::token_malformed) << token;
  EXPECT_EQ(devices("")->find("one", 0).error(), Fault::token_unknown);
}

TEST(DeviceTokens, EndAtTheirSecond) {
  const auto tokens = devices(line_of("one", "device=a expires=1000"));
  EXPECT_EQ(tokens->find("one", 999)->expires_at, 1000);
  EXPECT_EQ(tokens->find("one", 1000).error(), Fault::token_expired);
}

TEST(AdminTokens, HaveScopesAndRestrictions) {
  const auto tokens = AdminTokens::parse(line_of("t", "name=n scopes=push,admin route=/ws group=g prefix=p"), "tokens").value();
  const AdminToken token = tokens->find("t", 0).value();
  EXPECT_EQ(token.name, "n");
  EXPECT_EQ(token.scopes, Scopes::parse("push,admin"));
  EXPECT_EQ(token.route, "/ws");
  EXPECT_EQ(token.group, "g");
  EXPECT_EQ(token.prefix, "p");
}

TEST(TokenFile, NamesFileAndLineOfAFault) {
  const auto error = [](const std::string& text) { return DeviceTokens::parse(text, "tokens").error(); };
  EXPECT_EQ(error("#\nsha256:00\n"), "tokens:2: sha256: is not followed by 64 hexadecimal digits");
  EXPECT_EQ(error(line_of("a", "device=a") + line_of("b", "device=b") + line_of("a", "device=c")),
            "tokens:3: the token of line 1 is repeated");
  EXPECT_EQ(error("\n" + line_of("a", "device=a name=x") + line_of("b", "device=a name=x")),
            "tokens:3: the name of line 2 is repeated");
  EXPECT_EQ(DeviceTokens::load("/nowhere").error(), "/nowhere cannot be read: No such file or directory");
}

TEST(TokenFile, WarnsIfOthersMayReadIt) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.file("tokens", line_of("a", "device=a"));
  EXPECT_EQ(DeviceTokens::load(file).value()->warning(), std::nullopt);
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_TRUE(DeviceTokens::load(file).value()->warning().has_value());
}

TEST(TokenFile, HoldsAMillionTokensInLittleMemory) {
  std::string text;
  text.reserve(limits::credential_lines_max * 110);
  for (std::size_t i = 0; i < limits::credential_lines_max; ++i)
    text += line_of(fmt::format("token-{}", i), fmt::format("device=device-{0:07} name=n{0}", i));
  const testing::TemporaryFolder folder;
  const auto tokens = DeviceTokens::load(folder.file("tokens", text)).value();
  EXPECT_EQ(tokens->size(), limits::credential_lines_max);
  EXPECT_LT(tokens->memory_bytes(), 100'000'000U);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{654'321}, limits::credential_lines_max - 1})
    EXPECT_EQ(tokens->find(fmt::format("token-{}", i), 0)->device, fmt::format("device-{:07}", i));
  EXPECT_EQ(tokens->find(fmt::format("token-{}", limits::credential_lines_max), 0).error(), Fault::token_unknown);
}

TEST(TokenFile, IsReadByManyThreads) {
  const auto tokens = devices(line_of("one", "device=a") + line_of("two", "device=b"));
  std::vector<std::jthread> threads;
  std::atomic<int> found = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) found += tokens->find("one", 0)->device == "a" && !tokens->find("three", 0);
    });
  }
  threads.clear();
  EXPECT_EQ(found, 4000);
}

}  // namespace
}  // namespace ringgate::auth
