#include "tls/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <sstream>

#include "support/tls/certificate_maker.h"

namespace ringgate::tls {
namespace {

using test::CertificateMaker;
using testing::ElementsAre;
using testing::HasSubstr;

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Certificates : testing::Test {
  CertificateMaker maker;
  std::int64_t now = std::time(nullptr);

  std::string file(const std::string& name, const std::string& text) const {
    const std::string path = maker.folder() / name;
    std::ofstream(path) << text;
    return path;
  }
  std::string error(const std::string& certificate, const std::string& key) const {
    const auto loaded = load_identity(certificate, key, now);
    return loaded ? "none" : loaded.error();
  }
};

TEST_F(Certificates, AreReadWithNamesAndDate) {
  const auto files = maker.make("one", {.names = {"Gate.Test", "*.gate.test"}});
  const auto identity = load_identity(files.certificate, files.key, now);
  ASSERT_TRUE(identity) << identity.error();
  EXPECT_THAT(identity->names, ElementsAre("gate.test", "*.gate.test"));
  EXPECT_NEAR(static_cast<double>(identity->expires), static_cast<double>(now + 90 * 86'400), 10);
  EXPECT_TRUE(identity->chain.empty());
}

TEST_F(Certificates, WithoutAlternativeNamesHaveTheirCommonName) {
  const auto files = maker.make("common.test", {.names = {}});
  EXPECT_THAT(load_identity(files.certificate, files.key, now).value().names, ElementsAre("common.test"));
}

TEST_F(Certificates, StandBeforeTheirIssuers) {
  const auto files = maker.make("one");
  const auto other = maker.make("other");
  const std::string chain = file("chain.pem", contents(files.certificate) + contents(maker.root_file()));
  EXPECT_EQ(load_identity(chain, files.key, now).value().chain.size(), 1U);
  const std::string wrong = file("wrong.pem", contents(files.certificate) + contents(other.certificate));
  EXPECT_THAT(error(wrong, files.key), HasSubstr("did not issue"));
  const std::string turned = file("turned.pem", contents(maker.root_file()) + contents(files.certificate));
  EXPECT_THAT(error(turned, files.key), HasSubstr("is not the key of"));
}

TEST_F(Certificates, ThatCannotServeAreRefusedWithTheCause) {
  const auto good = maker.make("good");
  const auto other = maker.make("other");
  const auto expired = maker.make("expired", {.begins_in = -7200, .ends_in = -3600});
  const auto future = maker.make("future", {.begins_in = 3600});
  EXPECT_EQ(error(good.certificate, good.key), "none");
  EXPECT_THAT(error(good.certificate, other.key), HasSubstr("other.key is not the key of"));
  EXPECT_THAT(error(expired.certificate, expired.key), HasSubstr("expired on 20"));
  EXPECT_THAT(error(future.certificate, future.key), HasSubstr("is not valid before 20"));
  EXPECT_THAT(error("/nowhere.pem", good.key), HasSubstr("/nowhere.pem cannot be read: No such file"));
  EXPECT_THAT(error(good.certificate, "/nowhere.key"), HasSubstr("/nowhere.key cannot be read: No such file"));
  EXPECT_THAT(error(good.key, good.key), HasSubstr("holds no certificate"));
  EXPECT_THAT(error(good.certificate, good.certificate), HasSubstr("holds no private key"));
  std::string broken = contents(good.certificate);
  broken.insert(broken.size() / 2, "!");
  EXPECT_THAT(error(file("broken.pem", broken), good.key), HasSubstr("holds a broken certificate"));
  EXPECT_THAT(error(file("half.pem", contents(good.certificate) + broken), good.key), HasSubstr("holds a broken certificate"));
}

TEST_F(Certificates, MatchNames) {
  EXPECT_TRUE(matches_name("gate.test", "gate.test"));
  EXPECT_FALSE(matches_name("gate.test", "a.gate.test"));
  EXPECT_TRUE(matches_name("*.gate.test", "a.gate.test"));
  EXPECT_FALSE(matches_name("*.gate.test", "a.b.gate.test"));
  EXPECT_FALSE(matches_name("*.gate.test", "gate.test"));
  EXPECT_FALSE(matches_name("*.gate.test", ".gate.test"));
}

}  // namespace
}  // namespace ringgate::tls
