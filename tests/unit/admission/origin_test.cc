#include "admission/origin.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "../http/request_samples.h"

namespace ringgate::admission {
namespace {

constexpr std::array<std::string_view, 3> allowed{"https://good.example", "https://good.example:8443", "http://plain.example:80"};

bool passes(const std::string& origin, const OriginRule& rule) {
  const std::string request = http::request_with({"Origin: " + origin});
  http::RequestHeadParser parser;
  EXPECT_EQ(parse(parser, request).status, http::HeadStatus::complete);
  return check_origin(parser.view(bytes_of(request)), rule).has_value();
}

TEST(OriginList, MatchesSchemeHostAndPort) {
  const OriginRule rule{.policy = OriginPolicy::list, .allowed = allowed};
  for (const char* origin : {"https://good.example", "https://GOOD.example", "https://good.example:8443",
                             "https://good.example:443", "http://plain.example", "HTTP://plain.example:80"}) {
    EXPECT_TRUE(passes(origin, rule)) << origin;
  }
  for (const char* origin : {"null", "file://", "", "https://good.example.evil.com", "https://evilgood.example",
                             "https://good.example@evil", "http://good.example", "https://good.example:444", "http://h",
                             "https://good.example:80", "https://plain.example", "http://plain.example:443"}) {
    EXPECT_FALSE(passes(origin, rule)) << origin;
  }
}

TEST(OriginList, LetsPagesWithoutAnOriginPassIfThatVeryTextIsListed) {
  static constexpr std::array<std::string_view, 2> opaque{"null", "file://"};
  const OriginRule rule{.policy = OriginPolicy::list, .allowed = opaque};
  EXPECT_TRUE(passes("null", rule));
  EXPECT_TRUE(passes("file://", rule));
  for (const char* origin : {"", "nul", "null://", "file:///", "file://h", "http://null", "file:"})
    EXPECT_FALSE(passes(origin, rule)) << origin;
}

TEST(OriginList, RefusesEveryOriginIfEmpty) { EXPECT_FALSE(passes("http://h", {.policy = OriginPolicy::list, .allowed = {}})); }

TEST(OriginOff, LetsEveryOriginPass) {
  for (const char* origin : {"null", "", "http://evil"})
    EXPECT_TRUE(passes(origin, {.policy = OriginPolicy::off, .allowed = {}}));
}

TEST(OriginSameHost, TakesTheAuthorityOfAnAbsoluteTarget) {
  const std::string request = "GET http://A:80/ws HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\n\r\n";
  http::RequestHeadParser parser;
  ASSERT_EQ(parse(parser, request).status, http::HeadStatus::complete);
  EXPECT_TRUE(check_origin(parser.view(bytes_of(request)), {}));
}

}  // namespace
}  // namespace ringgate::admission
