// What the endpoints of the admin API do and say.
#include "admin/admin_api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "admin_gate.h"

namespace ringgate::admin {
namespace {

using namespace testing;
using Json = nlohmann::json;

/// Status and member `reason` of a problem document.
void expect_problem(const Reply& reply, int status, std::string_view reason) {
  EXPECT_EQ(reply.status, status);
  EXPECT_TRUE(reply.has("Content-Type: application/problem+json\r\n"));
  const Json problem = Json::parse(reply.body, nullptr, false);
  ASSERT_TRUE(problem.is_object()) << reply.body;
  EXPECT_EQ(problem["status"], status);
  EXPECT_EQ(problem["reason"], reason);
  EXPECT_TRUE(problem.contains("title") && problem.contains("detail") && problem.contains("type"));
}

std::string numbered(std::string prefix, std::size_t number) { return prefix += std::to_string(number); }

std::string post(std::string_view path, std::string_view fields, std::string_view body) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

TEST(AdminApi, PushesTextAndBinary) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  const Reply text = gate.ask_once(post("/v1/devices/dev/messages", "Content-Type: text/plain; charset=UTF-8\r\n", "h\xc3\xa9"));
  EXPECT_EQ(text.status, 200);
  EXPECT_TRUE(text.has("Content-Type: application/json\r\n"));
  const Json json = Json::parse(text.body);
  EXPECT_EQ(json["status"], "delivered");
  EXPECT_EQ(json["device_id"], "dev");
  EXPECT_EQ(json["conn"].get<std::string>().size(), 16U);
  EXPECT_TRUE(json["queued_bytes"].is_number_unsigned());
  EXPECT_EQ(text_of(device.take_received()), "\x81\x03h\xc3\xa9");

  const Reply binary = gate.ask_once(post("/v1/devices/dev/messages", "Content-Type: application/octet-stream\r\n", "\xff\xfe"));
  EXPECT_EQ(binary.status, 200);
  EXPECT_EQ(text_of(device.take_received()), "\x82\x02\xff\xfe");

  EXPECT_EQ(gate.ask_once(push_request("")).status, 200);
  EXPECT_EQ(text_of(device.take_received()), std::string("\x81\x00", 2));
}

TEST(AdminApi, PushesToAnIdThatIsPercentEncoded) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("a:b");
  EXPECT_EQ(gate.ask_once(push_request("x", "%61%3Ab")).status, 200);
  EXPECT_EQ(device.received_text(), "\x81\x01x");
}

TEST(AdminApi, PushesAcrossShards) {
  AdminGate gate({.shards_count = 3});
  for (std::size_t shard = 0; shard < 3; ++shard) {
    const std::string id = numbered("on-", shard);
    FakePeer& device = gate.connect_device(id, shard);
    for (std::size_t from = 0; from < 3; ++from) EXPECT_EQ(gate.ask_once(push_request("x", id), from).status, 200);
    EXPECT_EQ(device.received_text(), "\x81\x01x\x81\x01x\x81\x01x");
    EXPECT_EQ(Json::parse(gate.ask_once(get_request("/v1/devices/" + id)).body)["shard"], shard);
  }
  EXPECT_EQ(gate.sum(&ShardCounters::push_crossed), 6U);
}

TEST(AdminApi, RefusesBadPushes) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  expect_problem(gate.ask_once(push_request("x", "nobody")), 404, "unknown_device");
  for (const char* id : {"", ".", "..", "%2e", "a%20b", "a%2Fb", "%c3%a9", "a%252e"})
    expect_problem(gate.ask_once(push_request("x", id)), 400, "bad_id");
  expect_problem(gate.ask_once(push_request("x", std::string(129, 'a'))), 400, "bad_id");
  expect_problem(gate.ask_once(push_request("x", "a%00")), 400,
                 "target_malformed");  // A28: in no path at all
  for (const char* text : {"\xff", "\xed\xa0\x80", "cut \xe2\x82"}) {
    const Reply reply = gate.ask_once(push_request(text));
    expect_problem(reply, 400, "invalid_utf8");
    EXPECT_TRUE(reply.closes()) << "who cannot encode text is not trusted with another request";
  }
  for (const char* fields : {"", "Content-Type: application/xml\r\n", "Content-Type: text/plain; charset=latin1\r\n",
                             "Content-Type:\r\n", "Content-Type: text/plain\r\nContent-Type: text/plain\r\n"})
    expect_problem(gate.ask_once(post("/v1/devices/dev/messages", fields, "x")), 415, "content_type");
  const Reply encoded =
      gate.ask_once(post("/v1/devices/dev/messages", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "x"));
  expect_problem(encoded, 415, "content_encoding");
  EXPECT_TRUE(encoded.has("\r\nAccept-Encoding: identity\r\n"));
  EXPECT_EQ(device.received_text(), "");
}

TEST(AdminApi, M15_TakesTheLargestBodyAndNotOneByteMore) {
  AdminGate gate;
  (void)gate.connect_device("dev");
  EXPECT_EQ(gate.ask_once(push_request(std::string(65536, 'x'))).status, 200);
  const Reply reply = gate.ask_once(push_request(std::string(65537, 'x')));
  expect_problem(reply, 413, "too_large");
  EXPECT_TRUE(reply.closes());
}

TEST(AdminApi, TellsOfASlowDevice) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  device.stop_reading();
  Reply reply;
  for (int i = 0; i < 10 && reply.status != 429; ++i) reply = gate.ask_once(push_request(std::string(60'000, 'x')));
  expect_problem(reply, 429, "backpressure");
  EXPECT_TRUE(reply.has("Retry-After: 1\r\n"));
  EXPECT_GT(Json::parse(gate.ask_once(get_request("/v1/devices/dev")).body)["queued_bytes"], 0);
}

TEST(AdminApi, BroadcastsToAllShards) {
  AdminGate gate({.shards_count = 2});
  std::vector<FakePeer*> devices;
  for (std::size_t i = 0; i < 10; ++i) devices.push_back(&gate.connect_device(numbered("d", i), i % 2));
  const Reply reply = gate.ask_once(post("/v1/broadcast", "Content-Type: text/plain\r\n", "all"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(Json::parse(reply.body), Json::parse(R"({"matched":10,"delivered":10,"refused":0})"));
  for (FakePeer* device : devices)
    EXPECT_EQ(device->received_text(),
              "\x81\x03"
              "all");
  expect_problem(gate.ask_once(post("/v1/broadcast", "", "all")), 415, "content_type");
  expect_problem(gate.ask_once(post("/v1/broadcast", "Content-Type: text/plain\r\n", "\xff")), 400, "invalid_utf8");
}

TEST(AdminApi, DescribesADevice) {
  AdminGate gate({.shards_count = 2});
  FakePeer& device = gate.connect_device("dev", 1);
  const Reply reply = gate.ask_once(get_request("/v1/devices/dev"));
  EXPECT_EQ(reply.status, 200);
  const Json json = Json::parse(reply.body);
  EXPECT_EQ(json["device_id"], "dev");
  EXPECT_EQ(json["shard"], 1);
  EXPECT_EQ(json["remote"], device.address().text());
  EXPECT_EQ(json["path"], "/ws");
  EXPECT_TRUE(json["rtt_ms"].is_null());
  EXPECT_EQ(json["queued_bytes"], 0);
  for (const char* member : {"since", "last_seen"}) {
    const std::string time = json[member];
    EXPECT_EQ(time.size(), 20U);
    EXPECT_EQ(time[10], 'T');
    EXPECT_EQ(time.back(), 'Z');
  }
  expect_problem(gate.ask_once(get_request("/v1/devices/nobody")), 404, "unknown_device");
}

TEST(AdminApi, ListsEveryDeviceOverAllPages) {
  AdminGate gate({.shards_count = 2});
  std::set<std::string> expected;
  for (std::size_t i = 0; i < 25; ++i) {
    expected.insert(numbered("d", i));
    (void)gate.connect_device(numbered("d", i), i % 2);
  }
  std::set<std::string> found;
  std::string cursor;
  for (int pages = 0; pages < 100; ++pages) {
    const Json page =
        Json::parse(gate.ask_once(get_request("/v1/devices?limit=7" + (cursor.empty() ? "" : "&cursor=" + cursor))).body);
    EXPECT_LE(page["devices"].size(), 7U);
    for (const Json& device : page["devices"]) found.insert(device["device_id"]);
    if (page["next_cursor"].is_null()) break;
    cursor = page["next_cursor"];
  }
  EXPECT_EQ(found, expected);
}

TEST(AdminApi, FillsPipelinedPagesOneAfterTheOther) {
  AdminGate gate({.shards_count = 2});
  for (std::size_t i = 0; i < 10; ++i) (void)gate.connect_device(numbered("d", i), i % 2);
  std::string requests;
  for (int i = 0; i < 80; ++i) requests += get_request("/v1/devices");
  const auto replies = gate.ask(gate.connect(), requests);
  ASSERT_EQ(replies.size(), 80U);
  for (const Reply& reply : replies) EXPECT_EQ(Json::parse(reply.body)["devices"].size(), 10U);
}

TEST(AdminApi, RefusesBadPages) {
  AdminGate gate;
  for (const char* limit : {"0", "1001", "x", "-1", "+1", "", "07", "010", "0x7", "1%30", "7&limit=8", "99999999999999999999"})
    expect_problem(gate.ask_once(get_request(std::string("/v1/devices?limit=") + limit)), 400, "bad_limit");
  for (const char* cursor : {"", "%ff", "1", "000000000000000g", "00000000000000000", "-000000000000001", "000000000000000A"})
    expect_problem(gate.ask_once(get_request(std::string("/v1/devices?cursor=") + cursor)), 400, "bad_cursor");
  EXPECT_EQ(gate.ask_once(get_request("/v1/devices?cursor=ffffffffffffffff&limit=1000&other=1")).status, 200);
}

TEST(AdminApi, RefusesAMethodThatIsNotAllowedWhateverItsTarget) {
  AdminGate gate;
  for (const char* line : {"OPTIONS *", "CONNECT h:80", "CONNECT [::1]:443", "TRACE ws"}) {
    const Reply reply = gate.ask_once(std::string(line) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_problem(reply, 405, "method_not_allowed");
    EXPECT_TRUE(reply.has("Allow: GET, HEAD, POST, PUT, DELETE")) << line;
  }
  expect_problem(gate.ask_once("GET * HTTP/1.1\r\nHost: h\r\n\r\n"), 400, "target_form_unsupported");
  expect_problem(gate.ask_once("OPTIONS /metrics HTTP/1.1\r\nHost: h\r\n\r\n"), 405, "method_not_allowed");
}

// What devices may send raw, backends have to escape.
TEST(AdminApi, ReadsQueriesStrictly) {
  AdminGate gate;
  for (const char* query : {"limit=10&x=%", "x=[1]", "x={}", "x=a|b", "x=\\", "x=^", "x=`"})
    EXPECT_EQ(gate.ask_once(get_request(std::string("/v1/devices?") + query)).status, 400) << query;
}

TEST(AdminApi, ClosesADeviceOnAnyShard) {
  AdminGate gate({.shards_count = 2});
  struct Case {
    const char* query;
    std::string frame;
  };
  const std::vector<Case> cases = {{"", "\x88\x02\x0f\xa0"},
                                   {"?code=4099&reason=bye%20now",
                                    "\x88\x09\x10\x03"
                                    "bye now"},
                                   {"?reason=a+b&other=1",
                                    "\x88\x05\x0f\xa0"
                                    "a b"}};
  for (std::size_t shard = 0; shard < 2; ++shard) {
    for (const Case& c : cases) {
      FakePeer& device = gate.connect_device("dev", shard);
      const Reply reply = gate.ask_once(get_request(std::string("/v1/devices/dev") + c.query, "", "DELETE"));
      EXPECT_EQ(reply.status, 204) << c.query;
      EXPECT_FALSE(reply.has("Content-Length"));
      EXPECT_EQ(device.received_text(), c.frame) << c.query;
      expect_problem(gate.ask_once(get_request("/v1/devices/dev", "", "DELETE")), 404, "unknown_device");
    }
  }
}

TEST(AdminApi, RefusesBadCloseCodesAndReasons) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  for (const char* code : {"3999", "4100", "1000", "x", "-1", "", "4000&code=4001"})
    expect_problem(gate.ask_once(get_request(std::string("/v1/devices/dev?code=") + code, "", "DELETE")), 400, "bad_code");
  for (const std::string& reason : {std::string("%ff"), std::string(124, 'x'), std::string("a&reason=b")})
    expect_problem(gate.ask_once(get_request("/v1/devices/dev?reason=" + reason, "", "DELETE")), 400, "bad_reason");
  EXPECT_EQ(device.received_text(), "");
  EXPECT_EQ(gate.ask_once(get_request("/v1/devices/dev?reason=" + std::string(123, 'x'), "", "DELETE")).status, 204);
}

TEST(AdminApi, SaysWhetherItIsReady) {
  AdminGate gate;
  EXPECT_EQ(gate.ask_once(get_request("/readyz")).status, 200);
  gate.state.ready = false;
  expect_problem(gate.ask_once(get_request("/readyz")), 503, "not_ready");
  EXPECT_EQ(gate.ask_once(get_request("/healthz")).status, 200);
}

TEST(AdminApi, RefusalsSayWhatIsTrueOfEachOfTheirCauses) {
  EXPECT_NE(facts_of(Refusal::backpressure).detail.find("or a queue inside this server is full"), std::string_view::npos);
  EXPECT_NE(facts_of(Refusal::not_ready).detail.find("about to stop"), std::string_view::npos) << "devices get in until then";
}

TEST(AdminApi, M20_KnowsWhichMethodsAPathAllows) {
  AdminGate gate;
  struct Case {
    const char* method;
    const char* path;
    const char* allow;
  };
  for (const Case& c : {Case{"GET", "/v1/devices/a/messages", "POST"}, Case{"PUT", "/v1/devices/a", "GET, HEAD, DELETE"},
                        Case{"POST", "/metrics", "GET, HEAD"}, Case{"GET", "/v1/broadcast", "POST"},
                        Case{"OPTIONS", "/healthz", "GET, HEAD"}, Case{"PUT", "/v1/devices", "GET, HEAD, DELETE"}}) {
    const Reply reply = gate.ask_once(get_request(c.path, "", c.method));
    expect_problem(reply, 405, "method_not_allowed");
    EXPECT_TRUE(reply.has(std::string("Allow: ") + c.allow + "\r\n")) << c.path;
  }
  expect_problem(gate.ask_once(get_request("/metrics", "", "BREW")), 501, "method_unknown");
  expect_problem(gate.ask_once(get_request("/metrics", "", "get")), 501, "method_unknown");
  for (const char* path : {"/", "/nothing", "/metrics/", "/v1/devices/a/b", "/v1/devices/a/messages/x", "/v1", "/Metrics", "/ws"})
    expect_problem(gate.ask_once(get_request(path)), 404, "path_unknown");
  EXPECT_EQ(gate.ask_once(get_request("http://a/healthz?x=1")).status, 200);
}

TEST(AdminApi, PushesJsonAsItIs) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  for (const char* type : {"application/json", "application/cloudevents+json; charset=UTF8", "text/html"})
    EXPECT_EQ(gate.ask_once(post("/v1/devices/dev/messages", std::string("Content-Type: ") + type + "\r\n", "{\"a\" : ")).status,
              200)
        << type;
  EXPECT_EQ(device.received_text(), "\x81\x07{\"a\" : \x81\x07{\"a\" : \x81\x07{\"a\" : ") << "never parsed, not a byte changed";
}

TEST(AdminApi, ARefusedTypeSaysWhatToSend) {
  AdminGate gate;
  (void)gate.connect_device("dev");
  const Reply reply = gate.ask_once(post("/v1/devices/dev/messages", "Content-Type: image/png\r\n", "x"));
  expect_problem(reply, 415, "content_type");
  EXPECT_TRUE(reply.has("\r\nAccept: text/*, application/json, application/octet-stream\r\n"));
  for (const char* type : {"text/plain", "application/json", "application/octet-stream", "UTF-8"})
    EXPECT_NE(reply.body.find(type), std::string::npos) << type;
}

TEST(AdminApi, APlusInAQueryIsASpace) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  EXPECT_EQ(gate.ask_once(get_request("/v1/devices/dev?reason=bye+now%2B", "", "DELETE")).status, 204);
  EXPECT_NE(device.received_text().find("bye now+"), std::string::npos);
}

TEST(AdminApi, TellsTheDateOnEveryFinalAnswer) {
  AdminGate gate;
  (void)gate.connect_device("dev");
  const auto expect_date = [](const Reply& reply) {
    const std::size_t at = reply.head.find("\r\nDate: ");
    ASSERT_NE(at, std::string::npos) << reply.head;
    const std::string date = reply.head.substr(at + 8, 29);
    std::tm parsed{};
    EXPECT_NE(strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parsed), nullptr) << date;
    EXPECT_EQ(reply.head.find("\r\nDate: ", at + 1), std::string::npos) << "once";
  };
  expect_date(gate.ask_once(get_request("/healthz")));
  expect_date(gate.ask_once(get_request("/v1/devices/dev", "", "DELETE")));
  expect_date(gate.ask_once(get_request("/nothing")));
  expect_date(gate.ask_once("GET / HTTP/2.0\r\n\r\n"));
  FakePeer& peer = gate.connect();
  const auto replies = gate.ask(peer, push_request("", "dev", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
  ASSERT_EQ(replies.size(), 1U);
  if (replies[0].status == 100) {
    EXPECT_FALSE(replies[0].has("Date")) << "an interim answer has none";
  }
}

// -- Hosts: a page that gives its own name our address (DNS rebinding) still sends that name.

std::string host_request(std::string_view host) { return "GET /healthz HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"; }

TEST(AdminApi, OnLoopbackServesLoopbackNamesAddressesAndListedHosts) {
  AdminGate gate({.admin = {.judges_host = true, .allowed_hosts = {"Gate.Example", "svc"}, .body_bytes_max = 65536}});
  for (const char* host : {"localhost", "LOCALHOST:8081", "localhost.", "app.localhost:1", "127.0.0.1", "127.0.0.1:8081",
                           "192.0.2.7", "[::1]", "[2001:db8::1]:8081", "gate.example", "gate.EXAMPLE.:80", "svc:8081"})
    EXPECT_EQ(gate.ask_once(host_request(host)).status, 200) << host;
  for (const char* host : {"evil.example", "evil.example:8081", "localhost.evil.example", "notlocalhost", "gate.example.evil",
                           "127.0.0.1.evil", "127.1", "1270.0.0.1", "a.svc", "%6cocalhost"}) {
    const Reply reply = gate.ask_once(host_request(host));
    expect_problem(reply, 421, "host_not_allowed");
    EXPECT_TRUE(reply.closes());
  }
  EXPECT_EQ(gate.ask_once("GET /healthz HTTP/1.0\r\n\r\n").status, 200) << "no browser";
  EXPECT_EQ(gate.ask_once("GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 421);
}

// Their names are judged before whatever else is wrong with the request.
TEST(AdminApi, StrangersLearnNothingFromBrokenRequests) {
  AdminGate gate({.admin = {.judges_host = true, .body_bytes_max = 64}});
  for (const char* fields : {"Content-Length: 65\r\n", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                             "Expect: 200-ok\r\n", "Transfer-Encoding: gzip\r\n"}) {
    const std::string request = std::string("POST /v1/broadcast HTTP/1.1\r\n") + fields;
    expect_problem(gate.ask_once(request + "Host: evil.example\r\n\r\n"), 421, "host_not_allowed");
    expect_problem(gate.ask_once(request + "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"), 403, "origin_forbidden");
  }
  expect_problem(gate.ask_once("POST /v1/broadcast HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
                 421, "host_not_allowed");
  EXPECT_EQ(gate.ask_once("POST /v1/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65\r\n\r\n").status, 413);
}

TEST(AdminSettings, JudgeHostsOnLoopbackAndWhereAListIsSet) {
  Config config;
  const auto judged = [&](const char* bind) {
    config.admin.bind = bind;
    return settings_of(config, "").judges_host;
  };
  for (const char* loopback : {"127.0.0.1:8081", "127.9.9.9:1", "[::1]:8081", "[::ffff:127.0.0.1]:1"})
    EXPECT_TRUE(judged(loopback)) << loopback;
  for (const char* other : {"0.0.0.0:8081", "[::]:8081", "192.0.2.1:8081"}) EXPECT_FALSE(judged(other)) << other;
  config.admin.allowed_hosts = {"gate"};
  EXPECT_TRUE(judged("0.0.0.0:8081"));
}

TEST(AdminApi, IgnoresAnUpgradeThatItDoesNotServe) {
  AdminGate gate;
  (void)gate.connect_device("dev");
  // As Java's HttpClient and `curl --http2` send it.
  const std::string h2c =
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA\r\n";
  const Reply reply = gate.ask_once(get_request("/healthz", h2c));
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.closes());
  EXPECT_EQ(gate.ask_once(post("/v1/devices/dev/messages", "Content-Type: text/plain\r\n" + h2c, "x")).status, 200);
}

TEST(AdminApi, M22_ServesNoUpgrade) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  const auto replies =
      gate.ask(peer, get_request("/metrics", "Upgrade: websocket\r\nConnection: Upgrade\r\n") + "\x81\x80 frame");
  ASSERT_EQ(replies.size(), 1U);
  expect_problem(replies[0], 404, "upgrade_unserved");
  EXPECT_TRUE(peer.saw_end());
}

TEST(AdminApi, M24_RefusesWhateverAWebPageAsksFor) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  for (const char* path : {"/metrics", "/healthz", "/v1/devices", "/v1/devices/dev", "/nothing"}) {
    expect_problem(gate.ask_once(get_request(path, "Origin: http://a\r\n")), 403, "origin_forbidden");
    expect_problem(gate.ask_once(get_request(path, "Origin: null\r\nOrigin: x\r\n", "DELETE")), 403, "origin_forbidden");
  }
  expect_problem(gate.ask_once(get_request("/metrics", "Sec-Fetch-Site: cross-site\r\n")), 403, "origin_forbidden");
  EXPECT_EQ(gate.ask_once(get_request("/metrics", "Sec-Fetch-Site: none\r\n")).status, 200) << "typed into the address bar";
  expect_problem(gate.ask_once(post("/v1/devices/dev/messages", "Content-Type: text/plain\r\nOrigin: http://a\r\n", "x")), 403,
                 "origin_forbidden");
  EXPECT_EQ(device.received_text(), "");
}

}  // namespace
}  // namespace ringgate::admin
