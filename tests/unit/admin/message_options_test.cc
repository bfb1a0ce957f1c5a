// What a request may ask of its message, and what it is answered if it asks wrongly (M25).
#include "admin/message_options.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "admin_gate.h"

namespace ringgate::admin {
namespace {

using namespace testing;
using Json = nlohmann::json;

constexpr std::string_view ttl = "Ringgate-Ttl", coalesce_key = "Ringgate-Coalesce-Key", id = "Idempotency-Key",
                           only_to = "If-Match";

std::expected<PushOptions, Refusal> read(std::vector<std::pair<std::string_view, std::string>> fields, std::string query = "") {
  Request request;
  for (auto& [name, value] : fields) request.fields.emplace_back(name, std::move(value));
  request.query = std::move(query);
  return read_message_options(request);
}

std::string ask_with(std::string_view fields, std::string_view query = "", std::string_view device = "dev") {
  return "POST /v1/devices/" + std::string(device) + "/messages" + std::string(query) +
         " HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n" + std::string(fields) + "\r\nhi";
}

void expect_refused(AdminGate& gate, const std::string& request, int status, std::string_view reason) {
  const Reply reply = gate.ask_once(request);
  EXPECT_EQ(reply.status, status) << request;
  EXPECT_EQ(Json::parse(reply.body)["reason"], reason) << request;
}

TEST(MessageOptions, ArePlainWithoutFields) { EXPECT_TRUE(read({}, "&")->is_plain()); }

TEST(MessageOptions, AreNotMisspelt) {
  for (const char* query : {"other=1", "wiat=ponged", "wait=sent&x", "Wait=sent", "ttl=5"})
    EXPECT_EQ(read({}, query).error(), Refusal::bad_push_parameter) << query;
}

TEST(MessageOptions, TtlIsWholeSeconds) {
  EXPECT_EQ(read({{ttl, "0"}})->ttl_ns, 0U);
  EXPECT_EQ(read({{ttl, "90"}})->ttl_ns, 90'000'000'000U);
  EXPECT_EQ(read({{ttl, "9223372036854775807"}})->ttl_ns, limits::ttl_seconds_max * 1'000'000'000) << "2^63 - 1";
  for (const char* text :
       {"-1", "9223372036854775808", "1e3", "", "+1", "1.5", "1s", "0x1", "01", " 1", "1, 2", "18446744073709551616"})
    EXPECT_EQ(read({{ttl, text}}).error(), Refusal::bad_ttl) << text;
  EXPECT_EQ(read({{ttl, "1"}, {ttl, "1"}}).error(), Refusal::bad_ttl);
}

TEST(MessageOptions, IdIsAStructuredStringOrPlain) {
  EXPECT_EQ(read({{id, "8e03978e-40d5-43dd-bc93-6894a57f9324"}})->id, "8e03978e-40d5-43dd-bc93-6894a57f9324");
  EXPECT_EQ(read({{id, "\"8e03978e\""}})->id, "8e03978e");
  EXPECT_EQ(read({{id, R"("a \"b\\")"}})->id, R"(a "b\)");
  EXPECT_EQ(read({{id, std::string(255, 'x')}})->id.size(), 255U);
  for (const std::string& text :
       std::vector<std::string>{"", "\"\"", "\"a", "a\"", "\"a\";p=1", "a,b", "a b", "a;b", "\"a\\n\"", "\"\\", "\x80",
                                std::string(256, 'x'), '"' + std::string(256, 'x') + '"'})
    EXPECT_EQ(read({{id, text}}).error(), Refusal::bad_idempotency_key) << text;
  EXPECT_EQ(read({{id, "a"}, {id, "a"}}).error(), Refusal::bad_idempotency_key);
}

TEST(MessageOptions, CoalesceKeyIsBoundedAndPrintable) {
  EXPECT_EQ(read({{coalesce_key, "temp,1\"x"}})->coalesce_key, "temp,1\"x");
  for (const std::string& text : std::vector<std::string>{"", "a b", "\x7f", "\xc3\xa9", std::string(256, 'k')})
    EXPECT_EQ(read({{coalesce_key, text}}).error(), Refusal::bad_coalesce_key) << text;
}

using Connections = std::vector<ConnectionRef>;
constexpr ConnectionRef one{0x1200000001}, two{0x1200000002}, nobody{UINT64_MAX};
const std::string tag_of_one = "\"0000001200000001\"", tag_of_two = "\"0000001200000002\"";

TEST(MessageOptions, OnlyToIsAnEntityTag) {
  EXPECT_EQ(read({{only_to, tag_of_one}})->only_to, Connections{one});
  EXPECT_EQ(read({{only_to, "*"}})->only_to, Connections{}) << "any";
  for (const char* text :
       {"W/\"0000001200000001\"", "\"12\"", "\"000000120000000G\"", "\"0000000000000000\"", "\"\"", "\"a,b\"", "\"\xc3\xa9\""})
    EXPECT_EQ(read({{only_to, text}})->only_to, Connections{nobody}) << text << " matches nobody";
  for (const char* text : {"", ",", " , ", "0000001200000001", "\"", "\"a\"b", "\"a\" \"b\"", "w/\"a\"", "W/", "W/ \"a\"",
                           "\"a b\"", "\"a\\\"\"", "\"\x7f\"", "**", "*, \"a\"", "\"a\", *", "\"a\", b", "\"a\";q=1"})
    EXPECT_EQ(read({{only_to, text}}).error(), Refusal::bad_if_match) << text;
}

TEST(MessageOptions, OnlyToIsAListOfEntityTags) {  // RFC 9110 sections 5.6.1 and 13.1.1
  for (const char* between : {", ", ",", " , ", "\t,\t", ",,", ", ,"})
    EXPECT_EQ(read({{only_to, tag_of_one + between + tag_of_two}})->only_to, (Connections{one, two})) << between;
  EXPECT_EQ(read({{only_to, ", " + tag_of_one + ","}})->only_to, Connections{one}) << "empty elements";
  EXPECT_EQ(read({{only_to, tag_of_one}, {only_to, tag_of_two}})->only_to, (Connections{one, two})) << "two lines are one list";
  EXPECT_EQ(read({{only_to, ""}, {only_to, tag_of_two}})->only_to, Connections{two});
  EXPECT_EQ(read({{only_to, "W/" + tag_of_one + ", \"a,b\", " + tag_of_two}})->only_to, (Connections{nobody, two}));
  EXPECT_EQ(read({{only_to, "W/" + tag_of_one + ", W/" + tag_of_two}})->only_to, Connections{nobody});
  EXPECT_EQ(read({{only_to, "*"}, {only_to, tag_of_two}}).error(), Refusal::bad_if_match);
  EXPECT_EQ(read({{only_to, "*"}, {only_to, "*"}}).error(), Refusal::bad_if_match);
}

TEST(MessageOptions, WaitAndTimeoutAreParameters) {
  EXPECT_EQ(read({}, "wait=acked&timeout=500ms")->wait, PushLevel::acked);
  EXPECT_EQ(read({}, "wait=acked&timeout=500ms")->timeout_ns, 500'000'000U);
  EXPECT_EQ(read({}, "timeout=300s")->timeout_ns, 300'000'000'000U);
  for (const char* query : {"wait=", "wait=none", "wait=ACKED", "wait=sent&wait=acked"})
    EXPECT_EQ(read({}, query).error(), Refusal::bad_wait) << query;
  for (const char* query : {"timeout=", "timeout=5", "timeout=0s", "timeout=301s", "timeout=300001ms", "timeout=-1s",
                            "timeout=1.5s", "timeout=1m", "timeout=1s&timeout=2s", "timeout=99999999999999999999s"})
    EXPECT_EQ(read({}, query).error(), Refusal::bad_timeout) << query;
}

TEST(MessageOptions, AreJudgedBeforeAnythingIsSent) {  // M25
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  for (const char* text : {"-1", "9223372036854775808", "1e3", ""})
    expect_refused(gate, ask_with("Ringgate-Ttl: " + std::string(text) + "\r\n"), 400, "bad_ttl");
  expect_refused(gate, ask_with("Ringgate-Ttl: 1\r\nringgate-ttl: 1\r\n"), 400, "bad_ttl");
  expect_refused(gate, ask_with("Ringgate-Coalesce-Key:\r\n"), 400, "bad_coalesce_key");
  expect_refused(gate, ask_with("Idempotency-Key: \"\r\n"), 400, "bad_idempotency_key");
  expect_refused(gate, ask_with("If-Match: x\r\n"), 400, "bad_if_match");
  expect_refused(gate, ask_with("", "?wait=never"), 400, "bad_wait");
  expect_refused(gate, ask_with("", "?wait=sent&timeout=1"), 400, "bad_timeout");
  EXPECT_TRUE(device.received_text().empty());
}

TEST(MessageOptions, OnlyTheNamedConnectionGetsTheMessage) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  const Json plain = Json::parse(gate.ask_once(ask_with("")).body);
  EXPECT_FALSE(plain.contains("reached"));
  (void)device.take_received();
  const std::string conn = plain["conn"];
  const Reply reply = gate.ask_once(ask_with("If-Match: \"" + conn + "\"\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(Json::parse(reply.body)["reached"], "queued");
  EXPECT_EQ(text_of(device.take_received()), "\x81\x02hi");
  expect_refused(gate, ask_with("If-Match: \"0000000000000077\"\r\n"), 412, "other_connection");
  expect_refused(gate, ask_with("If-Match: W/\"" + conn + "\"\r\n"), 412, "other_connection");
  expect_refused(gate, ask_with("If-Match: W/\"" + conn + "\", \"0000000000000077\"\r\n"), 412, "other_connection");
  for (const std::string& fields : {"If-Match: \"0000000000000077\", \"" + conn + "\"\r\n",
                                    "If-Match: \"0000000000000077\"\r\nif-match: \"" + conn + "\"\r\n"}) {
    EXPECT_EQ(gate.ask_once(ask_with(fields)).status, 200) << fields;
    EXPECT_EQ(text_of(device.take_received()), "\x81\x02hi");
  }
  expect_refused(gate, ask_with("If-Match: \"" + conn + "\"\r\n", "", "nobody"), 404, "unknown_device");
  EXPECT_EQ(gate.ask_once(ask_with("If-Match: *\r\n")).status, 200);
  EXPECT_EQ(text_of(device.take_received()), "\x81\x02hi");
}

TEST(MessageOptions, AnswerTellsWhen) {
  AdminGate gate;
  gate.connect_device("dev");
  const Json answer = Json::parse(gate.ask_once(ask_with("", "?wait=queued")).body);
  EXPECT_EQ(answer["status"], "delivered");
  EXPECT_EQ(answer["reached"], "queued");
  EXPECT_TRUE(answer["queued_at"].get<std::string>().starts_with("2027-01-15T08:00:0")) << answer;
  EXPECT_EQ(answer["queued_at"].get<std::string>().size(), std::string("2027-01-15T08:00:01.000Z").size());
}

}  // namespace
}  // namespace ringgate::admin
