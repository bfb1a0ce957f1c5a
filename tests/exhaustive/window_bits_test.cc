// Every value of one and of two bytes for the window parameters of permessage-deflate (RFC 7692 section
// 7.1.2): "a decimal integer value without leading zeroes between 8 to 15 inclusive".
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "domain.h"
#include "http/request_head_parser.h"
#include "ws/deflate_negotiation.h"
#include "ws/handshake_offers.h"

namespace ringgate::exhaustive {
namespace {

using ws::DeflateAgreement;

/// What an offer with this parameter leads to; nothing if the request is refused or the offer declined.
std::optional<DeflateAgreement> agreement_on(const std::string& parameter) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Extensions: permessage-deflate; " + parameter + "\r\n\r\n";
  http::RequestHeadParser parser;
  if (parser.resume(bytes_of(head)).status != http::HeadStatus::complete) return std::nullopt;
  const http::RequestView request = parser.view(bytes_of(head));
  if (!ws::extension_offers_are_valid(request)) return std::nullopt;
  return ws::negotiate_deflate(request, {.enabled = true, .context_takeover = true});
}

/// The values that mean a window: the eight numbers, and those of one digit with what the grammar of the field
/// allows around them, a blank on either side or the comma that ends an offer.
std::map<std::string, unsigned> windows_of_the_rfc() {
  std::map<std::string, unsigned> windows{{"10", 10}, {"11", 11}, {"12", 12}, {"13", 13}, {"14", 14}, {"15", 15}};
  for (const unsigned bits : {8U, 9U}) {
    const std::string digit = std::to_string(bits);
    for (const std::string& value : {digit, " " + digit, "\t" + digit, digit + " ", digit + "\t", digit + ","}) {
      windows[value] = bits;
    }
  }
  return windows;
}

TEST(EveryWindow, IsAgreedOnIfItIsANumberFrom8To15) {
  const std::map<std::string, unsigned> windows = windows_of_the_rfc();
  std::uint64_t tried = 0;
  const auto expect_as_in_the_rfc = [&](const std::string& value) {
    const auto window = windows.find(value);
    const auto server = agreement_on("server_max_window_bits=" + value);
    const auto client = agreement_on("client_max_window_bits=" + value);
    ASSERT_EQ(server.has_value(), window != windows.end()) << testing::PrintToString(value);
    ASSERT_EQ(client.has_value(), window != windows.end()) << testing::PrintToString(value);
    tried += 2;
    if (window == windows.end()) return;
    ASSERT_EQ(server->server_window_bits, window->second);
    ASSERT_EQ(client->client_window_bits, window->second);
  };
  for (unsigned byte = 0; byte < bytes_count && !HasFatalFailure(); ++byte) {
    expect_as_in_the_rfc(std::string(1, static_cast<char>(byte)));
  }
  for (unsigned pair = 0; pair < byte_pairs_count && !HasFatalFailure(); ++pair) {
    expect_as_in_the_rfc({static_cast<char>(pair / 256), static_cast<char>(pair % 256)});
  }
  report_tried(tried, "values of a window parameter");
}

}  // namespace
}  // namespace ringgate::exhaustive
