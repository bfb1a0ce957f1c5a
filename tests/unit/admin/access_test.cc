// Who may ask the admin API for what: tokens, their scopes, restrictions and ends, and what strangers are told.
#include "admin/access.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "admin_gate.h"
#include "auth/sha256.h"
#include "auth/text_coding.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

using namespace testing;
using Json = nlohmann::json;

std::string line_of(std::string_view token, std::string_view fields) {
  return "sha256:" + auth::encode_hex(auth::sha256(bytes_of(token))) + " " + std::string(fields) + "\n";
}

std::shared_ptr<const AccessTable> table_of(const std::vector<std::string>& files) {
  std::vector<std::shared_ptr<const auth::AdminTokens>> read;
  for (const std::string& text : files) read.push_back(auth::AdminTokens::parse(text, "tokens").value());
  return std::make_shared<const AccessTable>(std::move(read));
}

std::string bearer(std::string_view token) { return "Authorization: Bearer " + std::string(token) + "\r\n"; }
std::string reason_of(const Reply& reply) { return Json::parse(reply.body).value("reason", ""); }

class AdminAccess : public ::testing::Test {
 protected:
  AdminAccess() {
    access.renew(table_of({line_of("pusher", "name=pusher scopes=push") + line_of("reader", "name=reader scopes=read") +
                               line_of("boss", "name=boss scopes=admin") + line_of("both", "name=both scopes=push,read"),
                           line_of("plant-a", "name=plant-a scopes=admin prefix=a-") +
                               line_of("by-route", "name=by-route scopes=admin route=/ws") +
                               line_of("by-other", "name=by-other scopes=admin route=/other") +
                               line_of("by-group", "name=by-group scopes=admin group=g")}));
  }

  Reply ask(std::string_view method, std::string_view path, std::string_view fields, std::string_view body = {}) {
    std::string request = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields);
    if (method == "POST") request += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return gate.ask_once(request + "\r\n" + std::string(body));
  }

  Access access;
  AdminGate gate{{.shards_count = 2, .services = {.access = &access}}};
};

/// What each token is answered by each endpoint; the device is there.
TEST_F(AdminAccess, EachScopeOpensItsEndpoints) {
  struct Row {
    const char* method;
    const char* path;
    std::map<std::string, int> answers;  // by token; "": none
  };
  const std::vector<Row> rows{
      {"GET", "/healthz", {{"", 200}, {"nonsense", 200}, {"pusher", 200}}},
      {"GET", "/readyz", {{"", 200}, {"nonsense", 200}, {"pusher", 200}}},
      {"GET", "/metrics", {{"", 401}, {"pusher", 403}, {"reader", 200}, {"boss", 200}, {"both", 200}, {"plant-a", 403}}},
      {"GET", "/v1/stats", {{"", 401}, {"pusher", 403}, {"reader", 200}, {"boss", 200}, {"both", 200}, {"plant-a", 403}}},
      {"GET", "/v1/devices", {{"", 401}, {"pusher", 403}, {"reader", 200}, {"boss", 200}, {"both", 200}, {"plant-a", 200}}},
      {"GET", "/v1/devices/a-1", {{"", 401}, {"pusher", 403}, {"reader", 200}, {"boss", 200}, {"both", 200}, {"plant-a", 200}}},
      {"GET", "/v1/devices/b-1", {{"reader", 200}, {"plant-a", 403}, {"by-route", 200}, {"by-other", 403}, {"by-group", 403}}},
      {"GET", "/v1/devices/a-none", {{"reader", 404}, {"plant-a", 404}, {"by-route", 404}}},
      {"GET", "/v1/devices/b-none", {{"reader", 404}, {"plant-a", 403}}},
      {"POST",
       "/v1/devices/a-1/messages",
       {{"", 401}, {"pusher", 200}, {"reader", 403}, {"boss", 200}, {"both", 200}, {"plant-a", 200}}},
      {"POST",
       "/v1/devices/b-1/messages",
       {{"", 401}, {"pusher", 200}, {"plant-a", 403}, {"by-route", 200}, {"by-other", 403}, {"by-group", 403}}},
      {"POST",
       "/v1/broadcast",
       {{"", 401}, {"pusher", 200}, {"reader", 403}, {"boss", 200}, {"plant-a", 200}, {"by-route", 200}}},
      {"POST", "/v1/reload", {{"", 401}, {"pusher", 403}, {"reader", 403}, {"both", 403}, {"boss", 503}, {"plant-a", 403}}},
      {"DELETE", "/v1/devices/b-none", {{"", 401}, {"pusher", 403}, {"reader", 403}, {"both", 403}, {"boss", 404}}},
      {"GET", "/nothing", {{"", 401}, {"pusher", 404}}},
      {"PUT", "/v1/devices", {{"", 401}, {"pusher", 405}}},
  };
  (void)gate.connect_device("a-1", 0);
  (void)gate.connect_device("b-1", 1);
  for (const Row& row : rows) {
    for (const auto& [token, status] : row.answers) {
      const Reply reply = ask(row.method, row.path, token.empty() ? "" : bearer(token), "x");
      EXPECT_EQ(reply.status, status) << row.method << ' ' << row.path << " with \"" << token << "\": " << reply.body;
      EXPECT_EQ(reply.has("WWW-Authenticate: Bearer realm=\"ringgate\"\r\n"), status == 401 && token != "nonsense") << reply.head;
    }
  }
}

TEST_F(AdminAccess, ARestrictedTokenClosesOnlyWhatItCovers) {
  FakePeer& mine = gate.connect_device("a-1", 0);
  FakePeer& other = gate.connect_device("b-1", 1);
  EXPECT_EQ(reason_of(ask("DELETE", "/v1/devices/b-1", bearer("plant-a"))), "not_covered");
  EXPECT_EQ(reason_of(ask("DELETE", "/v1/devices/b-1", bearer("by-other"))), "not_covered");
  EXPECT_EQ(other.received_text(), "");
  EXPECT_EQ(ask("DELETE", "/v1/devices/a-1", bearer("plant-a")).status, 204);
  EXPECT_NE(mine.received_text(), "");
  EXPECT_EQ(ask("DELETE", "/v1/devices/b-1", bearer("by-route")).status, 204);
}

TEST_F(AdminAccess, AListShowsOnlyWhatItsTokenCovers) {
  for (const char* id : {"a-1", "b-1", "a-2"}) (void)gate.connect_device(id, 1);
  const auto ids = [&](std::string_view token) {
    std::set<std::string> found;
    const Json page = Json::parse(ask("GET", "/v1/devices", bearer(token)).body);
    for (const Json& device : page["devices"]) found.insert(device["device_id"]);
    return found;
  };
  EXPECT_EQ(ids("reader"), (std::set<std::string>{"a-1", "a-2", "b-1"}));
  EXPECT_EQ(ids("plant-a"), (std::set<std::string>{"a-1", "a-2"}));
  EXPECT_EQ(ids("by-route").size(), 3U);
  EXPECT_TRUE(ids("by-other").empty());
  EXPECT_TRUE(ids("by-group").empty());
}

/// Tokens whose reach depends on the connection are judged line by line, where the device is.
TEST_F(AdminAccess, ABatchReachesOnlyWhatItsTokenCovers) {
  std::map<std::string, FakePeer*> peers;
  for (const char* id : {"a-1", "b-1"}) peers[id] = &gate.connect_device(id, id[0] == 'a' ? 0 : 1);
  EXPECT_EQ(ask("PUT", "/v1/groups/g/devices/b-1", bearer("boss")).status, 200);
  const auto results = [&](std::string_view token) {
    const std::string body =
        "{\"device\":\"a-1\",\"text\":\"x\"}\n{\"device\":\"b-1\",\"text\":\"x\",\"ttl\":5}\n{\"device\":\"none\",\"text\":"
        "\"x\"}";
    FakePeer& peer = gate.connect();
    peer.send("POST /v1/messages:batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n" + bearer(token) +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    gate.settle();
    const auto bytes = peer.take_received();
    peer.close();
    std::string answer(text_of(bytes));
    std::vector<std::string> lines(3);
    for (int i = 1; i <= 3; ++i) {
      const std::size_t at = answer.find("{\"line\":" + std::to_string(i));
      if (at == std::string::npos) continue;
      const Json line = Json::parse(answer.substr(at, answer.find('\n', at) - at));
      lines[static_cast<std::size_t>(i - 1)] = line["status"] == 200 ? "delivered" : line.value("reason", "");
    }
    return lines;
  };
  using Lines = std::vector<std::string>;
  EXPECT_EQ(results("by-route"), (Lines{"delivered", "delivered", "unknown_device"}));
  EXPECT_EQ(results("by-other"), (Lines{"not_covered", "not_covered", "unknown_device"}));
  EXPECT_EQ(results("by-group"), (Lines{"not_covered", "delivered", "unknown_device"}));
  EXPECT_EQ(results("plant-a"), (Lines{"delivered", "not_covered", "not_covered"}));
  EXPECT_EQ(peers["a-1"]->received_text(), "\x81\x01x\x81\x01x");
  EXPECT_EQ(peers["b-1"]->received_text(), "\x81\x01x\x81\x01x");
  EXPECT_EQ(gate.sum(&ShardCounters::push_not_covered), 3U);
}

TEST_F(AdminAccess, PresenceTellsOnlyOfWhatItsTokenCovers) {
  for (const char* id : {"a-1", "b-1"}) (void)gate.connect_device(id, id[0] == 'a' ? 0 : 1);
  gate.connect_device("gone", 1).reset();
  EXPECT_EQ(ask("PUT", "/v1/groups/g/devices/b-1", bearer("boss")).status, 200);
  const auto presence = [&](std::string_view token) {
    const std::string body = R"(["a-1","b-1","gone","b-1"])";
    const Reply reply = gate.ask_once("POST /v1/devices:presence HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
                                      bearer(token) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body)["devices"];
  };
  const Json gone{{"device_id", "gone"}, {"online", false}, {"last_seen", nullptr}};
  const Json hidden{{"device_id", "a-1"}, {"online", nullptr}, {"reason", "not_covered"}};
  const Json by_group = presence("by-group");
  ASSERT_EQ(by_group.size(), 4U);
  EXPECT_EQ(by_group[0], hidden);
  EXPECT_EQ(by_group[1]["online"], true);
  EXPECT_EQ(by_group[2], gone) << "whether it was in the group, nobody knows any more";
  EXPECT_EQ(by_group[3], by_group[1]);
  EXPECT_EQ(presence("by-route")[0]["online"], true);
  EXPECT_EQ(presence("by-other")[0], hidden);
  EXPECT_TRUE(presence("reader")[2]["last_seen"].is_string());
}

/// Between the question who the device is and the push, another connection may take its place.
TEST_F(AdminAccess, APushIsJudgedByTheConnectionThatWouldGetIt) {
  (void)gate.connect_device("b-1", 1);
  EXPECT_EQ(ask("PUT", "/v1/groups/g/devices/b-1", bearer("boss")).status, 200);
  EXPECT_EQ(ask("POST", "/v1/devices/b-1/messages", bearer("by-group"), "x").status, 200);
  FakePeer& newer = gate.connect_device("b-1", 0);  // in no group
  EXPECT_EQ(reason_of(ask("POST", "/v1/devices/b-1/messages", bearer("by-group"), "x")), "not_covered");
  EXPECT_EQ(newer.received_text(), "");
}

TEST_F(AdminAccess, TellsWhatIsWrongWithACredential) {
  struct Row {
    std::string fields;
    int status;
    std::string reason;
    std::string challenge;
  };
  const std::string plain = "WWW-Authenticate: Bearer realm=\"ringgate\"\r\n";
  const std::string invalid = "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"invalid_token\"\r\n";
  const std::vector<Row> rows{
      {"", 401, "token_missing", plain},
      {"Authorization: Basic Ym9zczpib3Nz\r\n", 401, "token_missing", plain},
      {"Authorization: Bearer\r\n", 401, "token_invalid", invalid},
      {"Authorization: Bearer nobody\r\n", 401, "token_invalid", invalid},
      {"Authorization: Bearer bos\r\n", 401, "token_invalid", invalid},
      {"Authorization: Bearer boss boss\r\n", 401, "token_invalid", invalid},
      {"Authorization: Bearer " + std::string(3000, 'x') + "\r\n", 401, "token_invalid", invalid},
      {bearer("boss") + bearer("boss"), 400, "authorization_repeated",
       "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"invalid_request\"\r\n"},
      {bearer("pusher"), 403, "scope",
       "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"insufficient_scope\", scope=\"read\"\r\n"},
      {"Authorization: bEARER   boss\r\n", 200, "", ""},
  };
  for (const Row& row : rows) {
    const Reply reply = ask("GET", "/v1/devices", row.fields);
    EXPECT_EQ(reply.status, row.status) << row.fields;
    EXPECT_EQ(reason_of(reply), row.reason) << row.fields;
    EXPECT_TRUE(row.challenge.empty() || reply.has(row.challenge)) << reply.head;
  }
  EXPECT_EQ(ask("GET", "/v1/devices?access_token=boss", "").status, 401);
  EXPECT_EQ(gate.sum(&ShardCounters::admin_unauthorized), 9U);
  EXPECT_EQ(gate.sum(&ShardCounters::admin_forbidden), 1U);
}

TEST_F(AdminAccess, AStrangersBodyIsNotTaken) {
  FakePeer& peer = gate.connect();
  const auto replies =
      gate.ask(peer, "POST /v1/broadcast HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n");
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].status, 401);
  EXPECT_TRUE(replies[0].closes());
}

TEST_F(AdminAccess, ATokenEndsAtItsSecond) {
  const std::int64_t now = gate.wall_clock_seconds();
  access.renew(table_of({line_of("brief", "name=brief scopes=read expires=" + std::to_string(now + 2))}));
  EXPECT_EQ(ask("GET", "/v1/devices", bearer("brief")).status, 200);
  gate.advance(3 * nanoseconds_per_second);
  const Reply reply = ask("GET", "/v1/devices", bearer("brief"));
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reason_of(reply), "token_invalid");
}

TEST_F(AdminAccess, AConnectionFollowsTheTokensThatAreInForce) {
  FakePeer& peer = gate.connect();
  const std::string request = get_request("/v1/devices", bearer("reader"));
  EXPECT_EQ(gate.ask(peer, request).front().status, 200);
  access.renew(table_of({line_of("other", "name=other scopes=read")}));
  EXPECT_EQ(gate.ask(peer, request).front().status, 401);
  access.renew(table_of({}));
  EXPECT_EQ(gate.ask(peer, get_request("/v1/devices")).front().status, 200);
}

TEST_F(AdminAccess, GuessersMustWaitAndOthersAreNotLockedOut) {
  EXPECT_EQ(ask("GET", "/v1/devices", bearer("reader")).status, 200);
  for (std::size_t i = 0; i < limits::admin_failures_max; ++i) EXPECT_EQ(ask("GET", "/v1/devices", bearer("guess")).status, 401);
  const Reply late = ask("GET", "/v1/devices", bearer("guess"));
  EXPECT_EQ(late.status, 429);
  EXPECT_EQ(reason_of(late), "attempts_limit");
  EXPECT_TRUE(late.has("Retry-After: 6\r\n"));
  EXPECT_EQ(ask("GET", "/v1/devices", bearer("boss")).status, 429) << "a good token is not told from a wrong one";
  EXPECT_EQ(ask("GET", "/v1/devices", bearer("reader")).status, 200) << "it was used from there before";
  EXPECT_EQ(ask("GET", "/healthz", "").status, 200);
  gate.advance((limits::admin_failure_seconds + 1) * nanoseconds_per_second);
  EXPECT_EQ(ask("GET", "/v1/devices", bearer("boss")).status, 200);
  EXPECT_EQ(gate.sum(&ShardCounters::admin_attempts_limited), 2U);
}

TEST(AdminAccessOpen, WithoutTokensEverybodyMayDoEverything) {
  Access access;
  AdminGate gate({.services = {.access = &access}});
  EXPECT_EQ(gate.ask_once(get_request("/v1/devices")).status, 200);
  EXPECT_EQ(gate.ask_once(get_request("/v1/devices", bearer("whatever"))).status, 200);
}

}  // namespace
}  // namespace ringgate::admin
