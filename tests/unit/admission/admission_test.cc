#include "admission/admission.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "../http/request_samples.h"

namespace ringgate::admission {
namespace {

using http::replaced;
using http::upgrade_request;

constexpr std::array<IdSource, 2> id_sources{{{IdSource::Kind::query, "deviceId"}, {IdSource::Kind::header, "X-Device-Id"}}};
constexpr std::array<IdSource, 3> with_path{{{IdSource::Kind::path}, id_sources[0], id_sources[1]}};
constexpr std::array<RouteView, 5> routes{
    {{.path = "/ws", .id_sources = id_sources},
     {.path = "/other", .id_sources = id_sources},
     {.path = "/ocpp/{id}", .id_sources = with_path, .id_characters = IdCharacters::ocpp},
     {.path = "/fleet/{id}/live", .id_sources = with_path, .id_characters = IdCharacters::printable},
     {.path = "/ocpp/health", .id_sources = id_sources}}};
constexpr std::array<std::uint8_t, anonymous_id_random_chars> seed{0, 1, 25, 26, 31, 32, 255};

constexpr http::HeadRules device_head{.query = http::QueryRule::as_browsers_send,
                                      .methods = http::methods_mask({http::Method::get})};

constexpr GateView open_gate{.routes = routes};

/// The device port's whole verdict: a fault of the head, or that of the gate.
std::expected<Admission, Refusal> verdict_of(const std::string& request, const GateView& gate = open_gate) {
  http::RequestHeadParser parser{device_head};
  const http::HeadVerdict verdict = parse(parser, request);
  if (verdict.status == http::HeadStatus::rejected) return std::unexpected{verdict.rejection};
  EXPECT_EQ(verdict.status, http::HeadStatus::complete);
  return admit(parser.view(bytes_of(request)), gate, seed);
}

struct Row {
  std::string id;
  std::string request;
  int status;
  std::string_view reason = "";

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.id; }
};

class AdmissionRow : public testing::TestWithParam<Row> {};

TEST_P(AdmissionRow, HasItsOneAnswer) {
  http::parse_in_every_cut(GetParam().request, device_head);  // admission sees the head alone, so one layout means one answer
  const auto admission = verdict_of(GetParam().request);
  const int status = admission ? 101 : admission.error().facts().status;
  EXPECT_EQ(status, GetParam().status) << (admission ? "" : admission.error().facts().reason);
  if (!admission) {
    EXPECT_EQ(admission.error().facts().reason, GetParam().reason);
  }
}

std::string with_line(const std::string& request_line, const std::string& fields = "") {
  return upgrade_request(request_line, fields);
}
std::string with_query(const std::string& query) { return upgrade_request("GET /ws?" + query + " HTTP/1.1"); }
std::string with_origin(const std::string& host, const std::string& origin) {
  return replaced(upgrade_request("GET /ws?deviceId=a HTTP/1.1", "Origin: " + origin + "\r\n"), "Host: h\r\n",
                  "Host: " + host + "\r\n");
}

std::vector<Row> method_and_path_rows() {
  const std::string good = "GET /ws?deviceId=a HTTP/1.1";
  std::vector<Row> rows{
      {"good", upgrade_request(), 101},
      {"A01_http10", with_line("GET /ws?deviceId=a HTTP/1.0"), 400, "http10_refused"},
      {"A02_http12", with_line("GET /ws?deviceId=a HTTP/1.2"), 101},
      {"A13_empty_line", "\r\n" + upgrade_request(), 101},
      {"A16_lower_case", with_line("get /ws HTTP/1.1"), 501, "method_unknown"},
      {"A16_unknown_path", with_line("get /nope HTTP/1.1"), 501, "method_unknown"},
      {"A30_absolute", with_line("GET http://h/ws?deviceId=a HTTP/1.1"), 101},
      {"absolute_ws", with_line("GET ws://h/ws?deviceId=a HTTP/1.1"), 101},
      {"absolute_wss", with_line("GET wss://h:443/ws?deviceId=a HTTP/1.1"), 101},
      {"absolute_other_host", with_line("GET ws://other/ws?deviceId=a HTTP/1.1"), 400, "authority_conflict"},
      {"M21_metrics", with_line("GET /metrics HTTP/1.1"), 404, "path_unknown"},
      {"path_longer", with_line("GET /ws/?deviceId=a HTTP/1.1"), 404, "path_unknown"},
      {"path_case", with_line("GET /WS?deviceId=a HTTP/1.1"), 404, "path_unknown"},
      {"path_root", with_line("GET / HTTP/1.1"), 404, "path_unknown"},
      {"B16_obs_text", with_line(good, "X-Other: \x80\xff\r\n"), 101},
      {"D01_length", with_line(good, "Content-Length: 5\r\n") + "hello", 400, "body_on_upgrade"},
      {"D02_length_alone", with_line(good, "Content-Length: 5\r\n"), 400, "body_on_upgrade"},
      {"D03_zero", with_line(good, "Content-Length: 0\r\n"), 101},
      {"D04_chunked", with_line(good, "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400, "body_on_upgrade"},
      {"D04_gzip", with_line(good, "Transfer-Encoding: gzip\r\n"), 400, "body_on_upgrade"},
      {"D05_both", with_line(good, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, "framing_ambiguous"},
      {"D06_version_99", replaced(upgrade_request(), "Version: 13", "Version: 99") + upgrade_request(), 426,
       "websocket_version_unsupported"},
      {"D08_frame_behind", upgrade_request() + "\x81\x80 key", 101},
      {"D10_no_upgrade", "GET /ws HTTP/1.1\r\nHost: h\r\n\r\n", 426, "upgrade_missing"},
      {"D10_no_upgrade_with_body", "GET /ws HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 426, "upgrade_missing"},
      {"D11_expect", with_line(good, "Expect: 100-continue\r\n"), 101},
      {"D12_body_on_unknown_path", with_line("GET /nope HTTP/1.1", "Content-Length: 5\r\n") + upgrade_request(), 404,
       "path_unknown"},
      {"D13_two_lengths", with_line(good, "Content-Length: 0\r\nContent-Length: 0\r\n"), 400, "content_length_repeated"},
      {"D26_gzip_on_post", "POST /ws HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501,
       "transfer_encoding_unsupported"},
      {"expect_other", with_line(good, "Expect: 200-ok\r\n"), 417, "expectation_unsupported"},
      {"expect_both", with_line(good, "Expect: 100-continue, 200-ok\r\n"), 417, "expectation_unsupported"},
      {"expect_with_value", with_line(good, "Expect: 100-continue=now\r\n"), 417, "expectation_unsupported"},
      {"expect_case_and_empty_members", with_line(good, "Expect: , 100-Continue,,\r\n"), 101},
      {"expect_nothing", with_line(good, "Expect:\r\n"), 101},
      {"length_with_a_zero_in_front", with_line(good, "Content-Length: 00\r\n"), 400, "content_length_malformed"},
      {"E37_foreign_fields", with_line(good, "Sec-WebSocket-Accept: x\r\nHTTP2-Settings: y\r\n"), 101},
      {"post_with_body", "POST /ws HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", 405, "method_not_allowed"},
      {"post_to_unknown_path", "POST /nope HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed"},
  };
  for (const std::string target : {"*", "h:80", "[::1]:80", "ws", "/ws?deviceId=a", "/nope", "ws://h/ws"}) {
    for (const std::string method : {"CONNECT", "OPTIONS", "POST"})
      rows.push_back({"A29b_" + method + "_" + std::to_string(rows.size()), with_line(method + " " + target + " HTTP/1.1"), 405,
                      "method_not_allowed"});
    if (target.front() != '/' && target.front() != 'w')
      rows.push_back(
          {"A29_get_" + std::to_string(rows.size()), with_line("GET " + target + " HTTP/1.1"), 400, "target_form_unsupported"});
  }
  for (const std::string method : {"POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PATCH", "CONNECT"}) {
    rows.push_back({"A17_A18_" + method, with_line(method + " /ws?deviceId=a HTTP/1.1"), 405, "method_not_allowed"});
  }
  return rows;
}

std::vector<Row> origin_rows() {
  return {
      {"E33_absent", upgrade_request(), 101},
      {"same", with_origin("h:8080", "http://h:8080"), 101},
      {"same_by_case", with_origin("H.example", "https://h.EXAMPLE"), 101},
      {"E31_default_port_in_host", with_origin("gate:443", "https://gate"), 101},
      {"E31_default_port_in_origin", with_origin("gate", "https://gate:443"), 101},
      {"E31_default_port_of_http_in_host", with_origin("gate:80", "http://gate"), 101},
      {"E31_default_port_of_http_in_origin", with_origin("Gate", "HTTP://gATE:80"), 101},
      {"E31_default_port_of_ipv6", with_origin("[::1]", "http://[::1]:80"), 101},
      {"E31_port_of_the_other_scheme", with_origin("gate:443", "http://gate"), 403, "origin_forbidden"},
      {"E31_port_of_the_other_scheme_in_origin", with_origin("gate", "http://gate:443"), 403, "origin_forbidden"},
      {"E31_no_default_port", with_origin("gate:80", "foo://gate"), 403, "origin_forbidden"},
      {"E29_other", with_origin("h", "http://evil.example"), 403, "origin_forbidden"},
      {"E30_null", with_origin("h", "null"), 403, "origin_forbidden"},
      {"E30_host_named_null", with_origin("null", "null"), 403, "origin_forbidden"},
      {"E30_file", with_origin("h", "file://"), 403, "origin_forbidden"},
      {"E30_empty", with_origin("h", ""), 403, "origin_forbidden"},
      {"E31_suffix", with_origin("good.example", "https://good.example.evil.com"), 403, "origin_forbidden"},
      {"E31_prefix", with_origin("good.example", "https://evilgood.example"), 403, "origin_forbidden"},
      {"E31_user", with_origin("good.example", "https://good.example@evil"), 403, "origin_forbidden"},
      {"E31_user_before", with_origin("good.example", "https://evil@good.example"), 403, "origin_forbidden"},
      {"E31_port", with_origin("good.example", "https://good.example:444"), 403, "origin_forbidden"},
      {"E31_path", with_origin("good.example", "https://good.example/"), 403, "origin_forbidden"},
      {"E31_no_scheme", with_origin("h", "://h"), 403, "origin_forbidden"},
      {"E31_list", with_origin("h", "http://h http://h"), 403, "origin_forbidden"},
      {"E32_two_lines", with_origin("h", "http://h\r\nOrigin: http://h"), 400, "origin_repeated"},
  };
}

std::vector<Row> id_rows() {
  std::vector<Row> rows{
      {"E36_absent", with_line("GET /ws HTTP/1.1"), 400, "device_id_missing"},
      {"E36_empty", with_query("deviceId="), 400, "bad_id"},
      {"E36_no_value", with_query("deviceId"), 400, "bad_id"},
      {"E36_128", with_query("deviceId=" + std::string(128, 'a')), 101},
      {"E36_128_escaped", with_query("deviceId=" + std::string(127, 'a') + "%61"), 101},
      {"E36_129", with_query("deviceId=" + std::string(129, 'a')), 400, "bad_id"},
      {"E36_two_values", with_query("deviceId=a&deviceId=b"), 400, "device_id_conflict"},
      {"E36_same_value_twice", with_query("deviceId=a&deviceId=%61"), 101},
      {"dot", with_query("deviceId=."), 400, "bad_id"},
      {"dot_dot", with_query("deviceId=%2E."), 400, "bad_id"},
      {"dots_inside", with_query("deviceId=..."), 101},
      {"whole_alphabet", with_query("deviceId=aZ09._~:@-"), 101},
      {"reserved", with_query("deviceId=anon-abc"), 400, "device_id_reserved"},
      {"reserved_escaped", with_query("deviceId=%61non-abc"), 400, "device_id_reserved"},
      {"reserved_in_part", with_query("deviceId=anon"), 101},
      {"decoded_once", with_query("deviceId=%2561"), 400, "bad_id"},
      {"A28_crlf", with_query("deviceId=a%0d%0aX-Inj:1"), 400, "bad_id"},
      {"A28_nul", with_query("deviceId=a%00"), 400, "bad_id"},
      {"M01_lf", with_query("deviceId=a%0AINFO"), 400, "bad_id"},
      {"M06_bad_utf8", with_query("deviceId=%c3%28"), 400, "bad_id"},
      {"M06_overlong", with_query("deviceId=%c0%af"), 400, "bad_id"},
      {"M06_override", with_query("deviceId=%E2%80%AE"), 400, "bad_id"},
      {"plus", with_query("deviceId=a+b"), 400, "bad_id"},
      {"slash", with_query("deviceId=a/b"), 400, "bad_id"},
      {"query_as_browsers_send_it", with_query("filter[]={a|b}&x=\\^`&deviceId=a"), 101},
      {"id_with_a_raw_bracket", with_query("deviceId=a[1]"), 400, "bad_id"},
      {"percent_elsewhere", with_query("progress=100%&deviceId=a&%zz=1&x=%1"), 101},
      {"A27_percent_in_the_id", with_query("deviceId=a%"), 400, "bad_id"},
      {"A27_percent_no_hex_in_the_id", with_query("deviceId=a%z1"), 400, "bad_id"},
      {"A27_percent_one_digit_in_the_id", with_query("deviceId=a%1"), 400, "bad_id"},
      {"A27_percent_in_the_id_twice", with_query("deviceId=a%1&deviceId=a%1"), 400, "bad_id"},
      {"A27_percent_in_the_second_id", with_query("deviceId=a&deviceId=a%1"), 400, "device_id_conflict"},
      {"A27_percent_in_the_path", with_line("GET /ws%?deviceId=a HTTP/1.1"), 400, "target_escape_malformed"},
      {"header", with_line("GET /ws HTTP/1.1", "x-device-id: a\r\n"), 101},
      {"header_and_query_agree", with_line("GET /ws?deviceId=a HTTP/1.1", "X-Device-Id: a\r\n"), 101},
      {"header_and_query_differ", with_line("GET /ws?deviceId=a HTTP/1.1", "X-Device-Id: b\r\n"), 400, "device_id_conflict"},
      {"two_headers_differ", with_line("GET /ws HTTP/1.1", "X-Device-Id: a\r\nX-Device-Id: b\r\n"), 400, "device_id_conflict"},
      {"two_headers_agree", with_line("GET /ws HTTP/1.1", "X-Device-Id: a\r\nX-Device-Id: a\r\n"), 101},
      {"two_headers_agree_when_decoded", with_line("GET /ws HTTP/1.1", "X-Device-Id: a\r\nX-Device-Id: %61\r\n"), 101},
      {"two_headers_differ_when_decoded", with_line("GET /ws HTTP/1.1", "X-Device-Id: a\r\nX-Device-Id: %62\r\n"), 400,
       "device_id_conflict"},
      {"header_with_escape_fault", with_line("GET /ws HTTP/1.1", "X-Device-Id: a%zz\r\n"), 400, "bad_id"},
      {"header_list", with_line("GET /ws HTTP/1.1", "X-Device-Id: a, b\r\n"), 400, "bad_id"},
  };
  return rows;
}

std::vector<Row> path_rows() {
  const auto at = [](const std::string& target) { return with_line("GET " + target + " HTTP/1.1"); };
  return {
      {"good", at("/ocpp/CP-1"), 101},
      {"escaped_letter", at("/ocpp/%43P"), 101},
      {"ocpp_characters", at("/ocpp/a*b=c+d|e%20f"), 101},
      {"ocpp_characters_escaped", at("/ocpp/a%2Ab%3Dc%2Bd%7Ce"), 101},
      {"space_in_front", at("/ocpp/%20a"), 400, "bad_id"},
      {"space_behind", at("/ocpp/a%20"), 400, "bad_id"},
      {"printable_not_here", at("/ocpp/a&b"), 400, "bad_id"},
      {"slash_escaped", at("/ocpp/a%2Fb"), 400, "bad_id"},
      {"decoded_once", at("/ocpp/a%2541"), 400, "bad_id"},
      {"empty", at("/ocpp/"), 400, "bad_id"},
      {"no_segment", at("/ocpp"), 404, "path_unknown"},
      {"two_segments", at("/ocpp/a/b"), 404, "path_unknown"},
      {"dot_dot", at("/ocpp/.."), 400, "bad_id"},
      {"dot_dot_escaped", at("/ocpp/%2e%2E"), 400, "bad_id"},
      {"reserved", at("/ocpp/anon-a"), 400, "device_id_reserved"},
      {"control", at("/ocpp/a%0A"), 400, "target_malformed"},
      {"nul", at("/ocpp/a%00b"), 400, "target_malformed"},
      {"longest", at("/ocpp/" + std::string(128, 'a')), 101},
      {"too_long", at("/ocpp/" + std::string(129, 'a')), 400, "bad_id"},
      {"query_agrees", at("/ocpp/a?deviceId=a"), 101},
      {"query_differs", at("/ocpp/a?deviceId=b"), 400, "device_id_conflict"},
      {"header_differs", with_line("GET /ocpp/a HTTP/1.1", "X-Device-Id: b\r\n"), 400, "device_id_conflict"},
      {"absolute_target", at("ws://h/ocpp/a"), 101},
      {"printable", at("/fleet/a%5C%5B%7B%3C&$(z)%5E,;!/live"), 101},
      {"printable_without_quotes", at("/fleet/a%22/live"), 400, "bad_id"},
      {"printable_without_question", at("/fleet/a%3F/live"), 400, "bad_id"},
      {"printable_without_percent", at("/fleet/a%25/live"), 400, "bad_id"},
      {"behind_the_id", at("/fleet/a/dead"), 404, "path_unknown"},
      {"too_short_for_both_parts", at("/fleet/live"), 404, "path_unknown"},
      {"empty_between", at("/fleet//live"), 400, "bad_id"},
      {"literal_goes_first", at("/ocpp/health"), 400, "device_id_missing"},
      {"literal_in_another_spelling", at("/ocpp/%68ealth"), 404, "path_unknown"},
      {"strict_elsewhere", with_query("deviceId=a*b"), 400, "bad_id"},
  };
}

std::string row_name(const testing::TestParamInfo<Row>& tested) { return tested.param.id; }

INSTANTIATE_TEST_SUITE_P(MethodAndPath, AdmissionRow, testing::ValuesIn(method_and_path_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(Origin, AdmissionRow, testing::ValuesIn(origin_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(Path, AdmissionRow, testing::ValuesIn(path_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(DeviceId, AdmissionRow, testing::ValuesIn(id_rows()), row_name);

TEST(Admission, NamesRouteDeviceAndKey) {
  const std::string request = upgrade_request("GET /other?deviceId=sensor%3A7 HTTP/1.1");
  http::RequestHeadParser parser{device_head};
  ASSERT_EQ(parse(parser, request).status, http::HeadStatus::complete);
  const auto admission = admit(parser.view(bytes_of(request)), open_gate, seed);
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission->route_index, 1U);
  EXPECT_EQ(admission->device_id.view(), "sensor:7");
  EXPECT_FALSE(admission->is_anonymous);
  EXPECT_EQ(admission->websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
}

TEST(Admission, TakesTheIdFromThePath) {
  const auto admission = verdict_of(upgrade_request("GET /ocpp/EV%20*7 HTTP/1.1"));
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission->route_index, 2U);
  EXPECT_EQ(admission->device_id.view(), "EV *7");
}

TEST(Admission, NamesTheClaimedIdOfEveryRouteForLogs) {
  const auto claimed = [](const std::string& request) {
    http::RequestHeadParser parser{device_head};
    EXPECT_EQ(parse(parser, request).status, http::HeadStatus::complete);
    return std::string(claimed_device_id(parser.view(bytes_of(request)), routes));
  };
  EXPECT_EQ(claimed(upgrade_request("GET /ocpp/a%20b HTTP/1.1")), "a%20b");
  EXPECT_EQ(claimed(upgrade_request("GET /ws?deviceId=x%20 HTTP/1.1")), "x%20");
  EXPECT_EQ(claimed(upgrade_request("GET /nope?deviceId=x HTTP/1.1")), "");
}

TEST(Admission, GivesAMissingIdANameIfNoneIsRequired) {
  GateView gate = open_gate;
  gate.device_id_required = false;
  const auto admission = verdict_of(upgrade_request("GET /ws HTTP/1.1"), gate);
  ASSERT_TRUE(admission);
  EXPECT_TRUE(admission->is_anonymous);
  EXPECT_EQ(admission->device_id.view(), "anon-abz27a7" + std::string(19, 'a'));
  EXPECT_TRUE(is_valid_device_id(admission->device_id.view()));
  EXPECT_EQ(verdict_of(with_query("deviceId="), gate).error(), Rejection::device_id_malformed);
  EXPECT_EQ(verdict_of(with_query("deviceId=anon-a"), gate).error(), Rejection::device_id_reserved);
  EXPECT_FALSE(verdict_of(with_query("deviceId=a"), gate)->is_anonymous);
}

TEST(Admission, RefusesWhenDrainingOrFull) {
  GateView gate = open_gate;
  gate.is_at_connection_limit = true;
  EXPECT_EQ(verdict_of(upgrade_request(), gate).error(), Rejection::connection_limit);
  gate.is_draining = true;
  EXPECT_EQ(verdict_of(upgrade_request(), gate).error(), Rejection::draining);
}

TEST(Admission, JudgesInTheOneOrder) {
  GateView gate = open_gate;
  gate.is_draining = true;
  std::string request = "put /nope HTTP/1.0\r\nHost: h\r\nContent-Length: x\r\nOrigin: http://evil\r\n\r\n";
  const auto next = [&](std::string_view from, std::string_view to) {
    request = replaced(request, from, to);
    return verdict_of(request, gate).error();
  };
  EXPECT_EQ(verdict_of(request, gate).error(), ws::Rejection::http10_refused);
  EXPECT_EQ(next("1.0", "1.1"), http::Rejection::content_length_malformed);
  EXPECT_EQ(next("Content-Length: x\r\n", ""), http::Rejection::method_unknown);
  EXPECT_EQ(next("put", "PUT"), http::Rejection::method_not_allowed);
  EXPECT_EQ(next("PUT", "GET"), http::Rejection::path_unknown);
  EXPECT_EQ(next("/nope", "/ws"), ws::Rejection::upgrade_missing);
  request = replaced(upgrade_request("GET /ws HTTP/1.1", "Origin: http://evil\r\n"), "Version: 13", "Version: 12");
  EXPECT_EQ(verdict_of(request, gate).error(), ws::Rejection::websocket_version_unsupported);
  EXPECT_EQ(next("Version: 12", "Version: 13"), Rejection::origin_forbidden);
  EXPECT_EQ(next("http://evil", "http://h"), Rejection::draining);
  gate.is_draining = false;
  EXPECT_EQ(verdict_of(request, gate).error(), Rejection::device_id_missing);
}

TEST(Admission, HasAVerdictForEveryFlippedBit) {
  const std::string good = upgrade_request("GET /ws?deviceId=abc HTTP/1.1", "Origin: http://h\r\n");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto admission = verdict_of(flipped);
    if (admission) {
      EXPECT_TRUE(is_valid_device_id(admission->device_id.view())) << "bit " << bit;
    }
  }
}

}  // namespace
}  // namespace ringgate::admission
