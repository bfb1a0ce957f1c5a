#include "load/opening.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ringgate::load {
namespace {

constexpr std::string_view sample_key = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3
constexpr std::string_view good =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

std::optional<OpeningFault> fault_of(std::string text) {
  const auto answer = parse_answer(bytes_of(text));
  EXPECT_TRUE(answer && *answer) << text;
  return fault_in(**answer, sample_key);
}

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(good);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(Opening, ComputesTheAcceptOfTheRfc) { EXPECT_EQ(accept_of(sample_key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); }

TEST(Opening, MakesDifferentKeysOfSixteenBytes) {
  Random random(1);
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.insert(make_key(random));
  EXPECT_EQ(keys.size(), 100U);
  for (const auto& key : keys) {
    EXPECT_EQ(key.size(), 24U);
    EXPECT_TRUE(key.ends_with("=="));
  }
}

TEST(Opening, TakesAGoodAnswer) { EXPECT_EQ(fault_of(std::string(good)), std::nullopt); }

TEST(Opening, RefusesEachFault) {
  EXPECT_EQ(fault_of(replaced("101 Switching Protocols", "200 OK\r\nContent-Length: 0")), OpeningFault::status);
  EXPECT_EQ(fault_of(replaced("Upgrade: websocket\r\n", "")), OpeningFault::upgrade);
  EXPECT_EQ(fault_of(replaced("Connection: Upgrade", "Connection: close")), OpeningFault::connection);
  EXPECT_EQ(fault_of(replaced("s3pP", "S3pP")), OpeningFault::accept);
  EXPECT_EQ(fault_of(replaced("Connection:", "Sec-WebSocket-Extensions: permessage-deflate\r\nConnection:")),
            OpeningFault::extensions);
  EXPECT_EQ(fault_of(replaced("Connection:", "Sec-WebSocket-Protocol: chat\r\nConnection:")), OpeningFault::subprotocol);
}

}  // namespace
}  // namespace ringgate::load
