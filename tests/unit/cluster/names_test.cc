#include "cluster/names.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace ringgate::cluster {
namespace {

TEST(TokenOf, KeepsPlainIdsAndEncodesAllOthers) {
  EXPECT_EQ(token_of("pump-7_A"), "pump-7_A");
  EXPECT_EQ(token_of("a..b"), "=YS4uYg");
  EXPECT_EQ(token_of("*"), "=Kg");
  EXPECT_EQ(token_of(">"), "=Pg");
  EXPECT_EQ(token_of("a b"), "=YSBi");
  EXPECT_EQ(token_of(std::string(64, 'x')), std::string(64, 'x'));
  EXPECT_EQ(token_of(std::string(128, 'x')).size(), 1 + 171U);
}

TEST(TokenOf, IsRightForOneIdOnly) {
  std::set<std::string> seen;
  const std::vector<std::string> ids{"a", "=YQ", "a.b", "=YS5i", std::string(64, 'x'), std::string(65, 'x'), "\xc3\xa4", " "};
  for (const std::string& id : ids) {
    const std::string token = token_of(id);
    EXPECT_TRUE(seen.insert(token).second) << id;
    EXPECT_EQ(id_of(token), id);
    EXPECT_EQ(token.find_first_of(" .*>\r\n"), std::string::npos) << token;
  }
}

TEST(IdOf, RefusesWhatNobodyWrites) {
  for (const char* token : {"", "=", "a.b", "=YQ", "=YQ==", "=!!", "=YS5", "a b", "*"})
    EXPECT_EQ(id_of(token), std::nullopt) << token;
}

TEST(Names, TellWhatASubjectIs) {
  const Names names("prod", "gate-1", 0x1234);
  EXPECT_EQ(names.device("pump.7"), "ringgate.prod.d.=cHVtcC43");
  EXPECT_EQ(names.id_of_device("ringgate.prod.d.=cHVtcC43"), "pump.7");
  EXPECT_EQ(names.id_of_device("ringgate.prod.n.gate-2"), std::nullopt);
  EXPECT_EQ(names.id_of_device("ringgate.other.d.pump"), std::nullopt);
  EXPECT_EQ(names.answer(255), "_INBOX.gate-1-0000000000001234.00000000000000ff");
  EXPECT_EQ(names.number_of_answer(names.answer(255)), 255U);
  for (const char* end : {"", "ff", "00000000000000FF", "00000000000000ff1", "00000000000000f "})
    EXPECT_EQ(names.number_of_answer("_INBOX.gate-1-0000000000001234." + std::string(end)), std::nullopt) << end;
  EXPECT_EQ(names.number_of_answer("_INBOX.gate-1-0000000000001235.00000000000000ff"), std::nullopt) << "of another run";
}

}  // namespace
}  // namespace ringgate::cluster
