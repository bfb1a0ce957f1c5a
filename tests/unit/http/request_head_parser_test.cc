#include "http/request_head_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "request_samples.h"

namespace ringgate::http {
namespace {

/// One bad (or just good) input: `rejection` is empty if the head must be accepted.
struct Row {
  std::string id;
  std::string request;
  std::optional<Rejection> rejection;

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.id; }
};

class RequestHeadParserRow : public testing::TestWithParam<Row> {};

std::string row_name(const testing::TestParamInfo<Row>& tested) { return tested.param.id; }

TEST_P(RequestHeadParserRow, HasOneVerdictInEveryCut) {
  const Row& row = GetParam();
  const HeadVerdict verdict = parse_in_every_cut(row.request);
  if (row.rejection) {
    EXPECT_EQ(verdict.status, HeadStatus::rejected);
    EXPECT_EQ(facts_of(verdict.rejection).reason, facts_of(*row.rejection).reason);
  } else {
    EXPECT_EQ(verdict.status, HeadStatus::complete) << verdict;
    EXPECT_EQ(verdict.head_bytes, row.request.size());
  }
}

constexpr std::size_t default_head_bytes = HeadRules{}.head_bytes_max;

std::string with_line(const std::string& request_line) { return upgrade_request(request_line); }
std::string with_target(const std::string& target) { return upgrade_request("GET " + target + " HTTP/1.1"); }
std::string with_version(const std::string& version) { return upgrade_request("GET /ws " + version); }
std::string with_field(const std::string& line) { return upgrade_request("GET /ws HTTP/1.1", line + "\r\n"); }
std::string with_host(const std::string& line) { return replaced(upgrade_request(), "Host: h\r\n", line); }

using R = Rejection;

/// A good request of exactly the largest head, by a last line that begins with `line` and goes on with `filling`.
std::string head_filled_by(const std::string& line, char filling) {
  const std::string start = replaced(upgrade_request(), "\r\n\r\n", "\r\n" + line);
  return start + std::string(HeadRules{}.head_bytes_max - start.size() - 4, filling) + "\r\n\r\n";
}

std::vector<Row> request_line_rows() {
  std::vector<Row> rows{
      {"A01_http10_is_recorded", with_version("HTTP/1.0"), {}},
      {"A02_http12", with_version("HTTP/1.2"), {}},
      {"A02_http19", with_version("HTTP/1.9"), {}},
      {"A03_http20", with_version("HTTP/2.0"), R::version_unsupported},
      {"A03_http99", with_version("HTTP/9.9"), R::version_unsupported},
      {"A03_http09", with_version("HTTP/0.9"), R::version_unsupported},
      {"A04_no_minor", with_version("HTTP/1"), R::version_malformed},
      {"A04_no_minor_of_2", with_version("HTTP/2"), R::version_malformed},
      {"A05_major_01", with_version("HTTP/01.1"), R::version_malformed},
      {"A05_minor_01", with_version("HTTP/1.01"), R::version_malformed},
      {"A05_minor_10", with_version("HTTP/1.10"), R::version_malformed},
      {"A05_major_10", with_version("HTTP/10.1"), R::version_malformed},
      {"A06_lower", with_version("http/1.1"), R::version_malformed},
      {"A06_mixed", with_version("Http/1.1"), R::version_malformed},
      {"A07_space_before_major", with_version("HTTP/ 1.1"), R::version_malformed},
      {"A07_space_behind_major", with_version("HTTP/1 .1"), R::version_malformed},
      {"A07_trailing_space", with_version("HTTP/1.1 "), R::version_malformed},
      {"A07_trailing_tab", with_version("HTTP/1.1\t"), R::version_malformed},
      {"A08_http09_line", "GET /ws\r\n", R::target_malformed},
      {"A10_two_spaces_before_target", with_line("GET  /ws HTTP/1.1"), R::target_malformed},
      {"A10_two_spaces_before_version", with_line("GET /ws  HTTP/1.1"), R::version_malformed},
      {"A11_tabs", with_line("GET\t/ws\tHTTP/1.1"), R::method_malformed},
      {"A12_lf_for_space", with_line("GET /ws\nHTTP/1.1"), R::target_malformed},
      {"A13_one_empty_line", "\r\n" + upgrade_request(), {}},
      {"A14_two_empty_lines", "\r\n\r\n" + upgrade_request(), R::empty_line_repeated},
      {"A14_bare_lf_first", "\n" + upgrade_request(), R::line_ending_malformed},
      {"A14_bare_cr_first", "\r" + upgrade_request(), R::line_ending_malformed},
      {"A15_leading_space", " " + upgrade_request(), R::method_malformed},
      {"A15_leading_tab", "\t" + upgrade_request(), R::method_malformed},
      {"A15_space_behind_empty_line", "\r\n " + upgrade_request(), R::method_malformed},
      {"A16_lower_method_is_a_token", with_line("get /ws HTTP/1.1"), {}},
      {"A20_at_in_method", with_line("G@T /ws HTTP/1.1"), R::method_malformed},
      {"A20_nul_in_method", with_line(bytes("G\0T /ws HTTP/1.1")), R::method_malformed},
      {"A20_colon_method", with_line(":GET /ws HTTP/1.1"), R::method_malformed},
      {"A20_empty_method", with_line(" /ws HTTP/1.1"), R::method_malformed},
      {"A21_method_of_32", with_line(std::string(32, 'A') + " /ws HTTP/1.1"), {}},
      {"A21_method_of_33", with_line(std::string(33, 'A') + " /ws HTTP/1.1"), R::method_too_long},
      {"A21_method_of_100KB", std::string(100'000, 'A'), R::method_too_long},
      {"A22_extra_text", with_line("Extra lineGET / HTTP/1.1"), R::version_malformed},
      {"A23_nul_in_target", with_target(bytes("/w\0s")), R::target_malformed},
      {"A25_latin1", with_target("/\xa0"), R::target_malformed},
      {"A25_utf8", with_target("/\xc3\xa9"), R::target_malformed},
      {"A25_overlong", with_target("/\xc0\xaf"), R::target_malformed},
      {"A26_fragment", with_target("/ws#frag"), R::target_malformed},
      {"A26_space", with_target("/w s"), R::version_malformed},
      {"A26_backslash", with_target("/w\\s"), R::target_malformed},
      {"A26_angle_brackets", with_target("/ws?a=<>"), R::target_malformed},
      {"A26_brackets", with_target("/ws?a=[]"), R::target_malformed},
      {"A26_braces", with_target("/ws?a={}"), R::target_malformed},
      {"A27_percent_at_end", with_target("/ws%"), R::target_escape_malformed},
      {"A27_percent_one_digit", with_target("/ws%1"), R::target_escape_malformed},
      {"A27_percent_no_hex", with_target("/ws%z1"), R::target_escape_malformed},
      {"A27_percent_no_hex_in_query", with_target("/ws?deviceId=%1z"), R::target_escape_malformed},
      {"A28_escaped_nul_in_path", with_target("/ws%00"), R::target_malformed},
      {"A28_escaped_crlf_in_path", with_target("/ws%0d%0a"), R::target_malformed},
      {"A28_escaped_lf_in_path", with_target("/ws%0A"), R::target_malformed},
      {"A28_escaped_delete_in_path", with_target("/ws%7F"), R::target_malformed},
      {"A28_escaped_lf_in_query_is_for_the_id", with_target("/ws?x=%0a"), {}},
      {"A_absolute_ws", with_target("ws://h/ws?deviceId=a"), {}},
      {"A_absolute_wss_upper_case", with_target("WSS://H/ws"), {}},
      {"A_absolute_default_port", with_target("ws://h:80/ws"), {}},
      {"A_absolute_empty_port", with_target("ws://h:/ws"), {}},
      {"A_absolute_default_port_of_tls", with_target("wss://h:443/ws"), {}},
      {"A_absolute_default_port_of_https", with_target("https://h:443/ws"), {}},
      {"A_absolute_default_port_in_host", replaced(with_target("http://h/ws"), "Host: h", "Host: h:80"), {}},
      {"A_absolute_other_host", with_target("ws://g/ws"), R::authority_conflict},
      {"A_absolute_other_port", with_target("ws://h:8080/ws"), R::authority_conflict},
      {"A_absolute_port_of_the_other_scheme", with_target("ws://h:443/ws"), R::authority_conflict},
      {"A_absolute_port_in_host_of_the_other_scheme", replaced(with_target("https://h/ws"), "Host: h", "Host: h:80"),
       R::authority_conflict},
      {"A_absolute_longer_host", with_target("http://hh/ws"), R::authority_conflict},
      {"A_absolute_without_host_in_http10", "GET http://h/ HTTP/1.0\r\n\r\n", {}},
      {"A29_asterisk", with_target("*"), R::target_form_unsupported},
      {"A29_authority", with_target("h:80"), R::target_form_unsupported},
      {"A29_no_slash", with_target("ws"), R::target_form_unsupported},
      {"A30_absolute", with_target("http://h/ws"), {}},
      {"A30_absolute_https", replaced(with_target("HTTPS://h:8443/ws?deviceId=a"), "Host: h", "Host: h:8443"), {}},
      {"A30_absolute_ipv6", replaced(with_target("http://[::1]:80/ws"), "Host: h", "Host: [::1]"), {}},
      {"A30_absolute_no_path", with_target("http://h"), {}},
      {"A30_absolute_no_host", with_target("http:///ws"), R::target_malformed},
      {"A30_absolute_user", with_target("http://user@h/ws"), R::target_malformed},
      {"A30_absolute_brackets_in_path", with_target("http://h/[ws]"), R::target_malformed},
      {"A30_absolute_other_scheme", with_target("ftp://h/ws"), R::target_form_unsupported},
      {"A33_target_of_8192", with_target("/" + std::string(8191, 'a')), {}},
      {"A33_target_of_8193", with_target("/" + std::string(8192, 'a')), R::target_too_long},
      {"A33_target_of_100KB", "GET /" + std::string(100'000, 'a'), R::target_too_long},
      {"A34_http2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", R::version_unsupported},
      {"A34_client_hello", bytes("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), R::method_malformed},
      {"A_bare_cr_behind_version", "GET /ws HTTP/1.1\rHost: h\r\n\r\n", R::line_ending_malformed},
      {"A_bare_lf_behind_version", "GET /ws HTTP/1.1\nHost: h\r\n\r\n", R::version_malformed},
  };
  for (int byte = 0x01; byte <= 0x20; ++byte) {
    if (byte == ' ') byte = 0x7f;
    const std::string target = std::string{"/w"} + static_cast<char>(byte) + "s";
    rows.push_back({"A24_control_" + std::to_string(byte), with_target(target), R::target_malformed});
    if (byte == 0x7f) break;
  }
  return rows;
}

std::vector<Row> field_rows() {
  std::vector<Row> rows{
      {"B01_space_before_colon", with_host("Host : h\r\n"), R::field_name_malformed},
      {"B01_tab_before_colon", with_field("X\t: a"), R::field_name_malformed},
      {"B02_fold_space", with_field("X: a\r\n b"), R::field_folded},
      {"B02_fold_tab", with_field("X: a\r\n\tb"), R::field_folded},
      {"B02_fold_blank_line", with_field("X: a\r\n "), R::field_folded},
      {"B03_folded_transfer_encoding", with_field("Transfer-Encoding:\r\n chunked"), R::field_folded},
      {"B04_space_before_first_field", replaced(upgrade_request(), "Host", " Host"), R::field_folded},
      {"B04_tab_before_first_field", replaced(upgrade_request(), "Host", "\tHost"), R::field_folded},
      {"B05_empty_name", with_field(": v"), R::field_name_malformed},
      {"B06_no_colon", with_field("NoColonHere"), R::field_name_malformed},
      {"B08_utf8_name", with_field("\xc3\xab: v"), R::field_name_malformed},
      {"B08_obs_text_name", with_field("\xefX: v"), R::field_name_malformed},
      {"B10_nul_in_value", with_field(bytes("X: a\0b")), R::field_value_malformed},
      {"B10_nul_last_in_value", with_field(bytes("X: a\0")), R::field_value_malformed},
      {"B10_nul_alone", with_field(bytes("X:\0")), R::field_value_malformed},
      {"B11_bare_cr_in_value", with_field("X: a\rb"), R::line_ending_malformed},
      {"B12_bare_lf_in_value", with_field("X: a\nY: b"), R::line_ending_malformed},
      {"B13_cr_only", "GET /ws HTTP/1.1\rHost: h\r\r", R::line_ending_malformed},
      {"B13_lf_only", "GET /ws HTTP/1.1\nHost: h\n\n", R::version_malformed},
      {"B13_lf_cr", "GET /ws HTTP/1.1\n\rHost: h\n\r\n\r", R::version_malformed},
      {"B13_lf_for_last_line", "GET /ws HTTP/1.1\r\nHost: h\r\n\n", R::line_ending_malformed},
      {"B14_cr_before_hidden_request", "GET /ws HTTP/1.1\r\nHost: a\r\n\rZGET /evil: HTTP/1.1\r\n\r\n", R::line_ending_malformed},
      {"B16_obs_text_in_value", with_field("X-Other: \x80\xff"), {}},
      {"B19_value_of_8192", with_field("X: " + std::string(8192, 'v') + "  "), {}},
      {"B19_value_of_8193", with_field("X: " + std::string(8193, 'v')), {}},
      {"B19_value_that_fills_the_head", head_filled_by("X: ", 'v'), {}},
      {"B19_value_that_overfills_the_head", replaced(head_filled_by("X: ", 'v'), "X: ", "X:  "), R::head_too_large},
      {"B19_value_of_100KB", with_field("X: " + std::string(100'000, 'v')), R::head_too_large},
      {"B20_name_of_256", with_field(std::string(256, 'n') + ": v"), {}},
      {"B20_name_of_257", with_field(std::string(257, 'n') + ": v"), {}},
      {"B20_name_that_fills_the_head", replaced(head_filled_by("X", 'n'), "n\r\n\r\n", ":\r\n\r\n"), {}},
      {"B20_name_of_100KB", with_field(std::string(100'000, 'n')), R::head_too_large},
      {"B23_empty_value", with_field("X-Empty:"), {}},
      {"B23_blank_value", with_field("X-Empty: \t "), {}},
      {"B24_tabs_around_value", with_field("X:\t websocket \t"), {}},
      {"B26_commas", with_field("Connection:" + std::string(16'384, ',')), R::head_too_large},
      {"B27_underscores", with_field("Transfer_Encoding: chunked\r\nContent_Length: 5"), {}},
      {"B29_prototype", with_field("__proto__: a\r\nconstructor: b"), {}},
      {"B_endless_white_space", "GET / HTTP/1.1\r\nX:" + std::string(20'000, ' '), R::head_too_large},
  };
  for (const char byte : bytes("[](){}<>@,;:\\\"/?= \t\0\x01\x1b\x7f")) {
    const std::string name = std::string{"X"} + byte + "Y";
    const auto rejection = byte == ':' ? std::optional<Rejection>{} : R::field_name_malformed;
    rows.push_back(
        {"B07_B09_name_with_" + std::to_string(static_cast<unsigned char>(byte)), with_field(name + ": v"), rejection});
  }
  for (int byte = 0; byte <= 0x7f; byte = byte == 0x1f ? 0x7f : byte + 1) {
    if (byte == '\t' || byte == '\n' || byte == '\r') continue;
    rows.push_back({"B15_control_" + std::to_string(byte), with_field(std::string{"X: a"} + static_cast<char>(byte) + "b"),
                    R::field_value_malformed});
  }
  for (const std::size_t fields_count : {std::size_t{100}, std::size_t{101}}) {
    std::string request = "GET /ws HTTP/1.1\r\nHost: h\r\n";
    for (std::size_t i = 1; i < fields_count; ++i) request += "X: a\r\n";
    rows.push_back({"B17_fields_" + std::to_string(fields_count), request + "\r\n",
                    fields_count > 100 ? R::fields_too_many : std::optional<Rejection>{}});
  }
  for (const std::size_t head_bytes : {default_head_bytes, default_head_bytes + 1}) {
    const std::string start = with_field("A: " + std::string(8100, 'a') + "\r\nB: ");
    const std::string open = start.substr(0, start.size() - 4);
    rows.push_back({"B21_head_of_" + std::to_string(head_bytes), open + std::string(head_bytes - start.size(), 'b') + "\r\n\r\n",
                    head_bytes > default_head_bytes ? R::head_too_large : std::optional<Rejection>{}});
  }
  return rows;
}

std::vector<Row> host_rows() {
  return {
      {"C01_missing", with_host(""), R::host_missing},
      {"C01_missing_is_good_in_http10", "GET / HTTP/1.0\r\n\r\n", {}},
      {"C02_two", with_host("Host: a\r\nHost: b\r\n"), R::host_repeated},
      {"C02_two_in_http10", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", R::host_repeated},
      {"C03_same_twice", with_host("Host: h\r\nhost: h\r\n"), R::host_repeated},
      {"C04_list", with_host("Host: a, b\r\n"), R::host_malformed},
      {"C04_tight_list", with_host("Host: a,b\r\n"), R::host_malformed},
      {"C04_two_words", with_host("Host: a b\r\n"), R::host_malformed},
      {"C05_user", with_host("Host: user@h\r\n"), R::host_malformed},
      {"C05_path", with_host("Host: h/path\r\n"), R::host_malformed},
      {"C05_query", with_host("Host: h?x\r\n"), R::host_malformed},
      {"C06_empty", with_host("Host:\r\n"), R::host_malformed},
      {"C06_empty_in_http10", "GET / HTTP/1.0\r\nHost:\r\n\r\n", R::host_malformed},
      {"C06_port_alone", with_host("Host: :80\r\n"), R::host_malformed},
      {"C08_open_bracket", with_host("Host: [::1\r\n"), R::host_malformed},
      {"C08_text_behind_bracket", with_host("Host: [::1]x\r\n"), R::host_malformed},
      {"C08_no_address", with_host("Host: [zz]\r\n"), R::host_malformed},
      {"C08_bare_ipv6", with_host("Host: ::1\r\n"), R::host_malformed},
      {"C08_ipv6_and_port", with_host("Host: [::1]:8080\r\n"), {}},
      {"C10_obs_text", with_host("Host: h\xff\r\n"), R::host_malformed},
      {"C10_nul", with_host(bytes("Host: h\0\r\n")), R::field_value_malformed},
      {"C_port_too_large", with_host("Host: h:65536\r\n"), R::host_malformed},
      {"C_port_no_number", with_host("Host: h:8o\r\n"), R::host_malformed},
      {"C_port_with_a_zero_in_front", with_host("Host: h:080\r\n"), R::host_malformed},
      {"C_port_of_many_zeros", with_host("Host: h:00000000000080\r\n"), R::host_malformed},
      {"C_ipv4_and_port", with_host("Host: 127.0.0.1:8080\r\n"), {}},
  };
}

INSTANTIATE_TEST_SUITE_P(A, RequestHeadParserRow, testing::ValuesIn(request_line_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(B, RequestHeadParserRow, testing::ValuesIn(field_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(C, RequestHeadParserRow, testing::ValuesIn(host_rows()), row_name);

TEST(RequestHeadParser, FindsEveryPartOfAnUpgrade) {
  const std::string request = upgrade_request("GET /ws?deviceId=abc HTTP/1.1", "X-Padded: \t a b \t\r\n") + "frames";
  RequestHeadParser parser;
  const HeadVerdict verdict = parse(parser, request, {7, 20, 21, 60});
  ASSERT_EQ(verdict.status, HeadStatus::complete);
  EXPECT_EQ(request.substr(verdict.head_bytes), "frames");
  const RequestView view = parser.view(bytes_of(request));
  EXPECT_EQ(view.method(), Method::get);
  EXPECT_EQ(view.method_text(), "GET");
  EXPECT_EQ(view.target(), "/ws?deviceId=abc");
  EXPECT_EQ(view.path(), "/ws");
  EXPECT_EQ(view.query(), "deviceId=abc");
  EXPECT_EQ(view.host(), "h");
  EXPECT_EQ(view.field("x-padded"), "a b");
  EXPECT_FALSE(view.is_http10());
  EXPECT_EQ(view.fields_count(), 6U);
}

TEST(RequestHeadParser, TakesAuthorityOfAnAbsoluteTarget) {
  const std::string request = "GET http://Other:81?q HTTP/1.1\r\nHost: other:81\r\n\r\n";
  RequestHeadParser parser;
  ASSERT_EQ(parse(parser, request).status, HeadStatus::complete);
  const RequestView view = parser.view(bytes_of(request));
  EXPECT_EQ(view.authority(), "Other:81");
  EXPECT_EQ(view.host(), "other:81");
  EXPECT_EQ(view.path(), "/");
  EXPECT_EQ(view.query(), "q");
}

TEST(RequestHeadParser, RecordsVersionAndMethod) {
  const std::vector<std::pair<std::string, Method>> methods{
      {"GET", Method::get},        {"HEAD", Method::head},       {"POST", Method::post},       {"PUT", Method::put},
      {"DELETE", Method::delete_}, {"CONNECT", Method::connect}, {"OPTIONS", Method::options}, {"TRACE", Method::trace},
      {"PATCH", Method::patch},    {"QUERY", Method::query},     {"get", Method::unknown}};
  for (const auto& [name, method] : methods) {
    RequestHeadParser parser;
    ASSERT_EQ(parse(parser, name + " / HTTP/1.0\r\n\r\n").status, HeadStatus::complete) << name;
    EXPECT_EQ(parser.head().method, method) << name;
    EXPECT_EQ(parser.head().minor_version, 0);
  }
}

// Whoever tells of a request that goes no further can say what was asked for.
TEST(RequestHeadParser, KnowsPathAndQueryAsSoonAsTheTarget) {
  struct Case {
    std::string_view request, path, query;
  };
  for (const Case& c : {Case{"GET /ws?deviceId=a HTTP/01.1\r\n", "/ws", "deviceId=a"},
                        Case{"GET /ws?deviceId=a ", "/ws", "deviceId=a"}, Case{"GET /other HTTP/2.0\r\n", "/other", ""},
                        Case{"GET /w[s?a HTTP/1.1\r\n", "/w[s", "a"}, Case{"GET http://u:secret@h/ws?a HTTP/1.1\r\n", "/ws", "a"},
                        Case{"GET http://h HTTP/9.9\r\n", "/", ""}, Case{"OPTIONS * HTTP/9.9\r\n", "*", ""}}) {
    RequestHeadParser parser;
    EXPECT_NE(parse(parser, c.request).status, HeadStatus::complete) << c.request;
    EXPECT_EQ(parser.view(bytes_of(c.request)).path(), c.path) << c.request;
    EXPECT_EQ(parser.view(bytes_of(c.request)).query(), c.query) << c.request;
  }
}

TEST(RequestHeadParser, FailsAtTheFirstOffendingByte) {
  EXPECT_EQ(bytes_until_verdict("G@T /ws"), 2U);
  EXPECT_EQ(bytes_until_verdict("\r\n\r\n\r"), 5U);
  EXPECT_EQ(bytes_until_verdict(std::string(100, 'A')), limits::method_bytes_max + 1);
  EXPECT_EQ(bytes_until_verdict("GET /" + std::string(9000, 'a')), 4 + limits::target_bytes_max + 1);
  for (const std::string start : {"GET / HTTP/1.1\r\nX: v", "GET / HTTP/1.1\r\nn", "GET / HTTP/1.1\r\nX: v "})
    EXPECT_EQ(bytes_until_verdict(start + std::string(20'000, start.back())), default_head_bytes);
}

// Whole, a part is passed in runs that end at its limit; byte by byte there is no run.
TEST(RequestHeadParser, JudgesPartsAtTheirLimitsAlikeWholeAndByteByByte) {
  const auto expect_alike = [](std::string_view request, const HeadRules& rules = {}) {
    RequestHeadParser whole{rules}, cut{rules};
    const HeadVerdict verdict = parse(whole, request);
    HeadVerdict last;
    for (std::size_t size = 1; size <= request.size() && last.status == HeadStatus::need_more; ++size)
      last = cut.resume(bytes_of(request.substr(0, size)));
    EXPECT_EQ(verdict, last) << request.size();
    EXPECT_EQ(whole.head().fields.size(), cut.head().fields.size());
    for (std::size_t i = 0; i < std::min(whole.head().fields.size(), cut.head().fields.size()); ++i) {
      EXPECT_EQ(whole.head().fields[i].value.offset, cut.head().fields[i].value.offset);
      EXPECT_EQ(whole.head().fields[i].value.length, cut.head().fields[i].value.length);
    }
    return verdict.status;
  };
  const std::string end = "\r\nHost: h\r\n\r\n";
  for (const std::string tail : {"", " ", "\t", " \t ", " v", "\tv", "\x01", "\x7f", "\x80", "%41", "%0a", "?%0a", "?a"}) {
    for (std::size_t under = 0; under <= 10; ++under) {
      const std::string start = "GET / HTTP/1.1\r\nX: ";
      const HeadRules small{.head_bytes_max = limits::head_bytes_least};
      const std::size_t left = limits::head_bytes_least + 1 - under;
      expect_alike(start + std::string(left - start.size() - end.size(), 'v') + tail + end, small);
      expect_alike(start + std::string(left - start.size(), 'v') + tail + end, small);
      expect_alike("GET / HTTP/1.1\r\n" + std::string(left - 20, 'n') + tail + ": v" + end, small);
      expect_alike("GET /" + std::string(limits::target_bytes_max - under, 'a') + tail + " HTTP/1.1" + end);
    }
  }
}

// What browsers leave raw in a query is refused by default, and passes where the rules say so; nowhere else in the target.
TEST(RequestHeadParser, ReadsAQueryAsBrowsersSendItIfToldTo) {
  const HeadRules lenient{.query = QueryRule::as_browsers_send};
  const auto verdict_of = [](const HeadRules& rules, const std::string& target) {
    const HeadVerdict verdict = parse_in_every_cut(with_target(target), rules);
    return verdict.status == HeadStatus::complete ? std::string_view{} : facts_of(verdict.rejection).reason;
  };
  for (const std::string piece : {"[", "]", "{", "}", "|", "\\", "^", "`", "a[]=1", "{\"", "%", "%z", "%1", "%zz", "100%"}) {
    const bool is_quoted = piece.find('"') != std::string::npos;
    EXPECT_EQ(verdict_of(lenient, "/ws?x=" + piece), is_quoted ? "target_malformed" : "") << piece;
    EXPECT_EQ(verdict_of(lenient, "/ws?x=" + piece + "&y=?"), is_quoted ? "target_malformed" : "") << piece;
    EXPECT_EQ(verdict_of(lenient, "ws://h?x=" + piece), is_quoted ? "target_malformed" : "") << piece;
    if (piece == "|") EXPECT_EQ(verdict_of(lenient, "/ws" + piece), "");
    else EXPECT_NE(verdict_of(lenient, "/ws" + piece), "") << piece;
    EXPECT_NE(verdict_of({}, "/ws" + piece), "") << piece;
    EXPECT_NE(verdict_of({}, "/ws?x=" + piece), "") << piece;
  }
  for (int byte = 0; byte < 256; ++byte) {
    const std::string target = std::string("/ws?x=") + static_cast<char>(byte);
    const bool refused = byte <= 0x20 || byte >= 0x7f || byte == '"' || byte == '<' || byte == '>' || byte == '#';
    EXPECT_EQ(!verdict_of(lenient, target).empty(), refused) << byte;
  }
}

// A method that nobody serves is refused as such, whatever stands behind it.
TEST(RequestHeadParser, LeavesTheFormOfTheTargetToWhoServesTheMethod) {
  const HeadRules get_alone{.methods = methods_mask({Method::get})};
  const auto rejected = [](const HeadRules& rules, const std::string& line) {
    return parse_in_every_cut(upgrade_request(line), rules).status == HeadStatus::rejected;
  };
  for (const std::string target : {"*", "h:80", "[::1]:443", "ws", "ftp://h/"}) {
    EXPECT_TRUE(rejected(get_alone, "GET " + target + " HTTP/1.1")) << target;
    EXPECT_TRUE(rejected({}, "POST " + target + " HTTP/1.1")) << target;
    for (const std::string method : {"CONNECT", "OPTIONS", "POST", "get"})
      EXPECT_FALSE(rejected(get_alone, method + " " + target + " HTTP/1.1")) << method << ' ' << target;
  }
  RequestHeadParser parser{get_alone};
  const std::string request = upgrade_request("OPTIONS * HTTP/1.1");
  ASSERT_EQ(parse(parser, request).status, HeadStatus::complete);
  EXPECT_EQ(parser.view(bytes_of(request)).path(), "*");
}

TEST(RequestHeadParser, KeepsToTheSizesItIsGiven) {
  const auto filled = [](std::size_t head_bytes) {
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    return start + std::string(head_bytes - start.size() - 4, 'v') + "\r\n\r\n";
  };
  for (const std::size_t size : {limits::head_bytes_least, std::size_t{16 * 1024}, limits::head_bytes_most}) {
    const HeadRules rules{.head_bytes_max = static_cast<std::uint16_t>(size)};
    EXPECT_EQ(parse_in_every_cut(filled(size), rules), (HeadVerdict{HeadStatus::complete, size, {}}));
    EXPECT_EQ(parse_in_every_cut(filled(size + 1), rules).rejection, Rejection::head_too_large);
  }
  const HeadRules few{.fields_max = 16};
  std::string request = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 1; i < 16; ++i) request += "X: a\r\n";
  EXPECT_EQ(parse_in_every_cut(request + "\r\n", few).status, HeadStatus::complete);
  EXPECT_EQ(parse_in_every_cut(request + "X: a\r\n\r\n", few).rejection, Rejection::fields_too_many);
}

TEST(RequestHeadParser, RepeatsItsVerdict) {
  RequestHeadParser parser;
  const std::string bad = "G@T / HTTP/1.1\r\n\r\n";
  const HeadVerdict first = parse(parser, bad);
  EXPECT_EQ(parse(parser, bad + bad), first);
}

TEST(RequestHeadParser, StartsAfreshAfterReset) {
  RequestHeadParser parser;
  ASSERT_EQ(parse(parser, upgrade_request()).status, HeadStatus::complete);
  EXPECT_FALSE(parser.is_idle());
  parser.reset();
  EXPECT_TRUE(parser.is_idle());
  const std::string second = "HEAD /healthz HTTP/1.1\r\nHost: admin\r\n\r\n";
  ASSERT_EQ(parse(parser, second), (HeadVerdict{HeadStatus::complete, second.size(), {}}));
  EXPECT_EQ(parser.head().fields.size(), 1U);
  EXPECT_EQ(parser.view(bytes_of(second)).path(), "/healthz");
}

TEST(RequestHeadParser, HasADefinedVerdictForEveryFlippedBit) {
  const std::string good = upgrade_request("GET /ws?deviceId=abc HTTP/1.1", "Origin: http://h\r\n");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const HeadVerdict verdict = parse_in_every_cut(flipped);
    EXPECT_NE(verdict.status, HeadStatus::need_more) << "bit " << bit;
  }
}

TEST(RequestHeadParser, ExaminesEachByteOnceHoweverCut) {
  const std::string head =
      "GET /ws HTTP/1.1\r\nHost: h\r\nA: " + std::string(8000, 'a') + "\r\nB: " + std::string(8000, 'b') + "\r\n\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1460}, head.size()}) {
    RequestHeadParser parser;
    for (std::size_t length = 0; length < head.size(); length += step)
      parser.resume(bytes_of(std::string_view{head}.substr(0, length)));
    ASSERT_EQ(parser.resume(bytes_of(head)).status, HeadStatus::complete);
    EXPECT_LE(parser.bytes_examined(), head.size() + parser.head().fields.size()) << "step " << step;
  }
}

TEST(RequestHeadParser, StaysSmallWhileAHeadIsShort) {
  RequestHeadParser parser;
  const std::string partial = upgrade_request().substr(0, 150);
  ASSERT_EQ(parse(parser, partial).status, HeadStatus::need_more);
  EXPECT_LE(sizeof parser + parser.memory_bytes() + partial.size(), 512U);
}

}  // namespace
}  // namespace ringgate::http
