// The time that a turn spends on passwords, on a clock that each look at it moves: heads beyond that time wait, and nobody else does.
#include "auth/password_line.h"
#include "auth/text_coding.h"
#include "auth/verifiers.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class Verifying : public DeviceFixture {
 protected:
  Verifying() {
    options.settings.limits.ping_interval_ns = 0;
    options.settings.limits.auth_failures_per_prefix = 0;
    options.settings.routes.push_back({.path = "/basic", .auth = {"basic"}});
    options.settings.auth.password_file = "in memory";
    std::string text;
    for (const char* user : {"a", "b", "c"}) {
      auth::PasswordHash hash{.iterations = 1};
      hash.hash = auth::derive_from_password(bytes_of("secret"), hash.salt, hash.iterations);
      text += auth::print_password_line({.user = user, .hash = hash}) + "\n";
    }
    auto verifiers = std::make_shared<auth::Verifiers>();
    verifiers->passwords = *auth::PasswordFile::parse(text, "users");
    options.verifiers = std::move(verifiers);
    world_options.clock_look_cost = 200 * nanoseconds_per_microsecond;  // of a look: what a turn may spend
  }

  static std::string request(const std::string& id, const std::string& password) {
    const std::string field = auth::encode_base64(bytes_of(id + ":" + password), auth::Base64::standard);
    return DeviceClient::request(id, "/basic", "Authorization: Basic " + field + "\r\n");
  }
  /// Clients that all ask before the shard's next turn.
  std::vector<DeviceClient> crowd(std::size_t count) {
    std::vector<DeviceClient> clients;
    for (std::size_t i = 0; i < count; ++i) clients.push_back(connect());
    gate->settle();
    for (DeviceClient& client : clients) client.peer().send(request("x", "wrong"));
    return clients;
  }
  static std::size_t answered(std::vector<DeviceClient>& clients) {
    std::size_t count = 0;
    for (DeviceClient& client : clients) {
      client.read();
      if (!client.status()) continue;
      EXPECT_EQ(client.status(), 401);
      ++count;
    }
    return count;
  }
};

TEST_F(Verifying, IsBoundedPerTurn) {
  start();
  std::vector<DeviceClient> clients = crowd(8);
  for (std::size_t turn = 1; turn <= 8; ++turn) {
    gate->turn(0);
    gate->turn(0);  // in which the answers leave
    EXPECT_LE(answered(clients), 2 * turn) << "one attempt per turn";
  }
  gate->settle();
  EXPECT_EQ(answered(clients), 8U);
  EXPECT_EQ(gate->counters().handshakes_queued.get(), 7U);
  expect_nothing_left();
}

TEST_F(Verifying, KeepsNobodyElseWaiting) {
  start();
  DeviceClient connected = device("connected", "/ws");
  std::vector<DeviceClient> clients = crowd(50);
  DeviceClient plain = connect();
  gate->turn(0);
  plain.open("plain", "/ws");
  connected.text("hello");
  for (int i = 0; i < 4; ++i) gate->turn(0);
  EXPECT_EQ(connected.take_messages(), std::vector<std::string>{"hello"});
  plain.read();
  EXPECT_EQ(plain.status(), 101) << "a path without passwords";
  EXPECT_LT(answered(clients), 8U);
  gate->settle();
  EXPECT_EQ(answered(clients), 50U);
}

TEST_F(Verifying, WhatFollowsAQueuedHeadIsReadAfterIt) {
  start();
  std::vector<DeviceClient> strangers = crowd(5);
  DeviceClient client = connect();
  client.peer().send(request("a", "secret") + DeviceClient::frame(Opcode::text, "early"));
  gate->turn(0);
  gate->turn(0);
  client.text("later");
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{"early", "later"}));
  EXPECT_EQ(client.status(), 101);
  client.text("afterwards");
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"afterwards"});
}

TEST_F(Verifying, WhoeverIsBannedWhileQueuedIsRefused) {
  start();
  std::vector<DeviceClient> strangers = crowd(5);
  DeviceClient client = connect();
  client.peer().send(request("a", "secret"));
  gate->turn(0);
  const std::int64_t now = 1'800'000'000;
  gate->state().denied.ban("a", now + 100, now);
  gate->settle();
  client.read();
  EXPECT_EQ(client.status(), 403);
}

TEST_F(Verifying, WhoeverLeavesWhileQueuedIsGone) {
  start();
  std::vector<DeviceClient> strangers = crowd(6);
  gate->turn(0);
  strangers[4].peer().half_close();
  strangers[5].peer().reset();
  gate->settle();
  EXPECT_EQ(gate->counters().handshakes_abandoned.get(), 2U);
  expect_nothing_left();
}

TEST_F(Verifying, AQueuedHeadHasTheDeadlineOfAHandshakeAndEndsWithADrain) {
  start();
  std::vector<DeviceClient> clients = crowd(5);
  gate->turn(0);
  world->options().clock_look_cost = 0;
  gate->start_draining();
  gate->pass(seconds(40));
  EXPECT_TRUE(gate->is_drained());
  for (DeviceClient& client : clients) {
    client.read();
    EXPECT_TRUE(client.status() == 401 || client.status() == 503) << client.status().value_or(0);
  }
}

}  // namespace
}  // namespace ringgate::simulated
