#include "http/head_gatherer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "request_samples.h"

namespace ringgate::http {
namespace {

/// Gives `input` in pieces that end at `cuts` and at its end; the first verdict other than need_more.
GatheredHead read_cut(HeadGatherer& gatherer, const std::string& input, std::vector<std::size_t> cuts, std::size_t& consumed) {
  cuts.push_back(input.size());
  consumed = 0;
  static std::vector<std::uint8_t> piece;  // the view borrows the last one
  for (const std::size_t cut : cuts) {
    piece.assign(input.begin() + static_cast<std::ptrdiff_t>(consumed), input.begin() + static_cast<std::ptrdiff_t>(cut));
    const GatheredHead head = gatherer.read(piece);
    consumed += head.consumed_bytes;
    if (head.status != HeadStatus::need_more) return head;
    EXPECT_EQ(consumed, cut) << "an unfinished head takes all there is";
  }
  return {};
}

TEST(HeadGatherer, FindsTheSameHeadWholeAndInEveryCut) {
  const std::string head = upgrade_request("GET /ws?deviceId=a HTTP/1.1", "X: y\r\n");
  const std::string input = head + "behind";
  HeadGatherer gatherer{HeadRules{}};
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    std::size_t consumed = 0;
    const GatheredHead found = read_cut(gatherer, input, {cut}, consumed);
    ASSERT_EQ(found.status, HeadStatus::complete) << cut;
    EXPECT_EQ(consumed, head.size()) << cut;
    EXPECT_EQ(gatherer.view().field("X"), "y");
    EXPECT_EQ(gatherer.view().query(), "deviceId=a");
    EXPECT_EQ(gatherer.holds_bytes(), cut > 0 && cut < head.size()) << "a head that arrives whole is not copied";
    gatherer.reset();
    EXPECT_FALSE(gatherer.holds_bytes());
  }
}

TEST(HeadGatherer, KeepsACompleteHeadWithoutWhatFollows) {
  const std::string head = upgrade_request("GET /ws?deviceId=a HTTP/1.1", "X: y\r\n");
  for (std::size_t cut = 0; cut <= head.size(); ++cut) {
    HeadGatherer gatherer{HeadRules{}};
    {
      std::size_t consumed = 0;
      ASSERT_EQ(read_cut(gatherer, head + "behind", {cut}, consumed).status, HeadStatus::complete);
    }
    gatherer.keep();
    EXPECT_EQ(gatherer.held_bytes(), head.size());
    const HeadGatherer moved = std::move(gatherer);
    const std::string other = upgrade_request("GET /other HTTP/1.1", "");
    std::size_t consumed = 0;
    HeadGatherer overwriting{HeadRules{}};
    (void)read_cut(overwriting, other + std::string(head.size(), 'x'), {}, consumed);  // the piece that was borrowed before
    EXPECT_EQ(moved.view().field("X"), "y") << cut;
    EXPECT_EQ(moved.view().query(), "deviceId=a") << cut;
  }
}

TEST(HeadGatherer, RefusesTheSameWholeAndInEveryCut) {
  const std::string input = "POST /ws HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n";
  HeadGatherer gatherer{HeadRules{}};
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    std::size_t consumed = 0;
    const GatheredHead found = read_cut(gatherer, input, {cut}, consumed);
    ASSERT_EQ(found.status, HeadStatus::rejected) << cut;
    EXPECT_EQ(found.rejection, Rejection::field_name_malformed);
    EXPECT_EQ(gatherer.method(), Method::post);
    gatherer.reset();
  }
}

TEST(HeadGatherer, KeepsNoMoreThanTheLargestHeadAndOneReceive) {
  HeadGatherer gatherer{HeadRules{.head_bytes_max = limits::head_bytes_least}};
  const std::vector<std::uint8_t> piece(100, 'G');
  std::string start = "GET / HTTP/1.1\r\nX: ";
  ASSERT_EQ(gatherer.read(bytes_of(start)).status, HeadStatus::need_more);
  GatheredHead head;
  while (head.status == HeadStatus::need_more) head = gatherer.read(piece);
  EXPECT_EQ(head.rejection, Rejection::head_too_large);
  EXPECT_LE(gatherer.held_bytes(), limits::head_bytes_least + piece.size());
}

}  // namespace
}  // namespace ringgate::http
