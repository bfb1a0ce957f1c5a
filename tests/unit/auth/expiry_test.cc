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

}  // namespace
}  // namespace ringgate::auth
