#include "ws/handshake.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "../http/request_samples.h"
#include "ws/handshake_offers.h"

namespace ringgate::ws {
namespace {

using http::replaced;
using http::upgrade_request;
using R = Rejection;

constexpr std::string_view sample_key = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3

struct Row {
  std::string id;
  std::string request;
  std::optional<Rejection> rejection;

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.id; }
};

class HandshakeRow : public testing::TestWithParam<Row> {};

TEST_P(HandshakeRow, HasItsOneAnswer) {
  const Row& row = GetParam();
  http::parse_in_every_cut(row.request);
  http::RequestHeadParser parser;
  ASSERT_EQ(parse(parser, row.request).status, http::HeadStatus::complete);
  const auto key = check_handshake(parser.view(bytes_of(row.request)));
  ASSERT_EQ(key.has_value(), !row.rejection) << (key ? "" : facts_of(key.error()).reason);
  if (row.rejection) {
    EXPECT_EQ(facts_of(key.error()).reason, facts_of(*row.rejection).reason);
  } else {
    EXPECT_EQ(*key, sample_key);
  }
}

std::string with_upgrade(const std::string& line) { return replaced(upgrade_request(), "Upgrade: websocket\r\n", line); }
std::string with_connection(const std::string& line) { return replaced(upgrade_request(), "Connection: Upgrade\r\n", line); }
std::string with_version(const std::string& line) { return replaced(upgrade_request(), "Sec-WebSocket-Version: 13\r\n", line); }
std::string with_key(const std::string& key) { return replaced(upgrade_request(), std::string{sample_key}, key); }
std::string with_line(const std::string& line) { return upgrade_request("GET /ws HTTP/1.1", line + "\r\n"); }
std::string with_protocol(const std::string& value) { return with_line("Sec-WebSocket-Protocol: " + value); }
std::string with_extensions(const std::string& value) { return with_line("Sec-WebSocket-Extensions: " + value); }

std::string list_of_different_tokens(std::size_t count) {
  std::string list = "p0";
  for (std::size_t i = 1; i < count; ++i) list += ", p" + std::to_string(i);
  return list;
}

std::string list_of_equal_tokens(std::size_t count) {
  std::string list = "p";
  for (std::size_t i = 1; i < count; ++i) list += ",p";
  return list;
}

std::vector<Row> upgrade_rows() {
  return {
      {"good", upgrade_request(), {}},
      {"E01_no_upgrade", with_upgrade(""), R::upgrade_missing},
      {"E03_keep_alive", with_connection("Connection: keep-alive\r\n"), R::connection_upgrade_missing},
      {"E03_no_connection", with_connection(""), R::connection_upgrade_missing},
      {"E04_list", with_connection("Connection: keep-alive, Upgrade\r\n"), {}},
      {"E04_two_lines", with_connection("Connection: keep-alive\r\nConnection: upgrade\r\n"), {}},
      {"B25_empty_members", with_connection("Connection: ,, Upgrade ,,\r\n"), {}},
      {"E05_shorter", with_connection("Connection: Upgrad\r\n"), R::connection_upgrade_missing},
      {"E05_longer", with_connection("Connection: upgradee\r\n"), R::connection_upgrade_missing},
      {"E05_prefixed", with_connection("Connection: not-upgrade\r\n"), R::connection_upgrade_missing},
      {"E06_h2c", with_upgrade("Upgrade: h2c\r\n"), R::upgrade_missing},
      {"E06_made_up", with_upgrade("Upgrade: totally-made-up/1.0\r\n"), R::upgrade_missing},
      {"E07_longer", with_upgrade("Upgrade: websocketx\r\n"), R::upgrade_missing},
      {"E07_prefixed", with_upgrade("Upgrade: xwebsocket\r\n"), R::upgrade_missing},
      {"E07_two_words", with_upgrade("Upgrade: web socket\r\n"), R::upgrade_missing},
      {"E08_mixed_case", with_upgrade("Upgrade: WebSocket\r\n"), {}},
      {"E08_list", with_upgrade("Upgrade: h2c, websocket\r\n"), {}},
      {"B24_white_space", with_upgrade("Upgrade:\t websocket \t\r\n"), {}},
      {"B28_case_of_names", replaced(with_upgrade("uPGRADE: websocket\r\n"), "Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY"), {}},
      {"E09_no_key", replaced(upgrade_request(), "Sec-WebSocket-Key", "X-Key"), R::websocket_key_missing},
      {"E10_empty", with_key(""), R::websocket_key_malformed},
      {"E10_spaces", with_key("     "), R::websocket_key_malformed},
      {"E11_15_bytes", with_key("dGhlIHNhbXBsZSBub25j"), R::websocket_key_malformed},
      {"E11_17_bytes", with_key("dGhlIHNhbXBsZSBub25jZWU="), R::websocket_key_malformed},
      {"E12_exclamation_mark", with_key("dGhlIHNhbXBsZSBub25j!Q=="), R::websocket_key_malformed},
      {"E12_url_alphabet", with_key("dGhl-HNhbXBsZSBub25jZ_=="), R::websocket_key_malformed},
      {"E12_inner_space", with_key("dGhlIHNhbXBs SBub25jZQ=="), R::websocket_key_malformed},
      {"E12_inner_padding", with_key("dGhlIHNh=XBsZSBub25jZQ=="), R::websocket_key_malformed},
      {"E12_no_padding", with_key("dGhlIHNhbXBsZSBub25jZQ"), R::websocket_key_malformed},
      {"E06_nothing_but_empty_members", with_upgrade("Upgrade: , ,\r\n"), R::upgrade_missing},
      {"E08_empty_members", with_upgrade("Upgrade: ,, websocket,\r\n"), {}},
      {"B25_nothing_but_empty_members", with_connection("Connection: ,,\r\n"), R::connection_upgrade_missing},
      {"E14_two_keys", with_line("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), R::websocket_key_repeated},
      {"E16_no_version", with_version(""), R::websocket_version_missing},
      {"E19_two_lines", with_version("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n"), R::websocket_version_repeated},
      {"E19_same_twice", with_version("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n"),
       R::websocket_version_repeated},
      {"E19_list", with_version("Sec-WebSocket-Version: 13, 8\r\n"), R::websocket_version_malformed},
      {"E37_response_field", with_line("Sec-WebSocket-Accept: x\r\nHTTP2-Settings: AAMAAABk"), {}},
      {"D01_length", with_line("Content-Length: 5"), R::body_on_upgrade},
      {"D03_no_length", with_line("Content-Length: 0"), {}},
      {"D04_chunked", with_line("Transfer-Encoding: chunked"), R::body_on_upgrade},
      {"D04_gzip", with_line("Transfer-Encoding: gzip"), R::body_on_upgrade},
      {"D13_two_lengths", with_line("Content-Length: 0\r\nContent-Length: 0"), R::body_on_upgrade},
      {"D05_both", with_line("Transfer-Encoding: chunked\r\nContent-Length: 5"), R::body_on_upgrade},
      {"D11_expect", with_line("Expect: 100-continue"), {}},
  };
}

std::vector<Row> version_rows() {
  std::vector<Row> rows;
  for (const std::string version : {"0", "7", "8", "12", "14", "99", "255", "256", "4294967309", "130"}) {
    rows.push_back(
        {"E17_" + version, with_version("Sec-WebSocket-Version: " + version + "\r\n"), R::websocket_version_unsupported});
  }
  int number = 0;
  for (const std::string version : {"13abc", "013", "+13", "13.0", "0xd", "-13", "", "00", "1 3", "\"13\""}) {
    rows.push_back({"E18_" + std::to_string(++number), with_version("Sec-WebSocket-Version: " + version + "\r\n"),
                    R::websocket_version_malformed});
  }
  return rows;
}

std::vector<Row> offer_rows() {
  std::string escapes = "a; b=\"";
  for (int i = 0; i < 4000; ++i) escapes += "\\c";
  std::vector<Row> rows{
      {"E20_unknown_protocol", with_protocol("a"), {}},
      {"E20_list", with_protocol("a, b ,\tc"), {}},
      {"E20_lines", with_protocol("a, b\r\nSec-WebSocket-Protocol: c"), {}},
      {"E21_same_in_two_lines", with_protocol("a, b\r\nSec-WebSocket-Protocol: b"), {}},
      {"E21_case_counts", with_protocol("a, A"), {}},
      {"E21_64_offers", with_protocol(list_of_different_tokens(64)), {}},
      {"E21_65_offers", with_protocol(list_of_different_tokens(65)), R::subprotocols_too_many},
      {"E21_65_times_the_same", with_protocol(list_of_equal_tokens(65)), R::subprotocols_too_many},
      {"E22_spaces", with_protocol("b" + std::string(8000, ' ') + "x"), R::subprotocol_malformed},
      {"E24_escapes_without_end", with_extensions(escapes), R::extensions_malformed},
      {"E24_escapes_with_end", with_extensions(escapes + "\""), {}},
      {"E27_lines", with_extensions("a\r\nSec-WebSocket-Extensions: b; c\r\nSec-WebSocket-Extensions: d; e=f; g=\"h\""), {}},
      {"E28_two_offers", with_extensions("permessage-deflate; client_max_window_bits, permessage-deflate"), {}},
      {"K02_no_value", with_extensions("permessage-deflate; client_max_window_bits="), {}},
      {"K02_empty_value", with_extensions("permessage-deflate; client_max_window_bits=\"\"; a"), {}},
      {"K09_quoted", with_extensions("permessage-deflate; server_max_window_bits=\"10\""), {}},
      {"extensions_with_white_space", with_extensions("a ;\tb = c , , d"), {}},
  };
  int number = 0;
  for (const std::string value : {"a,,b", "a,a", "", ",", " , ,", "a,", ",a", "a,,", ", ,a", "a\r\nSec-WebSocket-Protocol:"}) {
    rows.push_back({"E21_empty_member_or_repeat_" + std::to_string(++number), with_protocol(value), {}});
  }
  number = 0;
  for (const std::string value : {"a b", "\"a\"", "a/b", "a;b", "a=b", ", a b", "a,, \"\""}) {
    rows.push_back({"E21_" + std::to_string(++number), with_protocol(value), R::subprotocol_malformed});
  }
  number = 0;
  for (const std::string value : {"", ",", " ,\t, ", "a,,b", ",a", "a,", "a\r\nSec-WebSocket-Extensions: ,"}) {
    rows.push_back({"E26_empty_member_" + std::to_string(++number), with_extensions(value), {}});
  }
  number = 0;
  for (const std::string value : {"a; b=\"c d\"", "a; b=\"\"", "a; b=\"\\\"\"", "a; b=\"c,d\"; e, f", "a; b=\"\xe4;=\"",
                                  "a; b=\"\\\\\"", "x-permessage-deflate; b=\"c d\""}) {
    rows.push_back({"quoted_parameter_of_an_unknown_extension_" + std::to_string(++number), with_extensions(value), {}});
  }
  number = 0;
  for (const std::string value : {"permessage-deflate; b=\"c d\"", "permessage-deflate; b=\"\"", "permessage-deflate; b=\"\\\"\"",
                                  "a; b=\"c d\", permessage-deflate; server_max_window_bits=\"1 0\""}) {
    rows.push_back(
        {"quoted_parameter_of_permessage_deflate_" + std::to_string(++number), with_extensions(value), R::extensions_malformed});
  }
  number = 0;
  for (const std::string value : {";", ",;x", "permessage-deflate;", "=1", "a b", "a; b c", "a; =c", "a;; b", "a; b=", "a; b=\"c",
                                  "a; b=\"c\\", "a; b=\"c\"d", "\"a\"", "a; b=c=d", "a/b"}) {
    rows.push_back({"E26_" + std::to_string(++number), with_extensions(value), R::extensions_malformed});
  }
  return rows;
}

std::string row_name(const testing::TestParamInfo<Row>& tested) { return tested.param.id; }

INSTANTIATE_TEST_SUITE_P(Upgrade, HandshakeRow, testing::ValuesIn(upgrade_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(Version, HandshakeRow, testing::ValuesIn(version_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(Offers, HandshakeRow, testing::ValuesIn(offer_rows()), row_name);

TEST(Handshake, ChoosesTheFirstSubprotocolItSpeaksOfThoseOffered) {
  const std::vector<std::string_view> spoken{"v3", "v2", "v1"};
  const auto chosen = [&](const std::string& request) {
    http::RequestHeadParser parser;
    EXPECT_EQ(parse(parser, request).status, http::HeadStatus::complete);
    return std::string(choose_subprotocol(parser.view(bytes_of(request)), spoken));
  };
  EXPECT_EQ(chosen(with_protocol("v1, v2, x")), "v2") << "the gate's order, not the client's";
  EXPECT_EQ(chosen(with_protocol("v1\r\nSec-WebSocket-Protocol: v3")), "v3");
  EXPECT_EQ(chosen(with_protocol("V1, v11")), "") << "case counts, and the whole name";
  EXPECT_EQ(chosen(upgrade_request()), "");
}

TEST(Handshake, PassesOverEmptyMembersAndRepeatsWhenItChooses) {
  const std::vector<std::string_view> spoken{"v2", "v1"};
  for (const std::string list : {"v1,,", ", v1", "v1, v1", "x,,v1"}) {
    const std::string request = with_protocol(list);
    http::RequestHeadParser parser;
    ASSERT_EQ(parse(parser, request).status, http::HeadStatus::complete);
    EXPECT_EQ(choose_subprotocol(parser.view(bytes_of(request)), spoken), "v1") << list;
  }
}

// Clients with a key of 24 fixed characters exist: the last bits of its 22nd character decode to nothing.
TEST(Handshake, TakesAKeyWithAnyTrailingBits) {
  for (const char last : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"}) {
    std::string key{sample_key};
    key[21] = last;
    EXPECT_TRUE(is_valid_key(key)) << key;
  }
}

TEST(Handshake, JudgesInTheOrderOfTheFields) {
  std::string request = "GET /ws HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nSec-WebSocket-Protocol: a b\r\n\r\n";
  const auto verdict = [&request] {
    http::RequestHeadParser parser;
    EXPECT_EQ(parse(parser, request).status, http::HeadStatus::complete);
    return check_handshake(parser.view(bytes_of(request))).error();
  };
  EXPECT_EQ(verdict(), R::upgrade_missing);
  request = replaced(request, "Host", "Upgrade: websocket\r\nHost");
  EXPECT_EQ(verdict(), R::body_on_upgrade);
  request = replaced(request, "Content-Length: 1\r\n", "");
  EXPECT_EQ(verdict(), R::connection_upgrade_missing);
  request = replaced(request, "Host", "Connection: upgrade\r\nHost");
  EXPECT_EQ(verdict(), R::websocket_version_missing);
  request = replaced(request, "Host", "Sec-WebSocket-Version: 13\r\nHost");
  EXPECT_EQ(verdict(), R::websocket_key_missing);
  request = replaced(request, "Host", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost");
  EXPECT_EQ(verdict(), R::subprotocol_malformed);
}

TEST(Handshake, AnswersTheKeyOfTheRfc) {
  const AcceptKey accept = accept_key(sample_key);
  EXPECT_EQ(std::string_view(accept.data(), accept.size()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Handshake, WritesTheWholeResponse) {
  std::string out;
  append_switching_protocols(out, {.key = sample_key});
  EXPECT_EQ(out,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(Handshake, StatesWhatWasAgreedOn) {
  std::string out;
  append_switching_protocols(out, {.key = sample_key,
                                   .subprotocol = "mqtt",
                                   .deflate = DeflateAgreement{.server_context_takeover = true, .client_window_bits = 10}});
  EXPECT_EQ(out,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_max_window_bits=10\r\n\r\n");
}

}  // namespace
}  // namespace ringgate::ws
