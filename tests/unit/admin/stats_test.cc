// GET /v1/stats says what /metrics says.
#include "admin/stats.h"

#include <gtest/gtest.h>

#include <cstring>

#include <nlohmann/json.hpp>
#include <sstream>

#include "admin_gate.h"

namespace ringgate::admin {
namespace {

using namespace testing;
using Json = nlohmann::json;

/// The labels of a series, name and value: `{result="done",shard="1"}`.
std::vector<std::pair<std::string, std::string>> labels_of(const std::string& series) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (std::size_t at = series.find('{'); at != std::string::npos && series[at] != '}';) {
    const std::size_t equals = series.find('=', at);
    const std::size_t end = series.find('"', equals + 2);
    labels.emplace_back(series.substr(at + 1, equals - at - 1), series.substr(equals + 2, end - equals - 2));
    at = end + 1;
  }
  return labels;
}

/// The figure of the document for a series of the metrics; null if there is none.
const Json* figure_of(const Json& stats, const std::string& series) {
  const std::string name = series.substr(0, series.find('{'));
  const bool is_gates = name.starts_with("ringgate_");
  const auto labels = labels_of(series);
  const Json* place = &stats[is_gates ? "gate" : "process"];
  for (const auto& [label, value] : labels)
    if (label == "shard") place = &stats["shards"][std::stoul(value)];
  const auto step = [&](const std::string& member) {
    if (place != nullptr) place = place->contains(member) ? &(*place)[member] : nullptr;
  };
  std::string member = name.substr(is_gates ? 9 : 8);
  std::string part;
  for (const char* suffix : {"_sum", "_count"})
    if (member.ends_with(suffix)) part = suffix + 1, member = member.substr(0, member.size() - std::strlen(suffix));
  step(member);
  for (const auto& [label, value] : labels)
    if (label != "shard") step(value);
  if (!part.empty()) step(part);
  return place;
}

TEST(Stats, HasEveryFigureOfTheMetrics) {
  AdminGate gate({.shards_count = 2});
  (void)gate.connect_device("near", 0);
  (void)gate.connect_device("far", 1);
  EXPECT_EQ(gate.ask_once(push_request("x", "near")).status, 200);
  EXPECT_EQ(gate.ask_once(push_request("x", "nobody")).status, 404);
  gate.state.certificates.store(std::make_shared<const std::vector<tls::CertificateFacts>>(
      std::vector<tls::CertificateFacts>{{"0", "/gate.pem", std::time(nullptr) + 86'400 * 30}}));
  // Two requests on one connection, so that between the two only what the requests themselves do changes.
  FakePeer& peer = gate.connect();
  const auto replies = gate.ask(peer, get_request("/v1/stats") + get_request("/metrics"));
  ASSERT_EQ(replies.size(), 2U);
  ASSERT_EQ(replies[0].status, 200);
  const Json stats = Json::parse(replies[0].body);
  std::size_t compared = 0;
  std::istringstream lines(replies[1].body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#') || line.starts_with("ringgate_build_info") || line.starts_with("ringgate_certificate")) continue;
    if (line.find("_bucket{") != std::string::npos) continue;  // the document has count and sum
    const std::string series = line.substr(0, line.rfind(' '));
    const Json* figure = figure_of(stats, series);
    ASSERT_TRUE(figure != nullptr && figure->is_number()) << series;
    ++compared;
    if (series.starts_with("process_") || series.starts_with("ringgate_admin_")) continue;  // they move
    EXPECT_DOUBLE_EQ(figure->get<double>(), std::stod(line.substr(line.rfind(' ') + 1))) << series;
  }
  EXPECT_GT(compared, 90U);
  EXPECT_EQ(stats["version"], "1.2.3");
  EXPECT_EQ(stats["ready"], true);
  EXPECT_EQ(stats["draining"], false);
  EXPECT_EQ(stats["shards"].size(), 2U);
  EXPECT_EQ(stats["gate"]["connections"]["devices"]["open"], 2);
  ASSERT_EQ(stats["certificates"].size(), 1U);
  EXPECT_EQ(stats["certificates"][0]["file"], "/gate.pem");
  EXPECT_NEAR(stats["certificates"][0]["days_left"].get<double>(), 30, 0.1);
}

}  // namespace
}  // namespace ringgate::admin
