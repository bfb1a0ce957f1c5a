#include "server/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringgate::server {
namespace {

std::expected<ring::Features, ring::SetupError> full_ring() {
  return ring::Features{true, true, true, true, true, true, true, true, true, true, true, true};
}
std::expected<ring::Features, ring::SetupError> no_ring() {
  return std::unexpected(ring::SetupError{69, "seccomp forbids io_uring", "allow it"});
}

Machine good_machine() {
  Machine machine;
  machine.kernel = "6.12.0";
  machine.cpus_count = 4;
  machine.descriptors_soft = 1024;
  machine.descriptors_hard = 1'048'576;
  machine.locked_bytes = UINT64_MAX;
  machine.settings = {{"kernel.io_uring_disabled", "0"},
                      {"net.core.somaxconn", "65535"},
                      {"net.ipv4.tcp_max_syn_backlog", "65535"},
                      {"net.ipv4.tcp_rmem", "4096 16384 4194304"},
                      {"net.ipv4.tcp_wmem", "4096 16384 4194304"},
                      {"net.ipv4.ip_local_port_range", "32768 60999"},
                      {"fs.nr_open", "1048576"}};
  return machine;
}

Verdict verdict_of(const std::vector<Finding>& findings, std::string_view what) {
  const auto finding = std::ranges::find(findings, what, &Finding::what);
  if (finding != findings.end()) return finding->verdict;
  ADD_FAILURE() << "no finding on " << what;
  return Verdict::missing;
}

TEST(Doctor, FindsNothingOnAGoodMachine) {
  const auto findings = diagnose(good_machine(), full_ring);
  for (const Finding& finding : findings) EXPECT_EQ(finding.verdict, Verdict::good) << finding.what;
  EXPECT_EQ(exit_code_of(findings), ExitCode::success);
}

TEST(Doctor, JudgesEachFactByItself) {
  for (const char* name : {"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", "fs.nr_open"}) {
    Machine machine = good_machine();
    machine.settings[name] = "128";
    EXPECT_EQ(verdict_of(diagnose(machine, full_ring), name), Verdict::improvable) << name;
    machine.settings.erase(name);
    EXPECT_EQ(verdict_of(diagnose(machine, full_ring), name), Verdict::improvable) << name;
  }
  for (const char* name : {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}) {
    Machine machine = good_machine();
    machine.settings[name] = "4096 131072 6291456";
    EXPECT_EQ(verdict_of(diagnose(machine, full_ring), name), Verdict::improvable) << name;
    machine.settings[name] = "garbage";
    EXPECT_EQ(verdict_of(diagnose(machine, full_ring), name), Verdict::improvable) << name;
  }
  Machine machine = good_machine();
  machine.descriptors_hard = 4096;
  EXPECT_EQ(verdict_of(diagnose(machine, full_ring), "RLIMIT_NOFILE hard"), Verdict::improvable);
}

TEST(Doctor, OnlyAMissingRingFails) {
  Machine poor;
  EXPECT_EQ(exit_code_of(diagnose(poor, full_ring)), ExitCode::success);
  EXPECT_EQ(exit_code_of(diagnose(good_machine(), no_ring)), ExitCode::fault);
}

TEST(Doctor, NamesTheSwitchThatForbidsTheRing) {
  Machine machine = good_machine();
  machine.settings["kernel.io_uring_disabled"] = "2";
  EXPECT_EQ(verdict_of(diagnose(machine, no_ring), "kernel.io_uring_disabled"), Verdict::missing);
  EXPECT_EQ(verdict_of(diagnose(machine, full_ring), "kernel.io_uring_disabled"), Verdict::improvable);
  machine.settings.erase("kernel.io_uring_disabled");
  EXPECT_EQ(verdict_of(diagnose(machine, full_ring), "kernel.io_uring_disabled"), Verdict::good) << "older kernels lack it";
}

TEST(Doctor, PrintsOneRowPerFinding) {
  const auto findings = diagnose(examine_machine(), full_ring);
  const std::string table = print_findings(findings);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(table, '\n')), findings.size() + 1);
  EXPECT_TRUE(table.starts_with("what "));
}

}  // namespace
}  // namespace ringgate::server
