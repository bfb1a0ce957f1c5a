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
  const std::regex sample(R"re([a-z_]+(\{([a-z_]+="[^"\\\n]*",?)*\})? [0-9.e+]+)re");
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
  AdminGate gate;
  gate.state.certificates.store(std::make_shared<const std::vector<tls::CertificateFacts>>(1));
  const std::string text = scrape(gate);
  std::size_t names = 0;
  for (const char* name : {"README.md", "docs/architecture.md", "docs/behind-a-proxy.md", "docs/compression.md",
                           "docs/credentials.md", "docs/limits.md", "docs/operating.md", "docs/tls.md"}) {
    const std::string content = page(name);
    const std::regex series("ringgate_[a-z0-9_]+");
    for (std::sregex_iterator found(content.begin(), content.end(), series), end; found != end; ++found, ++names)
      EXPECT_NE(text.find("# TYPE " + found->str() + ' '), std::string::npos) << name << " names " << found->str();
  }
  EXPECT_GT(names, 20U);
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
