// Settings that a program fills in are held to the rules that files, flags and the environment are read by.
#include "config/check.h"

#include <gtest/gtest.h>

#include <functional>

#include "config/table.h"

namespace ringgate::config {
namespace {

/// All faults of the defaults after `change`, one line each.
std::string faults_after(const std::function<void(Config&)>& change) {
  Config config = default_config();
  change(config);
  std::string lines;
  for (const StartError& fault : check_config(config)) {
    EXPECT_EQ(fault.exit_code, ExitCode::bad_configuration);
    lines += fault.cause + "; " + fault.remedy + '\n';
  }
  return lines;
}

TEST(CheckConfig, LetsTheDefaultsPass) {
  EXPECT_TRUE(check_config(default_config()).empty());
  EXPECT_TRUE(check_config(Config{}).empty()) << "a program that mounts its own routes";
}

TEST(CheckConfig, RefusesWhatTheLoaderRefusesInItsWords) {
  EXPECT_EQ(faults_after([](Config& c) { c.limits.inflate_cpu_percent = 0; }),
            "limits.inflate_cpu: 0 is out of range; write a number from 1 to 100\n");
  EXPECT_EQ(faults_after([](Config& c) { c.ring.buffers_count = 3; }),
            "ring.buffers: 3 is not a power of two; write a number from 2 to 1024, a power of two\n");
  EXPECT_EQ(faults_after([](Config& c) { c.device.id_from = {"query:id", "cookie:id"}; }),
            "device.id_from: \"cookie:id\" does not fit; write a list of 1 to 8 different texts, each \"query:NAME\" or "
            "\"header:NAME\"\n");
  EXPECT_EQ(faults_after([](Config& c) { c.device.id_from.clear(); }),
            "device.id_from: 0 items are out of range; write a list of 1 to 8 different texts, each \"query:NAME\" or "
            "\"header:NAME\"\n");
  EXPECT_EQ(faults_after([](Config& c) { c.server.shards_count = 256; }),
            "server.shards: 256 is out of range; write a number from 0 to 255\n");
  EXPECT_EQ(faults_after([](Config& c) { c.limits.close_timeout_ns = 0; }),
            "limits.close_timeout: \"0s\" is out of range; write a duration from 100ms to 1h, with a unit\n");
  EXPECT_EQ(faults_after([](Config& c) { c.server.cpus = {1, 1024}; }),
            "server.cpus: CPU 1024 does not fit; write a CPU list such as \"0,2-3\", no CPU twice, or \"all\"\n");
  EXPECT_EQ(faults_after([](Config& c) { c.server.cpus = {1, 2, 1}; }),
            "server.cpus: CPU 1 does not fit; write a CPU list such as \"0,2-3\", no CPU twice, or \"all\"\n");
  EXPECT_EQ(faults_after([](Config& c) { c.log.level = static_cast<LogLevel>(9); }),
            "log.level: word 9 is none of the words; write one of \"debug\", \"info\", \"warning\", \"error\", \"off\"\n");
  EXPECT_EQ(faults_after([](Config& c) { c.routes[0].path = "ws"; }),
            "route.0.path: \"ws\" does not fit; write a path such as \"/ws\" or \"/ocpp/{id}\"\n");
  EXPECT_EQ(faults_after([](Config& c) { c.routes[0].subprotocols = {"a", "a"}; }).substr(0, 46),
            "route.0.subprotocols: \"a\" is there twice; writ");
}

TEST(CheckConfig, LetsADurationOfZeroMeanOffWhereTheLoaderDoes) {
  EXPECT_EQ(faults_after([](Config& c) { c.limits.ping_interval_ns = 0; }), "");
  EXPECT_NE(faults_after([](Config& c) { c.limits.handshake_timeout_ns = 0; }), "");
}

TEST(CheckConfig, WantsForCertificatesOfClientsWhatTheyNeed) {
  const auto faults = [](const TlsConfig& tls) { return faults_after([&](Config& c) { c.admin.tls = tls; }); };
  TlsConfig good{.certificate_files = {"/gate.pem"}, .key_files = {"/gate.key"}};
  good.client = ClientCertificates::required;
  good.client_authority_files = {"/clients.pem"};
  good.client_revocation_files = {"/revoked.pem"};
  EXPECT_EQ(faults(good), "");
  TlsConfig plain = good;
  plain.certificate_files.clear();
  plain.key_files.clear();
  EXPECT_EQ(faults(plain),
            "admin.tls.client: without TLS no client shows a certificate; give tls.cert and tls.key, or leave it \"off\"\n");
  TlsConfig trusting = good;
  trusting.client_authority_files.clear();
  EXPECT_EQ(faults(trusting), "admin.tls.client_ca: nobody is trusted to issue certificates of clients; give tls.client_ca\n");
  TlsConfig idle = good;
  idle.client = ClientCertificates::off;
  EXPECT_EQ(faults(idle),
            "admin.tls.client_ca: the files are not used while tls.client is \"off\"; set tls.client, or leave them out\n"
            "admin.tls.crl: the files are not used while tls.client is \"off\"; set tls.client, or leave them out\n");
}

TEST(CheckConfig, CountsListenersAndRoutes) {
  EXPECT_EQ(faults_after([](Config& c) { c.listeners.clear(); }), "listener: 0 entries are out of range; give 1 to 16\n");
  EXPECT_EQ(faults_after([](Config& c) { c.listeners.resize(17, {"127.0.0.1:0"}); }),
            "listener: 17 entries are out of range; give 1 to 16\n");
  const auto routes = [](std::size_t count) {
    return faults_after([count](Config& c) {
      c.routes.clear();
      for (std::size_t i = 0; i < count; ++i) c.routes.push_back({.path = "/" + std::to_string(i)});
    });
  };
  EXPECT_EQ(routes(256), "");
  EXPECT_EQ(routes(257), "route: 257 entries are out of range; give 0 to 256\n");
}

TEST(CheckConfig, OffLoopbackTheAdminPortNeedsACredential) {
  const auto faults_with = [](const char* bind, std::vector<std::string> tokens) {
    return faults_after([&](Config& c) {
      c.admin.bind = bind;
      c.admin.token_files = std::move(tokens);
    });
  };
  for (const char* bind : {"0.0.0.0:8081", "[::]:8081", "192.0.2.1:8081"}) {
    EXPECT_EQ(faults_with(bind, {}), std::string("admin.bind: ") + bind +
                                         " is not a loopback address, and nothing keeps strangers from the admin port; "
                                         "give admin.tokens or admin.tls.client = \"required\", or bind a loopback address\n");
    EXPECT_EQ(faults_with(bind, {"/tokens"}), "");
  }
  EXPECT_EQ(faults_after([](Config& c) {
              c.admin.bind = "0.0.0.0:8081";
              c.admin.tls.certificate_files = {"/a"};
              c.admin.tls.key_files = {"/b"};
              c.admin.tls.client = ClientCertificates::required;
              c.admin.tls.client_authority_files = {"/ca"};
            }),
            "");
  for (const char* bind : {"127.0.0.1:8081", "127.9.9.9:1", "[::1]:8081", "off"}) EXPECT_EQ(faults_with(bind, {}), "");
}

TEST(CheckConfig, ComparesValuesOnlyIfEachOfThemIsSound) {
  const auto contradict = [](Config& c) {
    c.routes.push_back({.path = "/ws"});
    c.limits.reassembly_bytes_max = 1024 * 1024;
    c.limits.message_bytes_max = 2 * 1024 * 1024;
  };
  EXPECT_EQ(faults_after(contradict),
            "limits.reassembly_memory: a message of limits.max_message does not fit; give at least limits.max_message\n"
            "route.1.path: /ws is the path of another route; give each route its own path\n");
  EXPECT_EQ(faults_after([&](Config& c) {
              contradict(c);
              c.limits.fragments_max = 0;
            }).find("another"),
            std::string::npos);
}

TEST(CheckConfig, WantsProxiesWhereTheyMatter) {
  EXPECT_EQ(faults_after([](Config& c) { c.listeners[0].proxy.protocol = ProxyProtocol::v2; }),
            "listener.0.proxy_protocol: without trusted_proxies every connection is refused; give trusted_proxies\n");
  EXPECT_EQ(faults_after([](Config& c) { c.admin.proxy.protocol = ProxyProtocol::automatic; }),
            "admin.proxy_protocol: without trusted_proxies every connection is refused; give trusted_proxies\n");
  EXPECT_EQ(faults_after([](Config& c) { c.listeners[0].proxy.forwarded = ForwardedField::forwarded; }),
            "listener.0.forwarded: without trusted_proxies nobody is believed; give trusted_proxies\n");
  EXPECT_EQ(faults_after(
                [](Config& c) { c.listeners[0].proxy = {ProxyProtocol::v1, {"10.0.0.0/8", "unix"}, ForwardedField::forwarded}; }),
            "");
  EXPECT_EQ(faults_after([](Config& c) { c.listeners[0].proxy.trusted = {"10.0.0.1/8"}; }).substr(0, 52),
            "listener.0.trusted_proxies: \"10.0.0.1/8\" does not fi");
  EXPECT_NE(faults_after([](Config& c) {
              for (int i = 0; i < 65; ++i) c.listeners[0].proxy.trusted.push_back("10.0.0." + std::to_string(i));
            }).find("65 items are out of range"),
            std::string::npos);
}

}  // namespace
}  // namespace ringgate::config
