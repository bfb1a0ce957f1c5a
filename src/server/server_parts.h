// The parts of a Server, for the files that implement it. Owned by the Server, built and destroyed with it.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/access.h"
#include "admin/admin_settings.h"
#include "admin/off_shard.h"
#include "admin/services.h"
#include "base/counters.h"
#include "base/log.h"
#include "cluster/bridge.h"
#include "dispatch/device_settings.h"
#include "dispatch/drop.h"
#include "dispatch/echo.h"
#include "dispatch/entry.h"
#include "dispatch/gate_state.h"
#include "events/event_hub.h"
#include "hooks/connect_hook.h"
#include "hooks/event_source.h"
#include "hooks/hook_thread.h"
#include "ring/socket_file.h"
#include "ringgate/server.h"
#include "server/certificates.h"
#include "server/credential_files.h"
#include "server/end_board.h"
#include "server/file_marks.h"
#include "server/reload.h"
#include "server/shard.h"

namespace ringgate {

struct Server::Parts {
  Config config;  // as at the start; shards read it
  std::vector<dispatch::DeviceSettings::Mount> mounts;
  dispatch::EchoHandler echo;
  dispatch::DropHandler drop;
  ring::Features features;
  std::uint32_t sockets_per_shard = 0;
  std::optional<std::string> warning;
  std::optional<log::Session> log;
  bool start_tried = false;
  // Set once at the end of a successful start: publishes `gate` and the shards to threads that push (release, acquire).
  std::atomic<bool> started{false};

  std::unique_ptr<dispatch::DeviceSettings> settings;
  admin::AdminSettings admin_settings;
  server::Certificates certificates;
  server::FileMarks file_marks;
  ClusterCounters cluster_counters;
  // Webhooks (webhooks.cc). `hook_thread` is null if there are none.
  std::deque<WebhookCounters> webhook_counters;
  std::unique_ptr<hooks::HookThread> hook_thread;
  std::deque<hooks::ConnectHook> connect_hooks;
  admin::Access access;
  const admin::ReloadGate reload_gate = [this] { return reload(nullptr); };
  std::unique_ptr<dispatch::GateState> gate;
  std::unique_ptr<events::EventHub> events;        // its thread has ended before the shards are gone
  std::optional<hooks::EventSource> event_source;  // listens to `events`, so it is destroyed before them
  std::deque<ShardCounters> counters;
  std::vector<const ShardCounters*> counters_view;
  // The cluster (cluster.cc). Both null if the gate is alone. Shards tell the bridge of their devices until they are gone.
  std::unique_ptr<cluster::LocalGate> reached_gate;
  std::unique_ptr<cluster::Bridge> bridge;
  std::deque<server::Shard> shards;
  std::vector<std::jthread> threads;
  server::EndBoard ended;  // which of the threads have ended
  std::vector<std::string> device_addresses;
  std::string admin_address;
  std::vector<ring::SocketFile> socket_files;

  // Reloading (reload.cc). Only under `reload_mutex` once the server has started.
  std::mutex reload_mutex;
  ConfigSource config_source;  // null: the settings given last
  Config config_given;         // by the program or the source, with those settings that were taken since: what is compared
  Config config_in_force;  // the same for `config`: also with mounted routes, and numbers lowered to what this machine can hold
  std::vector<server::Prepare> reloadable_parts;
  std::optional<admin::OffShard> off_shard;  // last, so that it has ended before anything that it works on does

  /// Null if there is none of that name.
  Handler* built_in_handler(std::string_view name) {
    if (name == "echo") return &echo;
    return name == "drop" ? &drop : nullptr;
  }
  /// Adds a route and its handler.
  void serve_route(const RouteConfig& route, Handler* handler);
  std::expected<void, StartError> open_shards();
  void open_events(std::uint32_t shards_count);
  void want_events(const Config& fresh);
  std::expected<void, StartError> open_listeners();
  std::expected<std::string, StartError> listen_everywhere(std::uint32_t index, const std::string& bind, bool dual_stack);
  std::expected<void, StartError> start_threads();
  /// A small table gets a small backlog: the kernel drops accepted connections for which the table has no room.
  std::uint32_t backlog() const {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(config.limits.accept_backlog, std::max(limits::spare_slots_per_shard, sockets_per_shard / 4)));
  }
  void show_certificates();
  void warn_of_idle_settings() const;
  void warn_of_certificates() const;
  void use_companions_if_wanted(const Config& fresh);
  void use_admin_tokens(server::AdminTokenFiles files);
  static void warn_of(const auth::Verifiers& verifiers);
  void register_reloadable_parts();
  std::expected<ReloadReport, StartError> reload(const Config* fresh);
  std::expected<ReloadReport, StartError> read_and_take(const Config* fresh);
  std::expected<ReloadReport, StartError> take(const Config& fresh);
  std::expected<server::Commit, StartError> mark_files(const Config& fresh);
  std::expected<server::Commit, StartError> prepare_shards(const Config& fresh);
  std::expected<server::Commit, StartError> prepare_admin_tokens(const Config& fresh);
  std::expected<server::Commit, StartError> prepare_log(const Config& fresh);
  std::expected<void, StartError> make_cluster();
  std::expected<void, StartError> make_webhooks();
  void feed_webhooks();
  bool end_webhooks(Time deadline);
  std::expected<server::Commit, StartError> prepare_webhooks(const Config& fresh);
  void wake_all();
  dispatch::Entry entry() { return {*gate, config.limits.push_bytes_max}; }
  void answer_leftovers();
};

}  // namespace ringgate
