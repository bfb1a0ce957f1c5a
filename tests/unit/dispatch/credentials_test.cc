// Credentials of connected devices on the simulated clock: their end, their extension, revocations and bans; and several connections
// of one id.
#include <algorithm>

#include "auth/sha256.h"
#include "auth/text_coding.h"
#include "auth/verifiers.h"
#include "base/limits.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

constexpr std::int64_t started_at = 1'800'000'000;  // the fake ring's wall clock when the world begins

class ConnectedCredentials : public DeviceFixture {
 protected:
  ConnectedCredentials() {
    options.settings.limits.ping_interval_ns = 0;
    for (RouteConfig& route : options.settings.routes) route.auth = {"token"};
    options.settings.auth.token_file = "in memory";
    options.settings.auth.expiry_notice_ns = seconds(30);
    options.settings.auth.expiry_grace_ns = seconds(20);
  }

  /// Token NAME is for the device NAME until so many seconds after the world began; 0: for ever.
  static std::shared_ptr<const auth::Verifiers> verifiers_of(const std::vector<std::pair<std::string, int>>& tokens) {
    std::string text;
    for (const auto& [name, lifetime] : tokens) {
      text += "sha256:" + auth::encode_hex(auth::sha256(bytes_of("token-of-" + name))) + " device=" + name + " name=" + name;
      if (lifetime != 0) text += " expires=" + std::to_string(started_at + lifetime);
      text += '\n';
    }
    auto verifiers = std::make_shared<auth::Verifiers>();
    verifiers->tokens = *auth::DeviceTokens::parse(text, "tokens");
    return verifiers;
  }
  void start_with(const std::vector<std::pair<std::string, int>>& tokens) {
    options.verifiers = verifiers_of(tokens);
    start();
  }

  DeviceClient with_token(const std::string& id, std::size_t shard = 0) {
    DeviceClient client = connect(shard);
    client.peer().send(DeviceClient::request(id, "/handler", "Authorization: Bearer token-of-" + id + "\r\n"));
    gate->settle();
    client.read();
    return client;
  }

  std::optional<std::uint16_t> close_code(DeviceClient& client) {
    client.read();
    return client.close_code();
  }

  dispatch::CloseOutcome extend(std::string_view id, std::int64_t expires_at, std::size_t from_shard = 0) {
    auto outcome = dispatch::CloseOutcome::unknown_outcome;
    gate->on_shard(from_shard, [&](dispatch::PushService& pushes) {
      pushes.extend_credential(id, expires_at, [&outcome](dispatch::CloseOutcome result) { outcome = result; });
    });
    gate->settle();
    return outcome;
  }

  /// Bans and revocations are made by other threads; what wakes the shards then is a doorbell.
  void wake_all() {
    for (std::size_t shard = 0; shard < gate->shards_count(); ++shard) gate->on_shard(shard, [](dispatch::PushService&) {});
    gate->settle();
  }
};

TEST_F(ConnectedCredentials, EndAfterTheirGraceAndAreAnnouncedOnce) {
  start_with({{"a", 100}, {"b", 0}});
  DeviceClient ending = with_token("a");
  DeviceClient endless = with_token("b");
  EXPECT_EQ(ending.status(), 101);
  gate->pass(seconds(69));
  EXPECT_EQ(gate->counters().credentials_expiring.get(), 0U);
  gate->pass(seconds(2));
  EXPECT_EQ(gate->counters().credentials_expiring.get(), 1U);
  gate->pass(seconds(47));  // 118 s: past its end, within the grace
  EXPECT_EQ(close_code(ending), std::nullopt);
  gate->pass(seconds(4));
  EXPECT_EQ(close_code(ending), 4401);
  EXPECT_EQ(ending.close_reason(), "credential expired");
  EXPECT_EQ(gate->counters().credentials_expiring.get(), 1U);
  EXPECT_EQ(gate->counters().credentials_ended.get(), 1U);
  EXPECT_EQ(close_code(endless), std::nullopt);
  EXPECT_EQ(with_token("a").status(), 401);
}

TEST_F(ConnectedCredentials, MayBeExtendedFromAnyShard) {
  options.shards_count = 2;
  start_with({{"a", 100}});
  DeviceClient client = with_token("a");
  gate->pass(seconds(90));
  EXPECT_EQ(gate->counters().credentials_expiring.get(), 1U);
  EXPECT_EQ(extend("a", started_at + 300, 1), dispatch::CloseOutcome::closed);
  EXPECT_EQ(extend("nobody", started_at + 300, 1), dispatch::CloseOutcome::unknown_device);
  gate->pass(seconds(100));
  EXPECT_EQ(close_code(client), std::nullopt);
  gate->pass(seconds(85));
  EXPECT_EQ(gate->counters().credentials_expiring.get(), 2U) << "the new end is announced too";
  gate->pass(seconds(50));
  EXPECT_EQ(close_code(client), 4401);
}

TEST_F(ConnectedCredentials, MayBeShortenedAndGiveAnEndToADeviceWithoutOne) {
  start_with({{"a", 0}});
  DeviceClient client = with_token("a");
  EXPECT_EQ(extend("a", started_at - 1000), dispatch::CloseOutcome::closed);
  gate->pass(milliseconds(200));  // with the next timers
  EXPECT_EQ(close_code(client), 4401);
}

TEST_F(ConnectedCredentials, OfASlotAreNotThoseOfItsNextConnection) {
  start_with({{"a", 100}, {"b", 0}});
  DeviceClient first = with_token("a");
  first.close(1000);
  gate->settle();
  first.peer().half_close();
  gate->settle();
  DeviceClient second = with_token("b");
  gate->pass(seconds(200));
  EXPECT_EQ(close_code(second), std::nullopt);
}

TEST_F(ConnectedCredentials, AreRevokedOnEveryShard) {
  options.shards_count = 2;
  start_with({{"a", 0}, {"b", 0}});
  DeviceClient revoked = with_token("a", 1);
  DeviceClient other = with_token("b", 0);
  auth::Revocation revocation{.token_id = "a", .issued_before = started_at + 1, .ends_at = started_at + 100};
  gate->state().denied.revoke(revocation, started_at);
  wake_all();
  EXPECT_EQ(close_code(revoked), 4401);
  EXPECT_EQ(revoked.close_reason(), "credential revoked");
  EXPECT_EQ(close_code(other), std::nullopt);
  EXPECT_EQ(with_token("a").status(), 401);
  gate->pass(seconds(101));
  EXPECT_EQ(with_token("a").status(), 101) << "the revocation has ended";
}

/// The connections of one id, one on each shard.
class CredentialsOfSeveral : public ConnectedCredentials {
 protected:
  CredentialsOfSeveral() {
    options.shards_count = 3;
    options.settings.routes[1].duplicate = DuplicatePolicy::allow;
  }
  void open_all() {
    start_with({{"a", 100}});
    clients.clear();
    for (std::size_t shard = 0; shard < 3; ++shard) clients.push_back(with_token("a", shard));
  }
  void expect_all_closed(std::optional<std::uint16_t> code) {
    for (DeviceClient& client : clients) EXPECT_EQ(close_code(client), code);
  }
  std::vector<DeviceClient> clients;
};

TEST_F(CredentialsOfSeveral, AreExtendedOnAllAndTheAnswerListsEach) {
  for (std::size_t from = 0; from < 3; ++from) {
    open_all();
    dispatch::CloseResult answer;
    gate->on_shard(from, [&](dispatch::PushService& pushes) {
      pushes.extend_credential("a", started_at + 300, [&answer](const dispatch::CloseResult& result) { answer = result; });
    });
    gate->settle();
    EXPECT_EQ(answer.outcome, dispatch::CloseOutcome::closed);
    ASSERT_EQ(answer.parts.size(), 3U);
    for (const dispatch::ClosePart& part : answer.parts) EXPECT_EQ(part.outcome, dispatch::CloseOutcome::closed);
    gate->pass(seconds(200));
    expect_all_closed(std::nullopt);
    gate->pass(seconds(130));
    expect_all_closed(4401);
  }
}

TEST_F(CredentialsOfSeveral, ABanReachesAll) {
  open_all();
  gate->state().denied.ban("a", started_at + 1000, started_at);
  wake_all();
  expect_all_closed(4403);
}

TEST_F(CredentialsOfSeveral, ARevocationReachesAll) {
  open_all();
  auth::Revocation revocation{.device_id = "a", .issued_before = started_at + 1, .ends_at = started_at + 1000};
  gate->state().denied.revoke(revocation, started_at);
  wake_all();
  expect_all_closed(4401);
}

TEST_F(ConnectedCredentials, ThatAreRevokedWhileAHandlerDecidesDoNotGetIn) {
  std::optional<ConnectionRef> waiting;
  handler.asked = [&](const UpgradeRequest& request) -> UpgradeVerdict {
    waiting = request.ref();
    return UpgradeLater{};
  };
  start_with({{"a", 0}});
  DeviceClient client = with_token("a");
  ASSERT_TRUE(waiting.has_value());
  auth::Revocation revocation{.device_id = "a", .issued_before = started_at + 1, .ends_at = started_at + 1000};
  gate->state().denied.revoke(revocation, started_at);
  wake_all();  // every connection was looked at before the decision comes
  gate->decide(*waiting, UpgradeAccept{}, [](DecideOutcome) {});
  gate->settle();
  client.read();
  EXPECT_EQ(client.status(), 401);
}

TEST_F(ConnectedCredentials, AreJudgedByRoutesAndFilesOfOneReload) {
  start_with({{"a", 0}});
  Config fresh = options.settings;
  for (RouteConfig& route : fresh.routes) route.auth = {"basic"};
  std::vector<DeviceClient> later;
  handler.opened = [&](Connection&) {
    if (gate != nullptr) gate->renew(fresh, verifiers_of({{"b", 0}}));
  };
  // All in one turn: the reload comes while the first one is being accepted.
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  gate->settle();
  const auto ask = [&](DeviceClient& client, const std::string& id) {
    client.peer().send(DeviceClient::request(id, "/handler", "Authorization: Bearer token-of-" + id + "\r\n"));
  };
  ask(clients[0], "a");
  ask(clients[1], "b");  // known to the new file only, on a route that takes tokens in the old settings only
  ask(clients[2], "a");
  gate->turn(0);
  gate->settle();
  for (DeviceClient& client : clients) client.read();
  EXPECT_EQ(clients[0].status(), 101);
  EXPECT_EQ(clients[1].status(), 401) << "by new files and old routes";
  handler.opened = [](Connection&) {};
  EXPECT_EQ(with_token("a").status(), 401) << "the route takes passwords now";
  EXPECT_EQ(with_token("b").status(), 401);
}

TEST_F(ConnectedCredentials, ABanReachesDevicesInEverySlot) {
  options.slots_count = 4096;
  options.settings.routes[1].auth = {"none"};
  start_with({});
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 1500; ++i) clients.push_back(device("d" + std::to_string(i)));  // more slots than one turn looks at
  for (const int i : {0, 700, 1499}) gate->state().denied.ban("d" + std::to_string(i), started_at + 100, started_at);
  wake_all();
  int closed = 0;
  for (int i = 0; i < 1500; ++i) {
    const auto code = close_code(clients[static_cast<std::size_t>(i)]);
    EXPECT_EQ(code.has_value(), i == 0 || i == 700 || i == 1499) << i;
    closed += code == 4403;
  }
  EXPECT_EQ(closed, 3);
}

TEST_F(ConnectedCredentials, ABanReachesEverySlotEvenIfDevicesArriveMeanwhile) {
  options.slots_count = 8192;
  options.settings.limits.connections_max = 8000;
  options.settings.routes[1].auth = {"none"};
  start_with({});
  std::vector<DeviceClient> clients;
  const auto arrive = [&](int count) {
    for (int i = 0; i < count; ++i) clients.push_back(device("d" + std::to_string(clients.size())));
  };
  arrive(1500);
  gate->state().denied.ban("nobody", started_at + 1000, started_at);  // a round that ends at slot 1500
  wake_all();
  arrive(1000);
  gate->state().denied.ban("d1499", started_at + 1000, started_at);  // just before where the next round begins
  clients.front().text("wakes the shard for one turn");
  gate->turn(0);
  arrive(1500);
  wake_all();
  EXPECT_EQ(close_code(clients[1499]), 4403);
}

TEST_F(ConnectedCredentials, AreNotEnforcedOnDevicesOfARouteThatDoesNotEnforceThem) {
  for (RouteConfig& route : options.settings.routes) route.enforce = false;
  start_with({{"a", 100}});
  DeviceClient good = with_token("a");
  auth::Revocation revocation{.token_id = "a", .issued_before = started_at + 1, .ends_at = started_at + 1000};
  gate->state().denied.revoke(revocation, started_at);
  wake_all();
  gate->pass(seconds(200));
  EXPECT_EQ(close_code(good), std::nullopt);
}

class SeveralConnections : public DeviceFixture {
 protected:
  SeveralConnections() {
    options.shards_count = 3;
    options.settings.routes[1].duplicate = DuplicatePolicy::allow;
    options.settings.routes[1].connections_max = 3;
    options.settings.routes.push_back({.path = "/replace"});
  }
  PushResult pushed(std::string_view id, std::string_view payload, std::size_t shard) {
    PushResult answer;
    push(id, payload, shard, [&answer](const PushResult& result) { answer = result; });
    gate->settle();
    return answer;
  }
};

TEST_F(SeveralConnections, AllGetAPushAndTheAnswerListsEach) {
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t shard = 0; shard < 3; ++shard) clients.push_back(device("a", "/handler", shard));
  for (std::size_t from = 0; from < 3; ++from) {
    const PushResult result = pushed("a", "hello", from);
    EXPECT_EQ(result.outcome, PushOutcome::delivered);
    ASSERT_EQ(result.parts.size(), 3U);
    for (const PushPart& part : result.parts) EXPECT_EQ(part.outcome, PushOutcome::delivered);
    for (DeviceClient& client : clients) EXPECT_EQ(client.take_messages(), std::vector<std::string>{"hello"});
  }
  std::uint64_t counted = 0;
  for (std::size_t shard = 0; shard < 3; ++shard) counted += gate->counters(shard).push_delivered.get();
  EXPECT_EQ(counted, 3U) << "each push counts once";
  DeviceClient fourth = connect(0);
  fourth.open("a", "/handler");
  gate->settle();
  fourth.read();
  EXPECT_EQ(fourth.status(), 409);
}

TEST_F(SeveralConnections, OnlyTheNamedOnesGetAPush) {
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t shard = 0; shard < 3; ++shard) clients.push_back(device("a", "/handler", shard));
  const std::vector<PushPart> all = pushed("a", "to all", 0).parts;
  ASSERT_EQ(all.size(), 3U);
  for (DeviceClient& client : clients) (void)client.take_messages();
  const ConnectionRef stranger{0x77};
  const auto ordered = [&](std::vector<ConnectionRef> only_to, std::size_t from) {
    PushResult answer;
    gate->on_shard(from, [&](dispatch::PushService& pushes) {
      pushes.push("a", ws::MessageRef::encode(MessageType::text, bytes_of("hi")), {.only_to = std::move(only_to)},
                  [&answer](const PushResult& result) { answer = result; });
    });
    gate->settle();
    return answer;
  };
  const auto reached = [&clients] {
    std::size_t count = 0;
    for (DeviceClient& client : clients) count += client.take_messages().size();
    return count;
  };
  for (std::size_t from = 0; from < 3; ++from) {
    const PushResult two = ordered({all[0].connection, stranger, all[2].connection}, from);
    EXPECT_EQ(two.outcome, PushOutcome::delivered);
    ASSERT_EQ(two.parts.size(), 2U);
    for (const PushPart& part : two.parts) EXPECT_NE(part.connection, all[1].connection);
    EXPECT_EQ(reached(), 2U);
    const PushResult one = ordered({stranger, all[1].connection}, from);
    EXPECT_EQ(one.outcome, PushOutcome::delivered);
    EXPECT_EQ(one.connection, all[1].connection);
    EXPECT_TRUE(one.parts.empty());
    EXPECT_EQ(reached(), 1U);
    EXPECT_EQ(ordered({stranger}, from).outcome, PushOutcome::other_connection);
    EXPECT_EQ(reached(), 0U);
  }
}

TEST_F(SeveralConnections, OfOneIdDoNotMakePushesToAnotherFollowIt) {
  start();
  DeviceClient several = device("somebody", "/handler", 0);  // from now on companions are looked for
  DeviceClient older = device("a", "/replace", 0);
  const auto find = [&] { return *gate->state().map.find_from_outside(gate->state().hash("a")); };
  const device::ConnectionRef before = find();
  DeviceClient newer = device("a", "/replace", 1);
  gate->push_from_outside("a", before, "1", [](const PushResult&) {});
  gate->push_from_outside("a", find(), "2", [](const PushResult&) {});
  gate->turn(1);
  gate->settle();
  EXPECT_EQ(newer.take_messages(), std::vector<std::string>{"2"}) << "never 2 and then 1";
}

TEST_F(SeveralConnections, HandTheIdOnWhicheverLeaves) {
  for (std::size_t leaver = 0; leaver < 3; ++leaver) {
    start();
    std::vector<DeviceClient> clients;
    for (std::size_t shard = 0; shard < 3; ++shard) clients.push_back(device("a", "/handler", shard));
    clients[leaver].peer().reset();
    gate->settle();
    EXPECT_EQ(pushed("a", "x", 0).parts.size(), 2U) << leaver;
    for (std::size_t i = 0; i < 3; ++i) {
      if (i == leaver) continue;
      EXPECT_EQ(clients[i].take_messages().size(), 1U) << leaver << i;
      clients[i].peer().reset();
    }
    gate->settle();
    EXPECT_EQ(pushed("a", "x", 0).outcome, PushOutcome::unknown_device);
    EXPECT_EQ(gate->state().map.count(), 0U);
  }
}

TEST_F(SeveralConnections, AreAllReplacedByARouteThatReplaces) {
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t shard = 0; shard < 3; ++shard) clients.push_back(device("a", "/handler", shard));
  DeviceClient newer = device("a", "/replace", 1);
  for (DeviceClient& client : clients) {
    client.read();
    EXPECT_EQ(client.close_code(), 4409);
  }
  const PushResult result = pushed("a", "x", 2);
  EXPECT_TRUE(result.parts.empty());
  EXPECT_EQ(newer.take_messages(), std::vector<std::string>{"x"});
}

TEST_F(SeveralConnections, AreAllClosedById) {
  for (std::size_t from = 0; from < 3; ++from) {
    start();
    std::vector<DeviceClient> clients;
    for (std::size_t shard = 0; shard < 3; ++shard) clients.push_back(device("a", "/handler", shard));
    auto outcome = dispatch::CloseOutcome::unknown_outcome;
    gate->on_shard(from, [&](dispatch::PushService& pushes) {
      pushes.close_device("a", static_cast<CloseCode>(4007), "off", [&](dispatch::CloseOutcome result) { outcome = result; });
    });
    gate->settle();
    EXPECT_EQ(outcome, dispatch::CloseOutcome::closed);
    for (DeviceClient& client : clients) {
      client.read();
      EXPECT_EQ(client.close_code(), 4007) << from;
    }
  }
}

TEST_F(SeveralConnections, OfWhichSomeCannotBeReachedAreClosedInPartAndTheAnswerSaysSo) {
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t shard = 0; shard < 3; ++shard) clients.push_back(device("a", "/handler", shard));
  DeviceClient other = device("b", "/replace", 1);
  const auto close = [&](bool lane_is_full) {
    dispatch::CloseResult answer;
    gate->on_shard(0, [&](dispatch::PushService& pushes) {
      for (std::size_t i = 0; lane_is_full && i < limits::lane_parcels_max; ++i)
        pushes.push("b", ws::MessageRef::encode(MessageType::text, bytes_of("x")), [](const PushResult&) {});
      pushes.close_device("a", static_cast<CloseCode>(4007), "off",
                          [&](const dispatch::CloseResult& result) { answer = result; });
    });
    gate->settle();
    return answer;
  };
  const auto is_closed = [](DeviceClient& client) {
    client.read();
    return client.close_code() == 4007;
  };
  const dispatch::CloseResult partly = close(true);
  EXPECT_EQ(partly.outcome, dispatch::CloseOutcome::partly);
  ASSERT_EQ(partly.parts.size(), 3U);
  const auto count = [&](dispatch::CloseOutcome outcome) {
    return std::ranges::count(partly.parts, outcome, &dispatch::ClosePart::outcome);
  };
  EXPECT_EQ(count(dispatch::CloseOutcome::closed), 2);
  EXPECT_EQ(count(dispatch::CloseOutcome::backpressure), 1);
  EXPECT_TRUE(is_closed(clients[0]) && !is_closed(clients[1]) && is_closed(clients[2]));
  EXPECT_EQ(close(false).outcome, dispatch::CloseOutcome::closed) << "a repetition closes the rest";
  EXPECT_TRUE(is_closed(clients[1]));
  EXPECT_EQ(close(false).outcome, dispatch::CloseOutcome::unknown_device);
}

TEST_F(SeveralConnections, KeepTheOlderOneIfTheRouteRejects) {
  options.settings.routes[1].duplicate = DuplicatePolicy::reject;
  start();
  DeviceClient older = device("a", "/handler", 0);
  DeviceClient newer = connect(1);
  newer.open("a", "/handler");
  gate->settle();
  newer.read();
  EXPECT_EQ(newer.status(), 409);
  EXPECT_NE(newer.head().find("Retry-After: "), std::string::npos);
  pushed("a", "x", 2);
  EXPECT_EQ(older.take_messages(), std::vector<std::string>{"x"});
}

}  // namespace
}  // namespace ringgate::simulated
