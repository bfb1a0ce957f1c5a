// Handshakes that are refused, as the operator sees them, and what load balancers are told.
#include "admission/refusal.h"
#include "base/log_limiter.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

class DeviceRefusing : public DeviceFixture {
 protected:
  /// All that comes back on a connection of its own.
  std::string ask(std::string_view bytes) {
    DeviceClient client = connect();
    client.peer().send(bytes);
    gate->settle();
    const std::string answer(client.peer().received_text());
    client.peer().close();
    gate->settle();
    return answer;
  }
  int status_of(std::string_view bytes) {
    const std::string answer = ask(bytes);
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
  }
  std::uint64_t refused(admission::Refusal refusal) const {
    return gate->counters().handshakes_refused_by[refusal.index()].get();
  }
  /// Every refusal is counted once in all and once by its reason.
  void expect_sums_agree() const {
    std::uint64_t sum = 0;
    for (const Counter& counter : gate->counters().handshakes_refused_by) sum += counter.get();
    EXPECT_EQ(sum, gate->counters().handshakes_refused.get());
  }
};

// -- Counted by reason

TEST_F(DeviceRefusing, CountsEachRefusalByItsReason) {
  start();
  EXPECT_EQ(status_of(DeviceClient::request("")), 400);
  EXPECT_EQ(status_of(DeviceClient::request("a", "/nowhere")), 404);
  EXPECT_EQ(status_of(DeviceClient::request("a", "/ws", "Origin: https://elsewhere\r\n")), 403);
  EXPECT_EQ(status_of("GET /ws HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refused(admission::Rejection::device_id_missing), 1U);
  EXPECT_EQ(refused(http::Rejection::path_unknown), 1U);
  EXPECT_EQ(refused(admission::Rejection::origin_forbidden), 1U);
  EXPECT_EQ(refused(http::Rejection::host_repeated), 1U);
  expect_sums_agree();
}

TEST_F(DeviceRefusing, CountsDeadlinesDrainsAndTheLimitToo) {
  options.settings.limits.connections_max = 1;
  start();
  DeviceClient owner = device("a");
  EXPECT_EQ(status_of(DeviceClient::request("b")), 503);
  EXPECT_EQ(refused(admission::Rejection::connection_limit), 1U);

  DeviceClient silent = connect();
  DeviceClient slow = connect();
  slow.peer().send("GET /ws?de");
  gate->pass(seconds(11));
  EXPECT_EQ(refused(http::Rejection::nothing_sent), 1U);
  EXPECT_EQ(refused(http::Rejection::request_timeout), 1U);

  DeviceClient half_made = connect();
  half_made.peer().send("GET /ws?de");
  gate->settle();
  gate->start_draining();
  gate->pass(seconds(1));
  EXPECT_EQ(refused(admission::Rejection::draining), 1U);
  expect_sums_agree();
}

TEST_F(DeviceRefusing, AWholeHandshakeOrAnEarlyEndIsNoRefusal) {
  start();
  (void)device("a");
  DeviceClient left = connect();
  left.peer().send("GET /ws?de");
  left.peer().close();
  gate->settle();
  EXPECT_EQ(gate->counters().handshakes_refused.get(), 0U);
  expect_sums_agree();
}

// -- Other protocols are named

TEST_F(DeviceRefusing, NamesProtocolsThatAreNotSpokenHere) {
  using namespace std::string_view_literals;
  start();
  struct Case {
    std::string_view bytes;
    int status;
    http::Rejection rejection;
  };
  const Case cases[] = {
      {"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"sv, 400, http::Rejection::tls_unexpected},
      {"\x16"sv, 400, http::Rejection::tls_unexpected},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\n"sv, 400, http::Rejection::proxy_protocol_unexpected},
      {"PROXY UNKNOWN\r\n"sv, 400, http::Rejection::proxy_protocol_unexpected},
      {"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x13\x88\x00\x50"sv, 400,
       http::Rejection::proxy_protocol_unexpected},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, 505, http::Rejection::http2_unexpected},
      {"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"sv, 400, http::Rejection::ssh_unexpected},
      {"SSH-2.0-with_a_name_longer_than_any_method_is\r\n"sv, 400, http::Rejection::ssh_unexpected},
      {"\r\n\r\n\r\n"sv, 400, http::Rejection::empty_line_repeated},
      {"GET / HTTP/2.0\r\n"sv, 505, http::Rejection::version_unsupported},
  };
  for (const Case& c : cases) {
    const std::uint64_t before = refused(c.rejection);
    const std::string answer = ask(c.bytes);
    const std::string_view reason = http::facts_of(c.rejection).reason;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(c.status))) << reason << ": " << answer;
    EXPECT_NE(answer.find("\"reason\":\"" + std::string(reason) + "\""), std::string::npos) << answer;
    EXPECT_EQ(refused(c.rejection), before + 1) << reason;
  }
}

// -- Hosts

TEST_F(DeviceRefusing, OnceHostsAreListedServesNoOther) {
  start();
  EXPECT_EQ(status_of("GET /ws?deviceId=a HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 426) << "any, while none is listed";
  options.settings.device.allowed_hosts = {"gate.example", "[2001:db8::1]"};
  start();
  const auto upgrade_at = [&](std::string_view host) {
    return status_of("GET /ws?deviceId=a HTTP/1.1\r\nHost: " + std::string(host) +
                     "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n");
  };
  for (const char* host : {"gate.example", "GATE.example:8080", "gate.example.", "[2001:db8::1]", "[2001:DB8::1]:1"})
    EXPECT_EQ(upgrade_at(host), 101) << host;
  for (const char* host : {"evil.example", "localhost", "127.0.0.1", "gate.example.evil", "a.gate.example", "[::1]"})
    EXPECT_EQ(upgrade_at(host), 421) << host;
  EXPECT_EQ(status_of("POST /nowhere HTTP/1.1\r\nHost: evil\r\n\r\n"), 421) << "before all that the request asks for";
  EXPECT_EQ(status_of("GET /ws HTTP/1.0\r\n\r\n"), 400);
  EXPECT_EQ(refused(http::Rejection::host_not_allowed), 7U);
}

// -- Health

TEST_F(DeviceRefusing, TellsLoadBalancersWhetherItIsReady) {
  options.settings.device.allowed_hosts = {"gate.example"};  // they ask by address
  start();
  gate->state().ready = true;
  const std::string answer = ask("GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:8080\r\nUser-Agent: probe\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nContent-Length: 2\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok"));
  EXPECT_EQ(status_of("GET /healthz HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET /healthz?from=lb HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
  EXPECT_TRUE(ask("HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n").ends_with("\r\n\r\n"));

  gate->state().ready = false;  // as soon as a drain is announced, while devices are still let in
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), 503);
  EXPECT_EQ(status_of("HEAD /healthz HTTP/1.0\r\n\r\n"), 503);
  EXPECT_EQ(gate->counters().handshakes_refused.get(), 0U) << "that is no handshake";
  EXPECT_EQ(gate->counters().health_answers.get(), 6U);
  EXPECT_EQ(gate->counters().accepted.get(), 6U) << "each connection is in the books";
  expect_nothing_left();
}

TEST_F(DeviceRefusing, HealthIsForReadersWithProperFraming) {
  options.settings.device.allowed_hosts = {"h"};
  start();
  gate->state().ready = true;
  EXPECT_EQ(status_of("POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), 405);
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /healthz/ HTTP/1.1\r\nHost: h\r\n\r\n"), 404);
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\nGET /ws HTTP/1.1"), 200)
      << "and nothing behind it";
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), 404);
}

TEST_F(DeviceRefusing, NamesTheMethodsThatThePathServes) {
  start();
  gate->state().ready = true;
  const auto allowed_at = [&](std::string_view path) {
    const std::string answer = ask("POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << answer;
    const std::size_t begin = answer.find("\r\nAllow: ") + 9;
    return answer.substr(begin, answer.find("\r\n", begin) - begin);
  };
  EXPECT_EQ(allowed_at("/healthz"), "GET, HEAD");
  EXPECT_EQ(allowed_at("/healthz?from=lb"), "GET, HEAD");
  EXPECT_EQ(allowed_at("/ws"), "GET");
  EXPECT_EQ(allowed_at("/healthz/"), "GET");
  EXPECT_EQ(status_of("HEAD /healthz HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), 200)
      << "a WebSocket is asked for by GET alone";
}

TEST_F(DeviceRefusing, TheHealthPathIsASetting) {
  options.settings.listeners.front().health_path = "/lb";
  start();
  gate->state().ready = true;
  EXPECT_EQ(status_of("GET /lb HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), 404);
  options.settings.listeners.front().health_path = "off";
  start();
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), 404);
}

TEST_F(DeviceRefusing, HealthThatIsOffIsNoTargetEither) {
  options.settings.listeners.front().health_path = "off";
  start();
  gate->state().ready = true;
  EXPECT_EQ(status_of("HEAD off HTTP/1.1\r\nHost: h\r\n\r\n"), 405);
}

// RFC 9110 section 7.8: only with the connection option is an Upgrade meant for this server, and HTTP/1.0 has none.
TEST_F(DeviceRefusing, HealthIsToldToWhoeverAsksForNoWebSocket) {
  start();
  gate->state().ready = true;
  EXPECT_EQ(status_of("GET /healthz HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), 200);
}

TEST_F(DeviceRefusing, HealthMeetsNoOtherExpectationThanTheRest) {
  start();
  gate->state().ready = true;
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n"), 417);
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"), 200);
}

TEST_F(DeviceRefusing, EveryFinalAnswerHasItsDate) {
  start();
  EXPECT_NE(ask(DeviceClient::request("")).find("\r\nDate: "), std::string::npos);
  EXPECT_NE(ask("\x16").find("\r\nDate: "), std::string::npos);
  EXPECT_EQ(ask(DeviceClient::request("a")).find("\r\nDate: "), std::string::npos) << "a 101 is not final";
}

// -- The log

TEST(LogLimiter, WritesAFewPerSecondAndCountsTheRest) {
  LogLimiter limiter;
  const TimeNs start = 7 * nanoseconds_per_second;
  for (std::size_t i = 0; i < limits::log_lines_per_second_max; ++i) EXPECT_EQ(limiter.admit(start), 0U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.admit(start + nanoseconds_per_second - 1), std::nullopt);
  EXPECT_EQ(limiter.admit(start + nanoseconds_per_second), 1000U);
  EXPECT_EQ(limiter.admit(start + nanoseconds_per_second), 0U);
}

}  // namespace
}  // namespace ringgate::simulated
