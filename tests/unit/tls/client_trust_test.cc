#include "tls/client_trust.h"

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
using testing::IsEmpty;

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Trust : testing::Test {
  CertificateMaker maker;
  std::int64_t now = std::time(nullptr);

  ClientTrust::Loaded load(const std::vector<std::string>& authorities, const std::vector<std::string>& lists = {}) const {
    return ClientTrust::load(authorities, lists, now);
  }
  std::string file(const std::string& name, const std::string& text) const {
    const std::string path = maker.folder() / name;
    std::ofstream(path) << text;
    return path;
  }
};

TEST_F(Trust, KnowsWhenItsFilesEnd) {
  const auto sub = maker.make("sub", {.ends_in = 5 * 86'400, .is_authority = true});
  const auto ended = maker.make("ended", {.ends_in = -10, .is_authority = true});
  const std::string bundle = file("bundle.pem", contents(sub.certificate) + contents(ended.certificate));
  const std::string list = maker.revoke("list", {.ends_in = 3 * 86'400});
  const auto loaded = load({maker.root_file(), bundle}, {list, maker.revoke("other", {.ends_in = 2 * 86'400})});
  ASSERT_NE(loaded.trust, nullptr) << testing::PrintToString(loaded.authority_faults);
  ASSERT_EQ(loaded.trust->authority_files().size(), 2U);
  EXPECT_EQ(loaded.trust->authority_files()[1].file, bundle);
  EXPECT_NEAR(static_cast<double>(loaded.trust->authority_files()[1].expires), static_cast<double>(now + 5 * 86'400), 10);
  EXPECT_NEAR(static_cast<double>(loaded.trust->revocation_files()[0].expires), static_cast<double>(now + 3 * 86'400), 10);
  EXPECT_NEAR(static_cast<double>(loaded.trust->lists_end()), static_cast<double>(now + 2 * 86'400), 10);
}

TEST_F(Trust, NamesEveryBrokenFile) {
  const auto leaf = maker.make("leaf");
  const auto ended = maker.make("ended", {.ends_in = -10, .is_authority = true});
  const std::string half = file("half.pem", contents(maker.root_file()) + contents(maker.root_file()).substr(0, 300));
  const std::string stale = maker.revoke("stale", {.ends_in = -60});
  const auto loaded = load({maker.root_file(), "/nowhere.pem", leaf.certificate, ended.certificate, half, leaf.key},
                           {stale, maker.root_file(), "/nowhere.crl"});
  EXPECT_EQ(loaded.trust, nullptr);
  EXPECT_THAT(
      loaded.authority_faults,
      ElementsAre(HasSubstr("/nowhere.pem cannot be read: No such file"), HasSubstr("/CN=leaf is no authority's certificate"),
                  HasSubstr("ended.pem: every authority has expired"), HasSubstr("half.pem holds a broken certificate"),
                  HasSubstr("leaf.key holds no certificate")));
  EXPECT_THAT(loaded.revocation_faults,
              ElementsAre(HasSubstr("stale.pem is out of date since "), HasSubstr("root.pem holds no revocation list"),
                          HasSubstr("/nowhere.crl cannot be read")));
}

TEST_F(Trust, NeedsARoot) {
  const auto sub = maker.make("sub", {.is_authority = true});
  EXPECT_THAT(load({sub.certificate}).authority_faults, ElementsAre(HasSubstr("sub.pem holds no root")));
}

TEST_F(Trust, RefusesAListThatItsIssuerDidNotSign) {
  maker.make("sub", {.is_authority = true});
  const std::string of_stranger = maker.revoke("list", {.issuer = "sub"});
  EXPECT_THAT(load({maker.root_file()}, {of_stranger}).revocation_faults, IsEmpty()) << "its issuer may come with a client";
  const auto replaced = maker.make("sub", {.is_authority = true});  // the same name, another key
  EXPECT_THAT(load({maker.root_file(), replaced.certificate}, {of_stranger}).revocation_faults,
              ElementsAre(HasSubstr("list.pem is not signed by the key of its issuer")));
}

TEST_F(Trust, HasADigestOfWhatItHolds) {
  maker.make("client");
  const std::string first = maker.revoke("first", {});
  const std::string second = maker.revoke("second", {.revoked = {"client"}});
  const auto digest = [&](const std::vector<std::string>& lists) { return load({maker.root_file()}, lists).trust->digest(); };
  EXPECT_EQ(digest({}), digest({}));
  EXPECT_EQ(digest({first}), digest({first}));
  EXPECT_NE(digest({}), digest({first}));
  EXPECT_NE(digest({first}), digest({second}));
  EXPECT_NE(digest({first}), digest({first, second}));
}

TEST_F(Trust, TellsClientsItsNamesUnlessThereAreTooMany) {
  const auto few = load({maker.root_file()});
  ASSERT_NE(few.trust->new_names(), nullptr);
  EXPECT_EQ(sk_X509_NAME_num(few.trust->new_names().get()), 1);
  std::string bundle;
  for (int i = 0; i < 90; ++i)
    bundle += contents(
        maker.make("sub", {.subject = {{"CN", std::to_string(i) + std::string(90, 'x')}}, .is_authority = true}).certificate);
  const auto many = load({maker.root_file(), file("many.pem", bundle)});
  ASSERT_NE(many.trust, nullptr);
  EXPECT_EQ(many.trust->new_names(), nullptr);
}

TEST_F(Trust, HasACeiling) {
  const std::string one = contents(maker.root_file());
  std::string bundle;
  for (std::size_t i = 0; i < authorities_max; ++i) bundle += one;
  EXPECT_NE(load({file("most.pem", bundle)}).trust, nullptr);
  EXPECT_THAT(load({file("more.pem", bundle + one)}).authority_faults, ElementsAre(HasSubstr("more than 256 authorities")));
  const std::string list = contents(maker.revoke("list", {}));
  std::string lists;
  for (std::size_t i = 0; i <= revocation_lists_max; ++i) lists += list;
  EXPECT_THAT(load({maker.root_file()}, {file("lists.pem", lists)}).revocation_faults,
              ElementsAre(HasSubstr("more than 256 revocation lists")));
}

}  // namespace
}  // namespace ringgate::tls
