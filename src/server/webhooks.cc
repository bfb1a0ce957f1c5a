// The webhooks of a gate: reads what their settings name, makes their thread and the connect hooks of routes, and renews both.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/log.h"
#include "ringgate/server.h"
#include "server/credential_files.h"
#include "server/server_parts.h"

namespace ringgate {
namespace {

/// A name for those who are sent to; that of this machine if nobody chose one.
std::string origin_of(const WebhookConfig& config) {
  if (!config.origin.empty()) return config.origin;
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  std::string host(name.data());
  std::erase_if(host, [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '.'; });
  return host.empty() ? "ringgate" : host;
}

struct LoadedWebhooks {
  hooks::AllSettings settings;
  std::vector<std::string> warnings;
};

std::expected<LoadedWebhooks, StartError> load(const Config& config) {
  LoadedWebhooks loaded;
  for (const WebhookConfig& webhook : config.webhooks) {
    auto keys = server::load_webhook_keys(webhook, loaded.warnings);
    if (!keys) return std::unexpected(std::move(keys.error()));
    if (const auto checked = server::check_webhook_authorities(webhook); !checked) return std::unexpected(checked.error());
    loaded.settings.push_back(
        std::make_shared<const hooks::WebhookSettings>(hooks::WebhookSettings{webhook, std::move(*keys), origin_of(webhook)}));
  }
  return loaded;
}

void warn(const std::vector<std::string>& warnings) {
  for (const std::string& text : warnings) log::warning(text);
}

}  // namespace

std::expected<void, StartError> Server::Parts::make_webhooks() {
  auto loaded = load(config);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  if (loaded->settings.empty()) return {};
  for (const WebhookConfig& webhook : config.webhooks) webhook_counters.emplace_back().name = webhook.name;
  admin_settings.webhooks = &webhook_counters;
  warn(loaded->warnings);
  const auto send_reply = [this](const hooks::Reply& reply) {
    const auto count = [&counters = reply.counters](const PushResult& result) {
      auto& counter = result.outcome == PushOutcome::delivered ? counters.replies_sent : counters.replies_lost;
      counter.fetch_add(1, std::memory_order_relaxed);
    };
    entry().push(reply.device_id, {reply.type, bytes_of(reply.payload)}, PushOptions{.only_to = {reply.connection}}, count);
  };
  const auto post_decision = [this](ConnectionRef connection, UpgradeDecision& decision) {
    return entry().try_decide(connection, decision);
  };
  hook_thread =
      std::make_unique<hooks::HookThread>(loaded->settings, webhook_counters, send_reply,
                                          hooks::DecisionCourier(post_decision, config.limits.authentication_timeout_ns));
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const RouteConfig& route = config.routes[i];
    if (route.connect_hook.empty()) continue;
    const auto webhook = std::ranges::find(config.webhooks, route.connect_hook, &WebhookConfig::name);
    const auto index = static_cast<std::size_t>(webhook - config.webhooks.begin());
    // The configured verdict must come before the phase's own end, which refuses.
    const DurationNs deadline = std::min(webhook->timeout_ns, config.limits.authentication_timeout_ns / 10 * 9);
    mounts[i].judge = &connect_hooks.emplace_back(route, index, deadline, *hook_thread, webhook_counters[index]);
  }
  return {};
}

void Server::Parts::feed_webhooks() {
  event_source.emplace(*events, config.webhooks.size(), *hook_thread);
  hook_thread->set_feed({
      .read = [this](std::deque<hooks::Webhook>& webhooks, TimeNs now) { return event_source->read(webhooks, now); },
      .is_complete =
          [this] {
            // The shards' threads have ended: this one takes their place.
            bool settled = true;
            for (server::Shard& shard : shards) settled = shard.settle_events() && settled;
            return settled && events->has_logged_all();
          },
      .give_up = [this] { events->set_patience(0, 0); },
  });
}

/// After the shards: their last events are sent too, unless the gate is to stop at once. Whether that is over by `deadline`.
bool Server::Parts::end_webhooks(Time deadline) {
  if (gate != nullptr && !gate->stopping.load(std::memory_order_acquire)) hook_thread->flush();
  else hook_thread->stop();
  return hook_thread->wait(deadline);
}

std::expected<server::Commit, StartError> Server::Parts::prepare_webhooks(const Config& fresh) {
  auto loaded = load(fresh);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return [this, loaded = std::move(*loaded)]() mutable {
    warn(loaded.warnings);
    if (hook_thread != nullptr) hook_thread->renew(std::move(loaded.settings));
    return std::vector<SettingChange>{};
  };
}

}  // namespace ringgate
