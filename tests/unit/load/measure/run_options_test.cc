#include "load/measure/run_options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "load/measure/pushes.h"

namespace ringgate::measure {
namespace {

RunOptions sound() {
  RunOptions options;
  options.target = "127.0.0.1:8080";
  return options;
}

TEST(RunOptions, DefaultsNeedOnlyATarget) {
  EXPECT_EQ(fault_in(sound()), std::nullopt);
  EXPECT_NE(fault_in(RunOptions{}), std::nullopt);
}

struct Bad {
  const char* named;  // what the sentence must name
  std::function<void(RunOptions&)> spoil;
};

TEST(RunOptions, NamesTheOptionThatIsWrong) {
  const Bad all[] = {
      {"--target", [](RunOptions& o) { o.target = "localhost:80"; }},
      {"--target", [](RunOptions& o) { o.target = "127.0.0.1:0"; }},
      {"--path", [](RunOptions& o) { o.path = "ws"; }},
      {"--connections", [](RunOptions& o) { o.connections = 0; }},
      {"--connections", [](RunOptions& o) { o.connections = connections_max + 1; }},
      {"--in-flight", [](RunOptions& o) { o.in_flight = 0; }},
      {"--in-flight", [](RunOptions& o) { o.in_flight = in_flight_max + 1; }},
      {"--size", [](RunOptions& o) { o.size = size_max + 1; }},
      {"--size", [](RunOptions& o) { o.payload = PayloadKind::json, o.size = json_size_min - 1; }},
      {"--fragments", [](RunOptions& o) { o.fragments = 0; }},
      {"--fragments", [](RunOptions& o) { o.fragments = fragments_max + 1; }},
      {"--run-bytes", [](RunOptions& o) { o.run_bytes = 25; }},
      {"--run-bytes", [](RunOptions& o) { o.run_bytes = run_bytes_max + 1; }},
      {"--run-bytes", [](RunOptions& o) { o.run_bytes = 512, o.fragments = 2; }},
      {"--deflate", [](RunOptions& o) { o.run_bytes = 512, o.is_deflated = true; }},
      {"--protocol raw", [](RunOptions& o) { o.protocol = Protocol::raw, o.fragments = 2; }},
      {"--protocol raw", [](RunOptions& o) { o.protocol = Protocol::raw, o.is_deflated = true; }},
      {"--rate", [](RunOptions& o) { o.rate = -1; }},
      {"--rate", [](RunOptions& o) { o.rate = std::nan(""); }},
      {"--seconds", [](RunOptions& o) { o.seconds = 0; }},
      {"--warmup", [](RunOptions& o) { o.warmup = -1; }},
      {"--cpu", [](RunOptions& o) { o.cpu = 100'000; }},
      {"--server-cpu", [](RunOptions& o) { o.server_cpu = -2; }},
      {"--resume", [](RunOptions& o) { o.resumes_tls = true; }},
      {"--server-pid", [](RunOptions& o) { o.server_pid = 0; }},
  };
  for (const Bad& bad : all) {
    RunOptions options = sound();
    bad.spoil(options);
    const auto fault = fault_in(options);
    ASSERT_TRUE(fault) << bad.named;
    EXPECT_NE(fault->find(bad.named), std::string::npos) << *fault;
    EXPECT_EQ(fault->find('\n'), std::string::npos);
  }
}

TEST(RunOptions, CountsTheWholeFramesOfARun) {
  RunOptions options = sound();
  EXPECT_EQ(messages_per_unit(options), 1U);
  options.run_bytes = 26 * 3 + 25;
  EXPECT_EQ(messages_per_unit(options), 3U);
  options.size = 126;  // two bytes more of header
  options.run_bytes = 134 * 2;
  EXPECT_EQ(messages_per_unit(options), 2U);
}

TEST(PushOptions, NamesTheOptionThatIsWrong) {
  PushOptions options;
  options.target = "127.0.0.1:8080";
  EXPECT_NE(fault_in(options)->find("--admin"), std::string::npos);
  options.admin = "127.0.0.1:8081";
  EXPECT_EQ(fault_in(options), std::nullopt);
  options.size = 39;
  EXPECT_NE(fault_in(options)->find("--size"), std::string::npos);
  options.size = 64;
  options.connections = 0;
  EXPECT_NE(fault_in(options)->find("--devices"), std::string::npos);
}

}  // namespace
}  // namespace ringgate::measure
