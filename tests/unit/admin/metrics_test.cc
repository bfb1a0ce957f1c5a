#include "admin/metrics.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "admin_gate.h"
#include "admission/refusal.h"
#include "support/source_root.h"

namespace ringgate::admin {
namespace {

using namespace testing;

std::string scrape(AdminGate& gate) { return gate.ask_once(get_request("/metrics")).body; }

/// The value of the series written exactly `series`; -1 if there is none.
double value_of(const std::string& text, const std::string& series) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  return -1;
}

TEST(Metrics, IsWellFormedAndNamesEachFamilyOnce) {
  AdminGate gate({.shards_count = 2});
  const std::string text = scrape(gate);
  const std::regex sample(R"re([a-z_]+(\{([a-z_]+="[^"\\\n]*",?)*\})? [0-9.e+-]+)re");
  std::set<std::string> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(families.insert(line.substr(7, line.rfind(' ') - 7)).second) << line;
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(std::regex_match(line, sample)) << line;
    }
  }
  for (const char* name : {"ringgate_build_info", "ringgate_connections", "ringgate_push_requests_total", "ringgate_slots_used",
                           "ringgate_buffers_lent", "ringgate_descriptors_used", "ringgate_operations_in_flight",
                           "ringgate_uring_enter_total", "ringgate_uring_cqe_total", "ringgate_push_crossed_total",
                           "ringgate_messages_received_total", "ringgate_log_dropped_total", "ringgate_device_index_entries",
                           "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"})
    EXPECT_TRUE(families.contains(name)) << name;
}

TEST(Metrics, CountsWhatHappenedOnAllShards) {
  AdminGate gate({.shards_count = 2});
  (void)gate.connect_device("near", 0);
  (void)gate.connect_device("far", 1);
  EXPECT_EQ(gate.ask_once(push_request("x", "near")).status, 200);
  EXPECT_EQ(gate.ask_once(push_request("x", "far")).status, 200);
  EXPECT_EQ(gate.ask_once(push_request("x", "nobody")).status, 404);
  const std::string text = scrape(gate);
  EXPECT_EQ(value_of(text, "ringgate_build_info{version=\"1.2.3\"}"), 1);
  EXPECT_EQ(value_of(text, "ringgate_connections{listener=\"devices\",state=\"open\"}"), 2);
  EXPECT_EQ(value_of(text, "ringgate_connections{listener=\"admin\",state=\"open\"}"), 1);
  EXPECT_EQ(value_of(text, "ringgate_push_requests_total{result=\"delivered\"}"), 2);
  EXPECT_EQ(value_of(text, "ringgate_push_requests_total{result=\"unknown_device\"}"), 1);
  EXPECT_EQ(value_of(text, "ringgate_push_crossed_total"), 1);
  EXPECT_EQ(value_of(text, "ringgate_device_index_entries"), 2);
  EXPECT_EQ(value_of(text, "ringgate_slots_used{shard=\"1\"}"), 1);
  EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 0);
  EXPECT_GT(value_of(text, "process_open_fds"), 0);
}

std::string page(const std::string& name) {
  std::ifstream file(source_file(name));
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Metrics, HasEverySeriesThatThePagesName) {
  const ClusterCounters cluster;
  AdminGate gate({.admin = {.cluster = &cluster, .route_paths = {"/ws"}}});
  gate.state.certificates.store(std::make_shared<const std::vector<tls::CertificateFacts>>(1));
  const std::string text = scrape(gate);
  std::size_t names = 0;
  for (const char* name : {"README.md", "docs/architecture.md", "docs/behind-a-proxy.md", "docs/compression.md",
                           "docs/credentials.md", "docs/limits.md", "docs/metrics.md", "docs/operating.md", "docs/tls.md"}) {
    const std::string content = page(name);
    const std::regex series("ringgate_(?!event|webhook|connect_hook)[a-z0-9_]+");  // those of events only in a gate that has some
    for (std::sregex_iterator found(content.begin(), content.end(), series), end; found != end; ++found, ++names)
      EXPECT_NE(text.find("# TYPE " + found->str() + ' '), std::string::npos) << name << " names " << found->str();
  }
  EXPECT_GT(names, 20U);
}

TEST(Metrics, ThePageListsEverySeries) {
  const ClusterCounters cluster;
  AdminGate gate({.admin = {.cluster = &cluster, .route_paths = {"/ws"}}});
  gate.state.certificates.store(std::make_shared<const std::vector<tls::CertificateFacts>>(1));
  const std::string text = scrape(gate);
  const std::string content = page("docs/metrics.md");
  const std::regex family("# TYPE ([a-z_]+) ");
  for (std::sregex_iterator found(text.begin(), text.end(), family), end; found != end; ++found)
    EXPECT_NE(content.find("\n| `" + found->str(1) + "` |"), std::string::npos)
        << found->str(1) << " is missing in docs/metrics.md";
}

// A row of the page's table of refusals: `reason`, perhaps another one, and their status.
TEST(Metrics, HasEveryReasonToRefuseThatThePageForOperatorsNames) {
  std::set<std::pair<std::string, int>> rows;
  for (std::size_t i = 0; i < admission::Refusal::count; ++i) {
    const http::RejectionFacts& facts = admission::Refusal::at(i).facts();
    rows.emplace(facts.reason, facts.status);
  }
  const std::string content = page("docs/operating.md");
  const std::regex row(R"(\n\| (`[a-z0-9_`, ]+`) \| ([0-9]{3}) \|)");
  const std::regex reason("[a-z0-9_]+");
  std::size_t reasons = 0;
  for (std::sregex_iterator found(content.begin(), content.end(), row), end; found != end; ++found) {
    const std::string named = found->str(1);
    for (std::sregex_iterator one(named.begin(), named.end(), reason); one != end; ++one, ++reasons)
      EXPECT_TRUE(rows.contains({one->str(), std::stoi(found->str(2))})) << one->str() << " is not " << found->str(2);
  }
  EXPECT_GT(reasons, 15U);
}

// The log says one of these words in `cause`, and an operator looks for it.
TEST(Metrics, EveryCauseOfARefusedCredentialIsOnItsPage) {
  const std::string credentials = page("docs/credentials.md");
  for (const auth::FaultRow& row : auth::fault_rows)
    EXPECT_NE(credentials.find('`' + std::string(row.reason) + '`'), std::string::npos) << row.reason;
  const std::string tokens = page("docs/json-web-tokens.md");
  for (const auto& row : auth::jwt_fault_rows)
    EXPECT_NE(tokens.find('`' + std::string(row.reason) + '`'), std::string::npos) << row.reason;
}

TEST(Metrics, M03_KeepsItsSizeWhateverDevicesAreCalled) {
  AdminGate gate;
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  const auto before = lines(scrape(gate));
  for (int i = 0; i < 100; ++i) (void)gate.connect_device(std::string("secret-name-").append(std::to_string(i)));
  const std::string text = scrape(gate);
  EXPECT_EQ(lines(text), before);
  EXPECT_EQ(text.find("secret-name"), std::string::npos);
}

/// The cumulative counts of a histogram in the order of its buckets; the bounds ascend to +Inf.
std::vector<double> buckets_of(const std::string& text, const std::string& name, const std::string& labels = "") {
  std::vector<double> counts;
  double last_bound = -1;
  const std::string start = name + "_bucket{" + labels + (labels.empty() ? "" : ",") + "le=\"";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(start)) continue;
    const double bound = std::stod(line.substr(start.size()));
    EXPECT_GT(bound, last_bound) << line;
    last_bound = bound;
    counts.push_back(std::stod(line.substr(line.rfind(' ') + 1)));
    if (counts.size() > 1) {
      EXPECT_GE(counts.back(), counts[counts.size() - 2]) << line;
    }
  }
  EXPECT_TRUE(std::isinf(last_bound)) << name;
  return counts;
}

TEST(Metrics, AHistogramEndsWithAllThatWasRecorded) {
  AdminGate gate({.shards_count = 2});
  gate.counters[0].turn_duration.record(1024);
  gate.counters[0].turn_duration.record(1025);
  gate.counters[1].turn_duration.record(60 * nanoseconds_per_second, 3);
  gate.counters[0].ping_rtt_ms.record(3);
  gate.counters[1].ping_rtt_ms.record(40);
  const std::string text = scrape(gate);
  const auto first = buckets_of(text, "ringgate_shard_loop_duration_seconds", "shard=\"0\"");
  EXPECT_EQ(first.front(), 1);
  EXPECT_EQ(first[1], 2);
  const auto second = buckets_of(text, "ringgate_shard_loop_duration_seconds", "shard=\"1\"");
  EXPECT_EQ(second[second.size() - 2], 0);
  EXPECT_EQ(second.back(), 3);
  EXPECT_EQ(value_of(text, "ringgate_shard_loop_duration_seconds_sum{shard=\"1\"}"), 180);
  EXPECT_EQ(buckets_of(text, "ringgate_ping_rtt_seconds").back(), 2);
  EXPECT_EQ(value_of(text, "ringgate_ping_rtt_seconds_count"), 2);
  EXPECT_DOUBLE_EQ(value_of(text, "ringgate_ping_rtt_seconds_sum"), 0.043);
}

TEST(Metrics, HandshakesPushesAndTheirQueuesAreMeasured) {
  AdminGate gate({.shards_count = 2});
  (void)gate.connect_device("near", 0);
  (void)gate.connect_device("far", 1);
  EXPECT_EQ(gate.ask_once(push_request("x", "near")).status, 200);
  EXPECT_EQ(gate.ask_once(push_request("x", "far")).status, 200);
  EXPECT_EQ(gate.ask_once(push_request("x", "nobody")).status, 404);
  const std::string text = scrape(gate);
  EXPECT_EQ(value_of(text, "ringgate_handshake_duration_seconds_count"), 2);
  EXPECT_EQ(value_of(text, "ringgate_push_duration_seconds_count{scope=\"remote\"}"), 1);
  EXPECT_EQ(value_of(text, "ringgate_push_duration_seconds_count{scope=\"local\"}"), 1);
  EXPECT_EQ(value_of(text, "ringgate_push_queue_bytes_count"), 2);
  EXPECT_GT(value_of(text, "ringgate_push_queue_bytes_sum"), 2);
}

TEST(Metrics, EndsAnswersRoutesAndListenersHaveLabels) {
  AdminGate gate(
      {.admin = {.body_bytes_max = 65536, .version = "1.2.3", .listener_binds = {"127.0.0.1:8080"}, .route_paths = {"/ws"}}});
  FakePeer& stays = gate.connect_device("stays", 0);
  FakePeer& vanishes = gate.connect_device("vanishes", 0);
  FakePeer& kicked = gate.connect_device("kicked", 0);
  (void)stays, (void)kicked;
  vanishes.reset();
  gate.settle();
  EXPECT_EQ(gate.ask_once("DELETE /v1/devices/kicked?code=4007 HTTP/1.1\r\nHost: x\r\n\r\n").status, 204);
  const std::string text = scrape(gate);
  EXPECT_EQ(value_of(text, "ringgate_closes_total{by=\"network\",code=\"1006\"}"), 1);
  EXPECT_EQ(value_of(text, "ringgate_closes_total{by=\"backend\",code=\"40xx\"}"), 1);
  EXPECT_EQ(value_of(text, "ringgate_closes_total{by=\"gate\",code=\"1006\"}"), 0);
  EXPECT_EQ(value_of(text, "ringgate_route_handshakes_accepted_total{route=\"/ws\"}"), 3);
  EXPECT_EQ(value_of(text, "ringgate_listener_connections_opened_total{listener=\"0\"}"), 3);
  EXPECT_GE(value_of(text, "ringgate_listener_connections_opened_total{listener=\"admin\"}"), 2);
  EXPECT_EQ(value_of(text, "ringgate_admin_answers_total{code=\"204\"}"), 1);
  EXPECT_NEAR(value_of(text, "process_start_time_seconds"), static_cast<double>(std::time(nullptr)), 600);
}

TEST(Metrics, LimitsStandBesideTheirUse) {
  AdminGate gate({.shards_count = 2});
  const std::string text = scrape(gate);
  const std::regex family("# TYPE (ringgate_[a-z_]+)_max gauge");
  std::size_t limits_count = 0;
  for (std::sregex_iterator found(text.begin(), text.end(), family), end; found != end; ++found, ++limits_count)
    EXPECT_NE(text.find("# TYPE " + found->str(1) + " gauge"), std::string::npos) << found->str();
  EXPECT_GE(limits_count, 7U);
  EXPECT_EQ(value_of(text, "ringgate_connections_max{listener=\"devices\"}"), 1000);
}

TEST(Metrics, TheBusyPartOfAShardIsKnownOfOneThatSleepsAndOneThatIsStuck) {
  AdminGate gate({.shards_count = 3});
  gate.advance(10 * nanoseconds_per_second);
  const TimeNs now = gate.world.now();
  gate.counters[0].busy_since.set(now);
  gate.counters[0].busy_millionths.set(250'000);
  gate.counters[1].busy_since.set(now - 4 * nanoseconds_per_second);  // asleep
  gate.counters[1].busy_ns.set(nanoseconds_per_second);
  gate.counters[2].busy_since.set(now - 4 * nanoseconds_per_second);
  gate.counters[2].turn_began.set(now - 4 * nanoseconds_per_second);
  const std::string text = scrape(gate);
  EXPECT_NEAR(value_of(text, "ringgate_shard_busy_ratio{shard=\"0\"}"), 0.25, 0.001);
  EXPECT_NEAR(value_of(text, "ringgate_shard_busy_ratio{shard=\"1\"}"), 0.25, 0.01);
  EXPECT_NEAR(value_of(text, "ringgate_shard_busy_ratio{shard=\"2\"}"), 1, 0.01);
}

TEST(Metrics, TellsOfAnyShardHowLongItsTurnHasLasted) {
  AdminGate gate({.shards_count = 3});
  gate.advance(10 * nanoseconds_per_second);
  gate.counters[1].turn_began.set(gate.world.now() - 2500 * nanoseconds_per_millisecond);
  gate.counters[2].turn_began.set(gate.world.now() + nanoseconds_per_second);  // began while this was written
  const std::string text = scrape(gate);
  EXPECT_EQ(value_of(text, "ringgate_shard_busy_seconds{shard=\"0\"}"), 0);
  EXPECT_NEAR(value_of(text, "ringgate_shard_busy_seconds{shard=\"1\"}"), 2.5, 0.1);
  EXPECT_EQ(value_of(text, "ringgate_shard_busy_seconds{shard=\"2\"}"), 0);
}

TEST(Metrics, TellsOfTablesThatWait) {
  AdminGate gate;
  EXPECT_EQ(value_of(scrape(gate), "ringgate_device_index_tables_waiting"), 0);
  const auto reading = gate.state.map.hold(7);
  const std::uint64_t rebuilds = gate.state.map.rebuilds_count();
  device::DeviceMap::Shard map = gate.state.map.of(0);
  for (std::uint32_t id = 0; gate.state.map.rebuilds_count() == rebuilds; ++id) {
    const device::IdKey key{(id + 1) * 0x9E37'79B9'7F4A'7C15U | 2U, 0};
    ASSERT_TRUE(map.attach(key, {0, 200, id + 1}) && map.detach(key, {0, 200, id + 1}));
  }
  EXPECT_EQ(value_of(scrape(gate), "ringgate_device_index_tables_waiting"), 1);
}

}  // namespace
}  // namespace ringgate::admin
