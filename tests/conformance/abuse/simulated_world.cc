#include "simulated_world.h"

#include <fmt/format.h>

#include "auth/verifiers.h"
#include "base/limits.h"
#include "bytes.h"
#include "config/load.h"
#include "lexer.h"

namespace ringgate::abuse {

namespace {

class SimulatedChannel final : public Channel {
 public:
  SimulatedChannel(simulated::Gate& gate, ring::FakePeer& peer) : gate_(gate), peer_(peer) {}
  ~SimulatedChannel() override {
    peer_.resume_reading();
    peer_.close();
    gate_.settle();
  }

  void send(std::string_view bytes) override { peer_.send(bytes); }
  void finish() override { peer_.half_close(); }
  void reset() override { peer_.reset(); }
  void stop_reading() override { peer_.stop_reading(); }
  void resume_reading() override { peer_.resume_reading(); }
  void end_segment() override {
    gate_.settle();
    if (peer_.saw_end() || peer_.saw_reset()) read();
  }
  void wait(DurationNs duration) override {
    gate_.settle();
    gate_.pass(duration);
    read();
  }
  void wait_until(const std::function<bool(const WireView&)>&) override {
    gate_.settle();
    read();
  }

 private:
  void read() {
    const auto bytes = peer_.take_received();
    view_.take({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if ((peer_.saw_end() || peer_.saw_reset()) && !view_.has_ended()) view_.take_end();
  }

  simulated::Gate& gate_;
  ring::FakePeer& peer_;
};

}  // namespace

simulated::GateOptions SimulatedWorld::options_for(const std::vector<std::string>& settings) {
  std::vector<config::FlagSetting> flags;
  for (const std::string& setting : with_own_settings(settings)) {
    const std::size_t equals = setting.find('=');
    flags.push_back({"--set", setting.substr(0, equals), setting.substr(equals + 1)});
  }
  auto loaded = config::load_config({.file = "", .environment = {}, .flags = flags});
  if (!loaded) throw ListFault("bad setting: " + loaded.error().front().cause);
  simulated::GateOptions options;
  options.settings = loaded->config;
  options.settings.routes.push_back({.path = "/handler"});
  if (loaded->is_default("limits.max_connections")) options.settings.limits.connections_max = options.slots_count;
  return options;
}

void SimulatedWorld::open(simulated::GateOptions options, const ring::FakeOptions& world) {
  abandon();
  world_ = std::make_unique<ring::FakeWorld>(seed_, world);
  if (sealed_ != nullptr) {
    options.tls = sealed_->gate();
    options.tunnel = [this] { return sealed_->connect(); };
  }
  options.access = &access_;
  auto verifiers = auth::load_verifiers(options.settings.auth);
  if (!verifiers) throw ListFault(verifiers.error());
  options.verifiers = std::move(*verifiers);
  gate_ = std::make_unique<simulated::Gate>(*world_, options);
  load_credentials(options.settings);
  settings_.assign(1, "not by settings alone");
}

/// What the server does before its shards run.
void SimulatedWorld::load_credentials(const Config& config) {
  std::vector<std::shared_ptr<const auth::AdminTokens>> files;
  for (const std::string& file : config.admin.token_files) {
    auto tokens = auth::AdminTokens::load(file);
    if (!tokens) throw ListFault(tokens.error());
    files.push_back(std::move(*tokens));
  }
  access_.renew(std::make_shared<const admin::AccessTable>(std::move(files)));
}

void SimulatedWorld::abandon() {
  witness_.reset();
  gate_.reset();
  world_.reset();
}

std::string SimulatedWorld::prepare(const std::vector<std::string>& settings, Port port) {
  if (!gate_ || settings != settings_) {
    try {
      open(options_for(settings), {});
    } catch (const ListFault& fault) {
      return fault.what();
    }
    settings_ = settings;
  }
  if (port == Port::admin) connect_witness();
  else dismiss_witness();
  return "";
}

void SimulatedWorld::connect_witness() {
  if (witness_) return;
  witness_.emplace(gate_->connect());
  witness_->open(witness_id);
  gate_->settle();
  witness_->read();
}

/// It would have to answer pings while rows let time pass.
void SimulatedWorld::dismiss_witness() {
  if (!witness_) return;
  witness_->peer().close();
  gate_->settle();
  witness_.reset();
}

/// Each connection of a row may bring a wrong token, and only so many are heard in a time.
std::unique_ptr<Channel> SimulatedWorld::connect(Port port) {
  if (port == Port::admin && access_.table()->demands_token())
    gate_->pass(limits::admin_failure_seconds * nanoseconds_per_second);
  ring::FakePeer& peer = port == Port::devices ? gate_->connect() : gate_->connect_admin();
  return std::make_unique<SimulatedChannel>(*gate_, peer);
}

/// Answers pings; a row that let too much time pass has cost the witness its connection.
std::vector<std::string> SimulatedWorld::take_pushes() {
  if (!witness_) return {};
  std::vector<std::string> pushes = witness_->take_messages();
  if (witness_->saw_end() || witness_->saw_reset()) {
    witness_.reset();
    connect_witness();
    return pushes;
  }
  for (const std::string& payload : witness_->take(ws::Opcode::ping))
    witness_->peer().send(simulated::DeviceClient::frame(ws::Opcode::pong, payload));
  gate_->settle();
  return pushes;
}

std::string SimulatedWorld::leftovers() {
  gate_->settle();
  const std::uint64_t own = witness_ ? 1 : 0;
  std::string text;
  const auto compare = [&text](const char* name, std::uint64_t count, std::uint64_t wanted) {
    if (count != wanted) text += fmt::format("{}{}: {} instead of {}", text.empty() ? "left over: " : ", ", name, count, wanted);
  };
  const ShardCounters& counted = gate_->counters();
  compare("slots", counted.slots_used.get(), own);
  compare("descriptors", counted.descriptors_used.get(), own);
  compare("buffers lent", counted.buffers_lent.get(), 0);
  compare("operations in flight", counted.operations_in_flight.get(), own);  // the witness's receive
  compare("devices", counted.devices_connected.get(), own);
  compare("admin connections", counted.admin_connections.get(), 0);
  compare("bytes queued", counted.send_queue_bytes.get(), 0);
  compare("stale completions", counted.stale_completions.get(), 0);
  compare("ids", gate_->state().map.count(), own);
  return text;
}

}  // namespace ringgate::abuse
