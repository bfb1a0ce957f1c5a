#include "server/exposure.h"

#include <gmock/gmock.h>

namespace ringgate::server {
namespace {

constexpr std::string_view unencrypted = "credentials of devices travel without encryption";
constexpr std::string_view unencrypted_admin = "tokens of backends travel without encryption";
constexpr std::string_view open_route = "whoever reaches this route may connect as any device";

class Exposures : public ::testing::Test {
 protected:
  Exposures() {
    config.listeners[0].bind = "0.0.0.0:8080";
    config.routes = {RouteConfig{.path = "/ws", .auth = {"token"}}};
  }

  std::vector<std::string> found() const {
    std::vector<std::string> texts;
    for (const Exposure& each : exposures_of(config)) texts.push_back(std::string(each.cause) + " " + each.path + each.address);
    return texts;
  }
  static std::string text(std::string_view cause, const std::string& where) { return std::string(cause) + " " + where; }

  Config config;
};

TEST_F(Exposures, EveryKindThatWhoeverReadsItMayUse) {
  for (const char* kind : {"token", "basic", "hmac", "jwt"}) {
    config.routes[0].auth = {"mtls", kind};
    EXPECT_THAT(found(), ::testing::ElementsAre(text(unencrypted, "0.0.0.0:8080"))) << kind;
  }
  config.routes[0].auth = {"mtls"};
  EXPECT_THAT(found(), ::testing::IsEmpty());
}

TEST_F(Exposures, NoneOnLoopbackOnAUnixSocketWithTlsOrBehindAProxy) {
  for (const char* bind : {"127.0.0.1:8080", "[::1]:8080", "unix:/run/gate"}) {
    config.listeners[0].bind = bind;
    EXPECT_THAT(found(), ::testing::IsEmpty()) << bind;
  }
  config.listeners[0] = {.bind = "[::]:8443", .tls = {.certificate_files = {"c"}, .key_files = {"k"}}};
  EXPECT_THAT(found(), ::testing::IsEmpty());
  config.listeners[0] = {.bind = "[::]:8080", .proxy = {.trusted = {"10.0.0.0/8"}}};
  EXPECT_THAT(found(), ::testing::IsEmpty());
}

TEST_F(Exposures, NameEachPlainListener) {
  config.listeners.push_back({.bind = "[::]:8443", .tls = {.certificate_files = {"c"}, .key_files = {"k"}}});
  config.listeners.push_back({.bind = "192.0.2.1:80"});
  EXPECT_THAT(found(), ::testing::ElementsAre(text(unencrypted, "0.0.0.0:8080"), text(unencrypted, "192.0.2.1:80")));
}

TEST_F(Exposures, TokensOfBackends) {
  config.routes.clear();
  config.admin.bind = "0.0.0.0:8081";
  config.admin.token_files = {"tokens"};
  EXPECT_THAT(found(), ::testing::ElementsAre(text(unencrypted_admin, "0.0.0.0:8081")));
  for (const char* bind : {"127.0.0.1:8081", "unix:/run/admin", "off"}) {
    config.admin.bind = bind;
    EXPECT_THAT(found(), ::testing::IsEmpty()) << bind;
  }
  config.admin = {.bind = "0.0.0.0:8081", .token_files = {"tokens"}, .proxy = {.trusted = {"10.0.0.1"}}};
  EXPECT_THAT(found(), ::testing::IsEmpty());
  config.admin = {.bind = "0.0.0.0:8081", .token_files = {"tokens"}, .tls = {.certificate_files = {"c"}, .key_files = {"k"}}};
  EXPECT_THAT(found(), ::testing::IsEmpty());
}

TEST_F(Exposures, RoutesThatAskForNothing) {
  config.listeners[0].tls = {.certificate_files = {"c"}, .key_files = {"k"}};
  EXPECT_THAT(found(), ::testing::IsEmpty());
  config.routes.push_back({.path = "/open", .auth = {"token", "none"}});
  config.routes.push_back({.path = "/shadow", .auth = {"token"}, .enforce = false});
  EXPECT_THAT(found(), ::testing::ElementsAre(text(open_route, "/open0.0.0.0:8080"), text(open_route, "/shadow0.0.0.0:8080")));
}

}  // namespace
}  // namespace ringgate::server
