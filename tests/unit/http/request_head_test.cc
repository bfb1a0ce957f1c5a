#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "request_samples.h"

namespace ringgate::http {
namespace {

class RequestViewTest : public testing::Test {
 protected:
  RequestView view_of(std::initializer_list<std::string_view> lines) {
    request_ = request_with(lines);
    parser_.reset();
    EXPECT_EQ(parse(parser_, request_).status, HeadStatus::complete);
    return parser_.view(bytes_of(request_));
  }

  std::vector<std::string> members_of(const RequestView& view, std::string_view name) {
    std::vector<std::string> members;
    ListReader reader{view, name};
    while (const auto member = reader.next()) members.emplace_back(*member);
    return members;
  }

 private:
  std::string request_;
  RequestHeadParser parser_;
};

TEST_F(RequestViewTest, ReadsAListOverSeveralLines) {
  const RequestView view =
      view_of({"Connection: ,, keep-alive ,\t", "X: no", "CONNECTION: Upgrade,", "Connection:", "connection: x"});
  EXPECT_EQ(members_of(view, "connection"), (std::vector<std::string>{"keep-alive", "Upgrade", "x"}));
  EXPECT_EQ(members_of(view, "absent"), std::vector<std::string>{});
}

TEST_F(RequestViewTest, MatchesWholeTokensIgnoringCase) {
  const RequestView view = view_of({"Connection: upgradee, not-upgrade, Upgrad", "Upgrade: h2c, WebSocket"});
  EXPECT_FALSE(view.list_has_token("Connection", "upgrade"));
  EXPECT_TRUE(view.list_has_token("Upgrade", "websocket"));
}

TEST_F(RequestViewTest, CountsLinesOfAName) {
  const RequestView view = view_of({"A: 1", "a: 2", "AA: 3"});
  EXPECT_EQ(view.count_fields("A"), 2U);
  EXPECT_EQ(view.field("A"), "1");
  EXPECT_EQ(view.field("aa"), "3");
  EXPECT_EQ(view.field("B"), std::nullopt);
  EXPECT_EQ(view.count_fields("B"), 0U);
}

// Lengths of names are told apart by a bit each, but for long ones, which share one. A later head knows nothing of an earlier one.
TEST_F(RequestViewTest, FindsNamesOfEveryLength) {
  for (std::size_t length = 1; length <= 130; ++length) {
    const std::string name(length, 'n'), upper(length, 'N'), longer(length + 1, 'n');
    const RequestView view = view_of({name + ": 1", upper + ": 2"});
    EXPECT_EQ(view.field(name), "1") << length;
    EXPECT_EQ(view.count_fields(name), 2U) << length;
    EXPECT_EQ(view.field(longer), std::nullopt) << length;
    if (length == 1) continue;  // a name is not empty
    EXPECT_EQ(view.field(name.substr(1)), std::nullopt) << length;
  }
}

TEST_F(RequestViewTest, TakesTheAuthorityFromTheHostUnlessTheTargetHasOne) { EXPECT_EQ(view_of({}).authority(), "h"); }

}  // namespace
}  // namespace ringgate::http
