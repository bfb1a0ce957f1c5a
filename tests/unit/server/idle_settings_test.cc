// Each setting that does nothing by itself is told of, and falls silent once what it needs is there.
#include "server/idle_settings.h"

#include <gmock/gmock.h>

namespace ringgate::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class IdleSettings : public ::testing::Test {
 protected:
  IdleSettings() { config.routes = {RouteConfig{}}; }

  std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const IdleSetting& each : idle_settings_of(config)) {
      keys.push_back(each.key);
      EXPECT_FALSE(each.cause.empty() || each.remedy.empty()) << each.key;
    }
    return keys;
  }
  /// A webhook that does something.
  WebhookConfig& webhook() {
    config.webhooks = {WebhookConfig{.name = "backend", .url = "https://backend.example.org/", .events = {"device.connected"}}};
    return config.webhooks[0];
  }

  Config config;
};

TEST_F(IdleSettings, OfTheDefaultsThereAreNone) {
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_THAT(idle_settings_of(Config{}), IsEmpty());
  webhook();
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(IdleSettings, OverflowWithoutUpstream) {
  config.routes.push_back({.path = "/two", .on_overflow = OverflowPolicy::pause});
  EXPECT_THAT(keys(), ElementsAre("route.1.on_overflow"));
  config.routes[1].upstream = {"events"};
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(IdleSettings, ALocalReceiverThatIsNotAllowed) {
  for (const char* host : {"127.0.0.1", "127.1", "0x7f000001", "localhost", "LocalHost", "gate.localhost", "[::1]",
                           "[::ffff:127.0.0.1]", "169.254.169.254", "[fe80::1]", "0.0.0.0", "224.0.0.1"})
    for (const char* end : {"", "/", ":9000/", "?token=x", ":9000"}) {
      webhook().url = std::string("http://") + host + end;
      EXPECT_THAT(keys(), ElementsAre("webhook.0.url")) << config.webhooks[0].url;
      config.webhooks[0].local_allowed = true;
      EXPECT_THAT(keys(), IsEmpty()) << config.webhooks[0].url;
    }
  for (const char* url : {"https://192.0.2.1/", "https://[2001:db8::1]/", "https://localhost.example.org/",
                          "https://example.org/?u=http://127.0.0.1/", "https://10.0.0.1/"}) {
    webhook().url = url;
    EXPECT_THAT(keys(), IsEmpty()) << url;
  }
}

TEST_F(IdleSettings, AWebhookThatIsSentNothing) {
  webhook().events.clear();
  EXPECT_THAT(keys(), ElementsAre("webhook.0.events"));
  config.routes[0].upstream = {"events", "webhook:backends"};
  EXPECT_THAT(keys(), ElementsAre("webhook.0.events")) << "another name";
  config.routes[0].upstream = {"events", "webhook:backend"};
  EXPECT_THAT(keys(), IsEmpty());
  config.routes[0].upstream.clear();
  config.routes[0].connect_hook = "backend";
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(IdleSettings, AuthoritiesOfAReceiverWithoutTls) {
  webhook().authority_file = "ca.pem";
  EXPECT_THAT(keys(), IsEmpty());
  config.webhooks[0].url = "http://backend.example.org/";
  EXPECT_THAT(keys(), ElementsAre("webhook.0.ca"));
}

TEST_F(IdleSettings, WhatAConnectHookWouldNeed) {
  config.routes[0].connect_hook_failure = ConnectHookFailure::allow;
  config.routes[0].connect_hook_fields = {"User-Agent"};
  EXPECT_THAT(keys(), ElementsAre("route.0.connect_hook_failure", "route.0.connect_hook_fields"));
  webhook().events.clear();
  config.routes[0].connect_hook = "backend";
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(IdleSettings, SeveralConnectionsWhereOneIsAllowed) {
  config.routes[0].connections_max = 2;
  EXPECT_THAT(keys(), ElementsAre("route.0.max_per_device"));
  config.routes[0].duplicate = DuplicatePolicy::allow;
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(IdleSettings, WhatIsForBackendsWithoutAnAdminPort) {
  config.routes[0].upstream = {"events"};
  config.routes[0].correlation = "/1";
  config.events.readers_max = 1;
  config.events.heartbeat_ns = 1'000'000'000;
  EXPECT_THAT(keys(), IsEmpty());
  config.admin.bind = "off";
  EXPECT_THAT(keys(), ElementsAre("route.0.upstream", "route.0.correlation", "events.readers", "events.heartbeat"));
}

TEST_F(IdleSettings, ClusterWithoutAnEngine) {
  config.cluster.node = "gate-1";
  EXPECT_THAT(keys(), ElementsAre("cluster.engine"));
  config.cluster.engine = ClusterEngine::nats;
  EXPECT_THAT(keys(), ElementsAre());
}

}  // namespace
}  // namespace ringgate::server
