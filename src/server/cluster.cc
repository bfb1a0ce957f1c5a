// The cluster of a gate: makes its engine and bridge from the settings, and lets other gates reach this one's devices.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

#include "auth/secret_file.h"
#include "base/log.h"
#include "base/monotonic_clock.h"
#include "cluster/local_gate.h"
#include "cluster/nats_engine.h"
#include "server/server_parts.h"

namespace ringgate {
namespace {

/// A name for this gate if nobody chose one: that of the machine, as far as subjects allow.
std::string node_of(const ClusterConfig& config) {
  if (!config.node.empty()) return config.node;
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  std::string node(name.data());
  for (char& c : node)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '-';
  if (node.size() > 32) node.erase(0, node.size() - 32);  // names of one fleet differ at their end
  return node.empty() ? "gate" : node;
}

/// This gate as its cluster reaches it.
class ReachedGate final : public cluster::LocalGate {
 public:
  ReachedGate(dispatch::GateState& gate, std::size_t message_bytes_max) : gate_(gate), message_bytes_max_(message_bytes_max) {}

  void push(const std::string& device_id, MessageView message, cluster::PushTerms terms, PushCallback on_result) override {
    auto reach = terms.reach ? std::make_shared<const dispatch::Selection>(std::move(*terms.reach)) : nullptr;
    if (reach == nullptr && terms.options.is_plain()) entry().push(device_id, message, std::move(on_result));
    else entry().push(device_id, message, terms.options, std::move(reach), std::move(on_result));
  }
  void close(const std::string& device_id, const cluster::CloseTerms& terms, CloseCallback on_result) override {
    entry().close(device_id, terms.code, terms.reason, std::move(on_result));
  }
  void describe(const std::string& device_id, DescribeCallback on_result) override {
    entry().describe(device_id, std::move(on_result));
  }
  bool yield(const std::string& device_id, ConnectionRef connection) override { return entry().yield(device_id, connection); }
  std::uint64_t clock() override { return gate_.epochs.clock(now_ms()); }
  bool follow(std::uint64_t clock) override { return gate_.epochs.follow(clock, now_ms()); }

 private:
  dispatch::Entry entry() { return {gate_, message_bytes_max_, dispatch::Entry::Reach::this_gate}; }
  static std::uint64_t now_ms() { return clock_now() / nanoseconds_per_millisecond; }

  dispatch::GateState& gate_;
  const std::size_t message_bytes_max_;
};

std::expected<cluster::NatsSettings, StartError> engine_settings(const ClusterConfig& config, const std::string& node) {
  cluster::NatsSettings settings{.servers = config.servers,
                                 .name = "ringgate " + node,
                                 .user = config.user,
                                 .password = {},
                                 .credentials_file = config.credentials_file,
                                 .authority_file = config.authority_file,
                                 .certificate_file = config.certificate_file,
                                 .key_file = config.key_file};
  // The library tells of a file that it cannot read only when it connects, and not of which.
  for (const auto& [key, file] : {std::pair{"cluster.ca", &config.authority_file},
                                  {"cluster.cert", &config.certificate_file},
                                  {"cluster.key", &config.key_file},
                                  {"cluster.credentials", &config.credentials_file}}) {
    if (file->empty()) continue;
    if (const auto opened = auth::OpenFile::open(*file, 1024 * 1024); !opened)
      return std::unexpected(StartError{ExitCode::bad_configuration, opened.error(), std::string("correct ") + key});
  }
  if (config.password_file.empty()) return settings;
  auto password = auth::read_secret_file(config.password_file, 4096);
  if (!password)
    return std::unexpected(StartError{ExitCode::bad_configuration, password.error(), "correct cluster.password_file"});
  settings.password = password->content.text();
  while (settings.password.ends_with('\n') || settings.password.ends_with('\r')) settings.password.pop_back();
  return settings;
}

}  // namespace

/// Behind the shards, before they run.
std::expected<void, StartError> Server::Parts::make_cluster() {
  if (config.cluster.engine == ClusterEngine::none) return {};
  const std::string node = node_of(config.cluster);
  auto engine = engine_settings(config.cluster, node);
  if (!engine) return std::unexpected(std::move(engine.error()));
  const auto boot = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  gate->is_in_cluster = true;
  reached_gate = std::make_unique<ReachedGate>(*gate, config.limits.push_bytes_max);
  const auto run_on_shard = [this](std::uint32_t shard, std::move_only_function<void()>& task) {
    return entry().run_on(shard, task);
  };
  bridge = std::make_unique<cluster::Bridge>(cluster::Names(config.cluster.name, node, boot), config.cluster.timeout_ns,
                                             std::make_unique<cluster::NatsEngine>(std::move(*engine)), *reached_gate,
                                             static_cast<std::uint32_t>(shards.size()), run_on_shard, cluster_counters);
  for (std::size_t i = 0; i < shards.size(); ++i) shards[i].set_elsewhere(&bridge->of(static_cast<std::uint32_t>(i)));
  if (config.cluster.required) gate->engine_needed = &cluster_counters.is_up;
  log::info("cluster", {{"engine", "nats"}, {"namespace", config.cluster.name}, {"node", node}});
  return {};
}

}  // namespace ringgate
