// What a handler sees of an opening handshake, and what becomes of its verdict.
#include <algorithm>

#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using testing::Test;
using ws::Opcode;

class OnUpgrade : public DeviceFixture {
 protected:
  /// The answer to a request for /handler with these fields.
  DeviceClient ask(std::string_view id, std::string_view fields = "", std::string_view path = "/handler") {
    DeviceClient client = connect();
    client.peer().send(DeviceClient::request(id, path, fields));
    gate->settle();
    client.read();
    return client;
  }
  static bool has(const DeviceClient& client, std::string_view line) { return client.head().contains(line); }
  std::uint64_t refused(admission::Rejection rejection) {
    return gate->counters().handshakes_refused_by[admission::Refusal(rejection).index()].get();
  }
};

TEST_F(OnUpgrade, ShowsTheWholeRequest) {
  options.settings.routes[1].subprotocols = {"b"};
  int calls = 0;
  handler.asked = [&](const UpgradeRequest& request) {
    ++calls;
    EXPECT_EQ(request.method(), "GET");
    EXPECT_EQ(request.target(), "/handler?deviceId=d%2D1");
    EXPECT_EQ(request.path(), "/handler");
    EXPECT_EQ(request.query(), "deviceId=d%2D1");
    EXPECT_EQ(request.route(), "/handler");
    EXPECT_EQ(request.path_id(), "");
    EXPECT_EQ(request.query_parameter("deviceId"), "d-1");
    EXPECT_EQ(request.query_parameter("deviceid"), std::nullopt);
    EXPECT_EQ(request.field("x-one"), "1");
    EXPECT_EQ(request.field("X-Three"), std::nullopt);
    EXPECT_EQ(request.field(request.fields_count() - 1), (UpgradeRequest::Pair{"X-One", "1"}));
    EXPECT_EQ(request.offered_subprotocols(), (std::vector<std::string_view>{"a", "b"}));
    EXPECT_EQ(request.subprotocol(), "b");
    EXPECT_EQ(request.device_id(), "d-1");
    EXPECT_FALSE(request.is_anonymous());
    EXPECT_FALSE(request.remote().empty());
    EXPECT_FALSE(request.tls().has_value());
    EXPECT_NE(request.ref(), ConnectionRef{});
    return UpgradeAccept{};
  };
  start();
  EXPECT_EQ(ask("d%2D1", "Sec-WebSocket-Protocol: a, ringgate.token.secret, b\r\nX-One: 1\r\n").status(), 101);
  EXPECT_EQ(calls, 1);
}

TEST_F(OnUpgrade, ReadsCookiesOfAllFields) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const auto cookies_of = [this](std::string_view fields) {
    Pairs found;
    handler.asked = [&](const UpgradeRequest& request) {
      for (const auto& [name, value] : request.cookies()) {
        found.emplace_back(name, value);
        EXPECT_TRUE(request.cookie(name).has_value());
      }
      EXPECT_EQ(request.cookie("nobody"), std::nullopt);
      return UpgradeAccept{};
    };
    EXPECT_EQ(ask("d", fields).status(), 101);
    return found;
  };
  start();
  EXPECT_EQ(cookies_of(""), Pairs{});
  EXPECT_EQ(cookies_of("Cookie: a=1\r\n"), (Pairs{{"a", "1"}}));
  EXPECT_EQ(cookies_of("Cookie: a=1; b=\"2\";c=; =d; e\r\nCookie: a=3=4\r\n"),
            (Pairs{{"a", "1"}, {"b", "2"}, {"c", ""}, {"", "d"}, {"a", "3=4"}}));
  EXPECT_EQ(cookies_of("Cookie: a=\"\r\n"), (Pairs{{"a", "\""}})) << "one quote is no pair";
}

TEST_F(OnUpgrade, AcceptsWithIdFieldsSubprotocolAndUserData) {
  int word = 7;
  handler.asked = [&](const UpgradeRequest&) {
    return UpgradeAccept{.device_id = "chosen",
                         .subprotocol = "b",
                         .fields = {{"Set-Cookie", "seen=1; HttpOnly"}, {"X-Empty", ""}},
                         .user_data = {&word, [](void*) { ADD_FAILURE() << "the connection has it"; }}};
  };
  handler.opened = [&](Connection& connection) {
    EXPECT_EQ(connection.user_data(), &word);
    EXPECT_EQ(connection.device_id(), "chosen");
    EXPECT_EQ(connection.subprotocol(), "b");
  };
  start();
  const DeviceClient client = ask("claimed", "Sec-WebSocket-Protocol: a, b\r\n");
  EXPECT_EQ(client.status(), 101);
  EXPECT_TRUE(has(client, "Set-Cookie: seen=1; HttpOnly\r\nX-Empty: \r\n\r\n"));
  EXPECT_TRUE(has(client, "Sec-WebSocket-Protocol: b\r\n"));
  EXPECT_EQ(handler.open_count, 1);
  EXPECT_TRUE(is_online("chosen"));
  EXPECT_FALSE(is_online("claimed"));
}

TEST_F(OnUpgrade, RefusesWithWhatTheHandlerSays) {
  handler.asked = [](const UpgradeRequest&) {
    return UpgradeRefusal{
        .status = 429, .reason = "too_eager", .detail = "Say \"please\" \\ wait.\n", .fields = {{"Retry-After", "30"}}};
  };
  start();
  DeviceClient client = ask("d");
  EXPECT_EQ(client.status(), 429);
  EXPECT_TRUE(has(client, "Retry-After: 30\r\n"));
  EXPECT_TRUE(has(client, "Content-Type: application/problem+json\r\n"));
  EXPECT_TRUE(client.saw_end());
  EXPECT_EQ(refused(admission::Rejection::refused_by_handler), 1U);
  EXPECT_EQ(handler.open_count, 0);
  EXPECT_EQ(gate->state().connections.load(), 0U);
  expect_nothing_left();
}

TEST_F(OnUpgrade, NeverReplacesAConnectionOfAnIdThatItRefuses) {
  start();
  DeviceClient owner = device("mine");
  handler.asked = [](const UpgradeRequest&) { return UpgradeRefusal{}; };
  EXPECT_EQ(ask("mine").status(), 403);
  owner.text("still here");
  gate->settle();
  EXPECT_EQ(owner.take(Opcode::text), std::vector<std::string>{"still here"});
}

TEST_F(OnUpgrade, IsNotAskedAboutWhatTheGateRefuses) {
  int calls = 0;
  handler.asked = [&](const UpgradeRequest&) {
    ++calls;
    return UpgradeAccept{};
  };
  start();
  EXPECT_EQ(ask("", "").status(), 400);
  EXPECT_EQ(ask("d", "Origin: https://elsewhere\r\n").status(), 403);
  EXPECT_EQ(calls, 0);
}

TEST_F(OnUpgrade, AnswersAVerdictThatBreaksARuleWith500AndFreesItsUserData) {
  UpgradeAccept told;
  int freed = 0;
  handler.asked = [&](const UpgradeRequest&) {
    UpgradeAccept verdict{.device_id = told.device_id, .subprotocol = told.subprotocol, .fields = told.fields};
    verdict.user_data = UserData(&freed, [](void* count) { ++*static_cast<int*>(count); });
    return verdict;
  };
  start();
  const auto expect_500 = [&](UpgradeAccept verdict, const std::string& what) {
    told = std::move(verdict);
    const int freed_before = freed;
    EXPECT_EQ(ask("d", "Sec-WebSocket-Protocol: ringgate.token.secret, offered\r\n").status(), 500) << what;
    EXPECT_EQ(freed, freed_before + 1) << what;
  };
  for (const std::string id : {"", ".", "a b", "anon-me"}) expect_500({.device_id = id}, "id " + id);
  expect_500({.subprotocol = "other"}, "subprotocol");
  expect_500({.subprotocol = "ringgate.token.secret"}, "a token is never echoed");
  for (const std::string name : {"connection", "Upgrade", "SEC-WEBSOCKET-Accept", "Content-Length", "Content-Type",
                                 "transfer-encoding", "Date", "", "a b", "a:"})
    expect_500({.fields = {{name, "x"}}}, "field " + name);
  for (const std::string value : {"a\r\nSet-Cookie: b", "a\n", " a", "a ", "\x7F"})
    expect_500({.fields = {{"X", value}}}, "value " + value);
  expect_500({.fields = {{"X", std::string("a\0b", 3)}}}, "a null");
  expect_500({.fields = {{"X", std::string(4100, 'x')}}}, "long fields");
  EXPECT_EQ(refused(admission::Rejection::handler_failed), gate->counters().handshakes_refused.get());
  EXPECT_EQ(handler.open_count, 0);
  told = {.subprotocol = "offered", .fields = {{"X", std::string(4000, 'x')}}};
  EXPECT_EQ(ask("d", "Sec-WebSocket-Protocol: offered\r\n").status(), 101) << "the rules leave nothing over";
  EXPECT_EQ(handler.open_count, 1);
}

TEST_F(OnUpgrade, AnswersARefusalThatBreaksARuleWith500) {
  UpgradeRefusal told;
  handler.asked = [&](const UpgradeRequest&) { return told; };
  start();
  for (const UpgradeRefusal& refusal :
       {UpgradeRefusal{.status = 399}, UpgradeRefusal{.status = 600}, UpgradeRefusal{.status = 101}, UpgradeRefusal{.reason = ""},
        UpgradeRefusal{.reason = "No"}, UpgradeRefusal{.detail = std::string(501, 'x')}, UpgradeRefusal{.detail = "\xFF"},
        UpgradeRefusal{.fields = {{"Connection", "keep-alive"}}}}) {
    told = refusal;
    EXPECT_EQ(ask("d").status(), 500) << refusal.status << refusal.reason;
  }
  told = {.status = 451, .reason = "law_9", .detail = std::string(500, 'x')};
  EXPECT_EQ(ask("d").status(), 451);
}

/// RFC 9110 sections 15.5.2, 15.5.6 and 15.5.22.
TEST_F(OnUpgrade, AddsTheFieldThatAStatusDemands) {
  UpgradeRefusal told;
  handler.asked = [&](const UpgradeRequest&) { return told; };
  start();
  const auto fields_of = [&](UpgradeRefusal refusal) {
    told = std::move(refusal);
    const std::string head = ask("d").head();
    const std::size_t begin = head.find("Connection: close\r\n") + 19;
    return head.substr(begin, head.find("\r\n\r\n") + 4 - begin);
  };
  EXPECT_EQ(fields_of({.status = 401}), "WWW-Authenticate: Application realm=\"ringgate\"\r\n\r\n");
  EXPECT_EQ(fields_of({.status = 401, .fields = {{"Set-Cookie", "a=b"}}}),
            "Set-Cookie: a=b\r\nWWW-Authenticate: Application realm=\"ringgate\"\r\n\r\n");
  EXPECT_EQ(fields_of({.status = 401, .fields = {{"X", "WWW-Authenticate: y"}, {"www-authenticate", "Cookie"}}}),
            "X: WWW-Authenticate: y\r\nwww-authenticate: Cookie\r\n\r\n");
  EXPECT_EQ(fields_of({.status = 405}), "Allow: GET\r\n\r\n");
  EXPECT_EQ(fields_of({.status = 426}), "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(fields_of({.status = 403}), "\r\n");
}

TEST_F(OnUpgrade, AnswersAnExceptionWith500) {
  handler.asked = [](const UpgradeRequest&) -> UpgradeVerdict { throw std::runtime_error("no database"); };
  start();
  EXPECT_EQ(ask("d").status(), 500);
  handler.asked = [](const UpgradeRequest&) -> UpgradeVerdict { throw 1; };
  EXPECT_EQ(ask("d").status(), 500);
  expect_nothing_left();
}

TEST_F(OnUpgrade, TellsTheIdInThePathAlsoIfTheVerdictSaysAnother) {
  options.settings.routes.push_back({.path = "/handler/{id}", .id_characters = IdCharacters::ocpp});
  std::optional<std::string> id_for_device;
  std::string asked_path_id;
  std::string path_id;
  std::string device_id;
  handler.asked = [&](const UpgradeRequest& request) {
    asked_path_id = request.path_id();
    return UpgradeAccept{.device_id = id_for_device};
  };
  handler.opened = [&](Connection& connection) {
    path_id = connection.path_id();
    device_id = connection.device_id();
  };
  start();
  EXPECT_EQ(ask("x", "", "/handler").status(), 101);
  EXPECT_EQ(path_id, "") << "that route has no id in its path";
  const auto ask_station = [this] {
    DeviceClient client = connect();
    std::string request = DeviceClient::request("CP%201", "/handler/CP%201");
    gate->settle();
    client.peer().send(request);
    gate->settle();
    client.read();
    return client.status();
  };
  EXPECT_EQ(ask_station(), 101);
  EXPECT_EQ(asked_path_id, "CP 1");
  EXPECT_EQ(path_id, "CP 1");
  EXPECT_EQ(device_id, "CP 1");
  id_for_device = "station*7";
  EXPECT_EQ(ask_station(), 101);
  EXPECT_EQ(path_id, "CP 1");
  EXPECT_EQ(device_id, "station*7") << "the characters are those of the route";
}

TEST_F(OnUpgrade, TellsSubprotocolsOfLongListsAndOfNoList) {
  for (int i = 0; i < 20; ++i) options.settings.routes[1].subprotocols.push_back("s" + std::to_string(i));
  std::string told;
  handler.opened = [&](Connection& connection) { told = connection.subprotocol(); };
  start();
  for (int i = 0; i < 20; ++i) {
    const std::string name = "s" + std::to_string(i);
    ask("d", "Sec-WebSocket-Protocol: " + name + "\r\n");
    EXPECT_EQ(told, name);
  }
  ask("d", "Sec-WebSocket-Protocol: unknown\r\n");
  EXPECT_EQ(told, "");
  handler.asked = [](const UpgradeRequest&) { return UpgradeAccept{.subprotocol = "unlisted"}; };
  ask("d", "Sec-WebSocket-Protocol: unlisted, s1\r\n");
  EXPECT_EQ(told, "unlisted");
  handler.asked = [](const UpgradeRequest&) { return UpgradeAccept{.subprotocol = ""}; };
  const DeviceClient client = ask("d", "Sec-WebSocket-Protocol: s1\r\n");
  EXPECT_EQ(told, "");
  EXPECT_FALSE(has(client, "Sec-WebSocket-Protocol"));
}

}  // namespace
}  // namespace ringgate::simulated
