// Server::reload: reads the settings again, finds what differs, and lets the parts of the gate take it.
#include "server/reload.h"

#include <ctime>
#include <utility>

#include "base/log.h"
#include "config/changes.h"
#include "config/check.h"
#include "ringgate/server.h"
#include "server/server_parts.h"

namespace ringgate {

namespace server {

std::expected<std::vector<SettingChange>, StartError> apply_all(std::vector<Prepare>& parts, const Config& fresh) {
  std::vector<Commit> commits;
  for (Prepare& prepare : parts) {
    auto commit = prepare(fresh);
    if (!commit) return std::unexpected(std::move(commit.error()));
    commits.push_back(std::move(*commit));
  }
  std::vector<SettingChange> changes;
  for (Commit& commit : commits)
    for (SettingChange& change : commit()) changes.push_back(std::move(change));
  return changes;
}

}  // namespace server

namespace {

void log_outcome(const std::expected<ReloadReport, StartError>& outcome) {
  if (!outcome)
    return log::error("not reloaded, everything of before stays in force",
                      {{"cause", outcome.error().cause}, {"remedy", outcome.error().remedy}});
  for (const SettingChange& change : outcome->changed)
    log::info("setting changed", {{"key", change.key}, {"before", change.before}, {"after", change.after}});
  for (const SettingChange& change : outcome->restart_needed)
    log::warning("setting needs a restart", {{"key", change.key}, {"before", change.before}, {"after", change.after}});
  log::info("reloaded", {{"changed", outcome->changed.size()}, {"restart_needed", outcome->restart_needed.size()}});
}

}  // namespace

void Server::reload_from(ConfigSource source) { parts_->config_source = std::move(source); }

std::expected<ReloadReport, StartError> Server::reload() { return parts_->reload(nullptr); }
std::expected<ReloadReport, StartError> Server::reload(const Config& fresh) { return parts_->reload(&fresh); }

std::expected<ReloadReport, StartError> Server::Parts::reload(const Config* fresh) {
  if (!started.load(std::memory_order_acquire))
    return std::unexpected(StartError{ExitCode::fault, "the server does not run", "call start first"});
  const std::lock_guard lock(reload_mutex);
  auto outcome = read_and_take(fresh);
  (outcome ? gate->reloads_done : gate->reloads_failed).fetch_add(1, std::memory_order_relaxed);
  if (outcome) gate->settings_read_at.store(std::time(nullptr), std::memory_order_relaxed);
  log_outcome(outcome);
  return outcome;
}

std::expected<ReloadReport, StartError> Server::Parts::read_and_take(const Config* fresh) {
  if (fresh != nullptr) return take(*fresh);
  if (config_source == nullptr) return take(config_given);
  const auto read = config_source();
  if (!read) return std::unexpected(read.error());
  return take(*read);
}

std::expected<ReloadReport, StartError> Server::Parts::take(const Config& fresh) {
  if (auto faults = config::check_config(fresh); !faults.empty()) return std::unexpected(std::move(faults.front()));
  ReloadReport report = config::compare(config_given, fresh);
  Config next_given = config_given;
  config::take_changes(config_given, fresh, next_given);
  // Settings that are taken must also fit those that are not.
  if (auto faults = config::check_config(next_given); !faults.empty()) return std::unexpected(std::move(faults.front()));
  Config next = config_in_force;
  config::take_changes(config_given, fresh, next);

  auto in_files = server::apply_all(reloadable_parts, next);
  if (!in_files) return std::unexpected(std::move(in_files.error()));
  for (SettingChange& change : *in_files) report.changed.push_back(std::move(change));
  config_given = std::move(next_given);
  config_in_force = std::move(next);
  warn_of_idle_settings();
  wake_all();
  return report;
}

// -- The parts

void Server::Parts::register_reloadable_parts() {
  config_in_force = config;
  reloadable_parts.emplace_back([this](const Config& fresh) { return mark_files(fresh); });  // before they are loaded
  reloadable_parts.emplace_back([this](const Config& fresh) { return prepare_shards(fresh); });
  reloadable_parts.emplace_back([this](const Config& fresh) { return prepare_admin_tokens(fresh); });
  reloadable_parts.emplace_back([this](const Config& fresh) { return prepare_webhooks(fresh); });
  reloadable_parts.emplace_back([this](const Config& fresh) { return prepare_log(fresh); });
}

/// Certificates, files of credentials, routes and limits: who may connect, and how. A shard takes them together, with its next turn, so no
/// handshake is judged by a mixture. Devices that are connected keep what they came with; a revocation ends that.
std::expected<server::Commit, StartError> Server::Parts::prepare_shards(const Config& fresh) {
  auto [loaded, faults] = server::load_certificates(fresh, std::time(nullptr));
  if (!faults.empty()) return std::unexpected(std::move(faults.front()));
  for (std::size_t i = 0; i < loaded.size(); ++i)
    if (loaded[i].has_own_tickets && certificates[i].has_own_tickets) loaded[i].ticket_secret = certificates[i].ticket_secret;
  std::vector<server::TlsOfListeners> contexts;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    auto made = server::make_contexts(loaded);
    if (!made) return std::unexpected(std::move(made.error()));
    contexts.push_back(std::move(*made));
  }
  auto verifiers = server::load_verifiers(fresh.auth);
  if (!verifiers) return std::unexpected(std::move(verifiers.error()));
  return [this, settled = std::make_shared<const Config>(fresh), verifiers = std::move(*verifiers),
          fresh_ones = std::move(loaded), contexts = std::move(contexts)]() mutable {
    use_companions_if_wanted(*settled);  // before any shard sees the routes
    want_events(*settled);
    for (std::size_t i = 0; i < shards.size(); ++i) shards[i].renew({settled, verifiers, std::move(contexts[i])});
    warn_of(*verifiers);
    auto changes = server::compare_certificates(certificates, fresh_ones);
    certificates = std::move(fresh_ones);
    show_certificates();
    warn_of_certificates();
    return changes;
  };
}

std::expected<server::Commit, StartError> Server::Parts::mark_files(const Config& fresh) {
  return [this, marks = server::mark_secret_files(fresh)]() mutable {
    auto changes = server::compare_marks(file_marks, marks);
    file_marks = std::move(marks);
    return changes;
  };
}

std::expected<server::Commit, StartError> Server::Parts::prepare_admin_tokens(const Config& fresh) {
  auto loaded = server::load_admin_tokens(fresh.admin);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return [this, loaded = std::move(*loaded)]() mutable {
    use_admin_tokens(std::move(loaded));
    return std::vector<SettingChange>{};
  };
}

void Server::Parts::use_admin_tokens(server::AdminTokenFiles files) {
  for (const std::string& text : server::warnings_of(files)) log::warning(text);
  access.renew(std::make_shared<const admin::AccessTable>(std::move(files)));
}

std::expected<server::Commit, StartError> Server::Parts::prepare_log(const Config& fresh) {
  return [this, level = fresh.log.level] {
    log->set_level(level);
    return std::vector<SettingChange>{};
  };
}

}  // namespace ringgate
