#include "server/doctor.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "server/version.h"

namespace ringgate::server {
namespace {

constexpr std::uint64_t descriptors_advised = 1'048'576;
constexpr std::uint64_t locked_bytes_advised = 64ULL * 1024 * 1024;

/// A kernel setting and the lowest value advised for each of its numbers, or the highest (`at_most`). 0: any value is good.
struct AdvisedSetting {
  std::string_view name;
  std::array<std::uint64_t, 3> numbers;
  std::size_t numbers_count;
  std::string_view advised;
  bool at_most = false;
};

constexpr std::array advised_settings{
    AdvisedSetting{"net.core.somaxconn", {65535}, 1, "65535 or more"},
    AdvisedSetting{"net.ipv4.tcp_max_syn_backlog", {65535}, 1, "65535 or more"},
    AdvisedSetting{"net.ipv4.tcp_rmem", {4096, 16384, 4194304}, 3, "4096 16384 4194304 or less", true},
    AdvisedSetting{"net.ipv4.tcp_wmem", {4096, 16384, 4194304}, 3, "4096 16384 4194304 or less", true},
    AdvisedSetting{"net.ipv4.ip_local_port_range", {}, 2, "any (only clients on this machine use it)"},
    AdvisedSetting{"fs.nr_open", {descriptors_advised}, 1, "1048576 or more"},
};
constexpr std::string_view uring_disabled = "kernel.io_uring_disabled";

std::vector<std::uint64_t> numbers_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = 0; in >> number;) numbers.push_back(number);
  return numbers;
}

/// The first line of /proc/sys/..., with tabs as blanks.
std::optional<std::string> read_setting(std::string_view name) {
  std::string path = "/proc/sys/" + std::string(name);
  std::replace(path.begin() + 10, path.end(), '.', '/');
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  std::ranges::replace(text, '\t', ' ');
  return text;
}

rlimit limit_of(__rlimit_resource resource) {
  rlimit limit{};
  getrlimit(resource, &limit);
  return limit;
}

std::string amount(std::uint64_t number) { return number == UINT64_MAX ? "unlimited" : std::to_string(number); }

Finding at_least(std::string what, std::uint64_t is, std::uint64_t advised) {
  return {std::move(what), amount(is), fmt::format("{} or more", advised), is >= advised ? Verdict::good : Verdict::improvable};
}

Finding compare(const AdvisedSetting& setting, const Machine& machine) {
  Finding finding{std::string(setting.name), "unknown", std::string(setting.advised), Verdict::improvable};
  const auto found = machine.settings.find(setting.name);
  if (found == machine.settings.end()) return finding;
  finding.is = found->second;
  const std::vector<std::uint64_t> numbers = numbers_of(found->second);
  if (numbers.size() != setting.numbers_count) return finding;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::uint64_t advised = setting.numbers[i];
    if (advised != 0 && (setting.at_most ? numbers[i] > advised : numbers[i] < advised)) return finding;
  }
  finding.verdict = Verdict::good;
  return finding;
}

/// kernel.io_uring_disabled. Absent before Linux 6.6; that is good.
Finding compare_uring_disabled(const Machine& machine, bool ring_works) {
  const auto found = machine.settings.find(uring_disabled);
  const std::string is = found == machine.settings.end() ? "absent" : found->second;
  const bool open = is == "absent" || is == "0";
  return {std::string(uring_disabled), is, "0", open ? Verdict::good : ring_works ? Verdict::improvable : Verdict::missing};
}

void add_ring_findings(RingProbe probe, const Machine& machine, std::vector<Finding>& findings) {
  const auto features = probe();
  findings.push_back(compare_uring_disabled(machine, features.has_value()));
  if (!features) {
    findings.push_back({"io_uring", features.error().cause, features.error().remedy, Verdict::missing});
    return;
  }
  findings.push_back({"io_uring", "available", "available", Verdict::good});
  for (const ring::NamedFeature& feature : ring::list(*features)) {
    findings.push_back({fmt::format("ring: {}", feature.name), feature.available ? "yes" : "no", "yes",
                        feature.available ? Verdict::good : Verdict::improvable});
  }
}

std::string_view word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::good: return "ok";
    case Verdict::improvable: return "could be better";
    case Verdict::missing: break;
  }
  return "MISSING";
}

}  // namespace

Machine examine_machine() {
  Machine machine;
  machine.kernel = kernel_release();
  machine.cpus_count = std::max(1U, std::thread::hardware_concurrency());
  const rlimit descriptors = limit_of(RLIMIT_NOFILE);
  machine.descriptors_soft = descriptors.rlim_cur;
  machine.descriptors_hard = descriptors.rlim_max;
  machine.locked_bytes = limit_of(RLIMIT_MEMLOCK).rlim_cur;
  const auto keep = [&](std::string_view name) {
    if (auto text = read_setting(name)) machine.settings.emplace(name, std::move(*text));
  };
  keep(uring_disabled);
  for (const AdvisedSetting& setting : advised_settings) keep(setting.name);
  return machine;
}

std::vector<Finding> diagnose(const Machine& machine, RingProbe probe) {
  std::vector<Finding> findings;
  findings.push_back({"kernel", machine.kernel, "6.12 or later (see the ring features)", Verdict::good});
  findings.push_back({"cpus", std::to_string(machine.cpus_count), "one shard each", Verdict::good});
  add_ring_findings(probe, machine, findings);
  // The gate raises the soft limit to the hard one at start, so only the hard one matters.
  findings.push_back({"RLIMIT_NOFILE soft", amount(machine.descriptors_soft), "any (raised at start)", Verdict::good});
  findings.push_back(at_least("RLIMIT_NOFILE hard", machine.descriptors_hard, descriptors_advised));
  findings.push_back(at_least("RLIMIT_MEMLOCK", machine.locked_bytes, locked_bytes_advised));
  for (const AdvisedSetting& setting : advised_settings) findings.push_back(compare(setting, machine));
  return findings;
}

std::string print_findings(const std::vector<Finding>& findings) {
  const Finding head{"what", "is", "advised", Verdict::good};
  std::size_t what = head.what.size();
  std::size_t is = head.is.size();
  std::size_t advised = head.advised.size();
  for (const Finding& finding : findings) {
    what = std::max(what, finding.what.size());
    is = std::max(is, finding.is.size());
    advised = std::max(advised, finding.advised.size());
  }
  const auto row = [&](const Finding& f, std::string_view verdict) {
    return fmt::format("{:<{}} | {:<{}} | {:<{}} | {}\n", f.what, what, f.is, is, f.advised, advised, verdict);
  };
  std::string out = row(head, "verdict");
  for (const Finding& finding : findings) out += row(finding, word_of(finding.verdict));
  return out;
}

ExitCode exit_code_of(const std::vector<Finding>& findings) {
  const bool missing = std::ranges::find(findings, Verdict::missing, &Finding::verdict) != findings.end();
  return missing ? ExitCode::fault : ExitCode::success;
}

}  // namespace ringgate::server
