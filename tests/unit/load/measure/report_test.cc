#include "load/measure/report.h"

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "load/measure/figures.h"

namespace ringgate::measure {
namespace {

struct Line {
  double value = 0;
  double percentile = 0;
  std::uint64_t count = 0;
};

std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);  // the names of the columns
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    Line read;
    if (fields >> read.value >> read.percentile >> read.count) lines.push_back(read);
  }
  return lines;
}

TEST(PercentileText, ClimbsToTheMaximum) {
  load::Histogram latency;
  for (std::uint64_t i = 1; i <= 1'000; ++i) latency.record(i * 1'000);
  const std::string text = percentile_text(latency);
  const auto lines = lines_of(text);
  ASSERT_GT(lines.size(), 40U);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    EXPECT_GE(lines[i].value, lines[i - 1].value);
    EXPECT_GT(lines[i].percentile, lines[i - 1].percentile);
    EXPECT_GE(lines[i].count, lines[i - 1].count);
    EXPECT_GE(static_cast<double>(lines[i].count), lines[i].percentile * 1'000 - 1e-6);
  }
  EXPECT_EQ(lines.front().percentile, 0);
  EXPECT_EQ(lines.back().percentile, 1);
  EXPECT_EQ(lines.back().count, 1'000U);
  EXPECT_DOUBLE_EQ(lines.back().value, 1'000);
  EXPECT_NE(text.find("#[Mean    ="), std::string::npos);
  EXPECT_NE(text.find("Total count    =         1000]"), std::string::npos);
}

TEST(PercentileText, OfNothingHasNoLines) { EXPECT_TRUE(lines_of(percentile_text(load::Histogram())).empty()); }

TEST(LatencyCurve, HasSixtyPointsThatClimb) {
  load::Histogram latency;
  for (std::uint64_t i = 1; i <= 100'000; ++i) latency.record(i);
  const Json curve = latency_curve_json(latency);
  ASSERT_EQ(curve.size(), 60U);
  EXPECT_EQ(curve.front()[0], 0.0);
  EXPECT_NEAR(curve.back()[0].get<double>(), 0.99999, 1e-9);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_GT(curve[i][0], curve[i - 1][0]);
    EXPECT_GE(curve[i][1], curve[i - 1][1]);
  }
}

TEST(ServerJson, HasOnlyWhatWasAskedFor) {
  EXPECT_TRUE(server_json({}, -1, "message", 5).empty());
  ServerFigures server;
  server.processor = ProcessorTime{10, 20, 3, 4, 5, 6};
  const Json json = server_json(server, 0, "message", 2);
  EXPECT_EQ(json["busy_ns"], 37);
  EXPECT_EQ(json["busy_ns_per_message"], 18.5);
  EXPECT_FALSE(json.contains("process_cpu_ns"));
  EXPECT_FALSE(json.contains("rss_bytes"));
}

TEST(RunJson, HasEveryMemberThatOthersRead) {
  RunOptions options;
  options.target = "127.0.0.1:1";
  const auto result = std::make_unique<RunResult>();
  const Json json = run_json(options, *result);
  for (const char* name : {"tool",
                           "scenario",
                           "seed",
                           "seconds",
                           "messages",
                           "messages_per_second",
                           "bytes_per_second",
                           "latency_ns",
                           "latency_curve",
                           "client",
                           "server",
                           "connect_failures",
                           "errors",
                           "error_text",
                           "connections",
                           "in_flight",
                           "size",
                           "payload",
                           "fragments",
                           "run_bytes",
                           "deflate",
                           "rate",
                           "warmup",
                           "protocol",
                           "path",
                           "id_prefix"})
    EXPECT_TRUE(json.contains(name)) << name;
  for (const char* name : {"cpu_ns", "busy_share", "idle_share", "is_bottleneck"})
    EXPECT_TRUE(json["client"].contains(name)) << name;
}

TEST(RunText, SaysWhenTheClientIsTheBottleneck) {
  RunOptions options;
  const auto result = std::make_unique<RunResult>();
  EXPECT_EQ(run_text(options, *result).find("bottleneck"), std::string::npos);
  result->client.is_bottleneck = true;
  EXPECT_NE(run_text(options, *result).find("The client is the bottleneck"), std::string::npos);
}

TEST(RunText, SaysWhenTheTailIsTheClientsOwn) {
  RunOptions options;
  const auto result = std::make_unique<RunResult>();
  result->latency.record(1'000'000);
  result->lateness.record(900'000);
  EXPECT_EQ(run_text(options, *result).find("sent late"), std::string::npos) << "a closed loop is never late";
  options.rate = 1'001;
  EXPECT_NE(run_text(options, *result).find("The client sent late, by "), std::string::npos);
  result->latency.record(9'000'000);
  EXPECT_EQ(run_text(options, *result).find("The client sent late, by "), std::string::npos);
}

TEST(RunText, SaysWhenTheRateIsAMultipleOfTheTick) {
  const unsigned ticks = ticks_per_second();
  ASSERT_GE(ticks, 10U);
  RunOptions options;
  const auto result = std::make_unique<RunResult>();
  options.rate = 8.0 * ticks;
  EXPECT_EQ(run_text(options, *result).find("kernel's tick"), std::string::npos) << "no processor was watched";
  result->server.processor = ProcessorTime{10, 20, 3, 4, 5, 6};
  EXPECT_NE(run_text(options, *result).find("kernel's tick"), std::string::npos);
  options.rate = 8.0 * ticks + 1;
  EXPECT_EQ(run_text(options, *result).find("kernel's tick"), std::string::npos);
  options.rate = 0;
  EXPECT_EQ(run_text(options, *result).find("kernel's tick"), std::string::npos);
}

TEST(Figures, ReadAsPeopleWriteThem) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999.6), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(12'345), "12.3 µs");
  EXPECT_EQ(duration_text(4'560'000), "4.56 ms");
}

}  // namespace
}  // namespace ringgate::measure
