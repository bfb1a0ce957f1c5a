#include "dispatch/client_address.h"

#include <gtest/gtest.h>

#include <string>

#include "../http/request_samples.h"
#include "net/address_text.h"

namespace ringgate::dispatch {
namespace {

using Lines = std::initializer_list<std::string_view>;

/// The client as text; "torn" if the fields disagree.
std::string client(ForwardedField field, Lines lines, std::string_view peer = "10.0.0.1") {
  const auto policy = net::policy_of({.trusted = {"10.0.0.0/8"}, .forwarded = field});
  const std::string request = http::request_with(lines);
  http::RequestHeadParser parser;
  EXPECT_EQ(parse(parser, request).status, http::HeadStatus::complete);
  const auto address = client_address(*net::parse_ipv4(peer), parser.view(bytes_of(request)), *policy);
  return address ? address->text() : "torn";
}

TEST(ClientAddress, ComesFromTheFieldThatIsSet) {
  const Lines both{"X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8"};
  EXPECT_EQ(client(ForwardedField::x_forwarded_for, both), "192.0.2.7");
  EXPECT_EQ(client(ForwardedField::forwarded, both), "192.0.2.8");
  EXPECT_EQ(client(ForwardedField::off, both), "10.0.0.1");
}

TEST(ClientAddress, ComesFromTheFieldThatIsThere) {
  constexpr auto any = ForwardedField::automatic;
  EXPECT_EQ(client(any, {}), "10.0.0.1");
  EXPECT_EQ(client(any, {"x-forwarded-for: 192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(client(any, {"FORWARDED: for=192.0.2.8"}), "192.0.2.8");
  EXPECT_EQ(client(any, {"X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 10.0.0.9"}), "192.0.2.7");
}

TEST(ClientAddress, IsRefusedIfBothFieldsDisagree) {
  constexpr auto any = ForwardedField::automatic;
  EXPECT_EQ(client(any, {"X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8"}), "torn");
  EXPECT_EQ(client(any, {"X-Forwarded-For: 192.0.2.7", "Forwarded: for=_hidden"}), "torn");
  EXPECT_EQ(client(any, {"X-Forwarded-For: 192.0.2.7", "Forwarded: for=\"192.0.2.7:80\""}), "192.0.2.7:80");
  EXPECT_EQ(client(any, {"X-Forwarded-For: 192.0.2.7:90", "Forwarded: for=192.0.2.7"}), "192.0.2.7:90");
}

TEST(ClientAddress, IsThePeerUnlessThatIsTrusted) {
  for (const auto field : {ForwardedField::automatic, ForwardedField::x_forwarded_for, ForwardedField::forwarded})
    EXPECT_EQ(client(field, {"X-Forwarded-For: 198.51.100.1", "Forwarded: for=198.51.100.2"}, "192.0.2.66"), "192.0.2.66");
}

}  // namespace
}  // namespace ringgate::dispatch
