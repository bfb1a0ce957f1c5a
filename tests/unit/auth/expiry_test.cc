#include "auth/expiry.h"

#include <gtest/gtest.h>

namespace ringgate::auth {
namespace {

TEST(Expiry, ReadsRfc3339InUtcAndUnixSeconds) {
  EXPECT_EQ(parse_expiry("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_expiry("2027-01-31T12:34:56Z"), 1801398896);
  EXPECT_EQ(parse_expiry("2028-02-29T23:59:59Z"), 1835481599);
  EXPECT_EQ(parse_expiry("9999-12-31T23:59:59Z"), latest_expiry);
  EXPECT_EQ(parse_expiry("0"), 0);
  EXPECT_EQ(parse_expiry("1801398896"), 1801398896);
  EXPECT_EQ(parse_expiry("253402300799"), latest_expiry);
}

TEST(Expiry, PrintsWhatItReads) {
  for (const std::int64_t moment : {std::int64_t{0}, std::int64_t{1801398896}, std::int64_t{1835481599}, latest_expiry})
    EXPECT_EQ(parse_expiry(print_expiry(moment)), moment);
  EXPECT_EQ(print_expiry(1801398896), "2027-01-31T12:34:56Z");
}

TEST(Expiry, RefusesEverythingElse) {
  for (const char* text : {"",
                           "-1",
                           "+1",
                           "01",
                           "1.5",
                           "1e9",
                           "253402300800",
                           "9999999999999",
                           "2027-02-29T00:00:00Z",
                           "2027-13-01T00:00:00Z",
                           "2027-00-01T00:00:00Z",
                           "2027-01-00T00:00:00Z",
                           "2027-01-31T24:00:00Z",
                           "2027-01-31T12:60:00Z",
                           "2027-01-31T12:00:60Z",
                           "1969-12-31T23:59:59Z",
                           "2027-01-31T12:00:00",
                           "2027-01-31T12:00:00+00:00",
                           "2027-01-31t12:00:00z",
                           "2027-01-31 12:00:00Z",
                           "2027-01-31T12:00:00.0Z",
                           "2027-01-31",
                           "never"})
    EXPECT_EQ(parse_expiry(text), std::nullopt) << text;
}

TEST(Lifetime, IsATimeFromNowOrAMoment) {
  EXPECT_EQ(parse_lifetime("45s", 1000), 1045);
  EXPECT_EQ(parse_lifetime("2m", 1000), 1120);
  EXPECT_EQ(parse_lifetime("1h", 1000), 4600);
  EXPECT_EQ(parse_lifetime("30d", 1000), 1000 + 30 * 86400);
  EXPECT_EQ(parse_lifetime("never", 1000), never);
  EXPECT_EQ(parse_lifetime("1970-01-01T00:16:41Z", 1000), 1001);
  EXPECT_EQ(parse_lifetime("1001", 1000), 1001);
}

TEST(Lifetime, IsNotOverAlready) {
  for (const char* text :
       {"0s", "1000", "999", "1970-01-01T00:16:40Z", "", "s", "-1h", "1.5h", "1w", "1 h", "01h", "253402300799d"})
    EXPECT_EQ(parse_lifetime(text, 1000), std::nullopt) << text;
}

}  // namespace
}  // namespace ringgate::auth
