#include "limit/limiter.h"

#include "base/limits.h"

namespace ringgate::limit {
namespace {

constexpr DurationNs second = nanoseconds_per_second;
constexpr DurationNs minute = 60 * second;

/// Blocked keys stay in the table: a pace that runs further ahead than its rule allows.
std::uint64_t binding_worth(const PaceRule& rule) { return rule.lead_max() + 1; }

}  // namespace

Limiter::Limiter(const LimitsConfig& limits, const device::KeyedHash& hash)
    : hash_(hash),
      handshakes_(limits::sources_remembered_max),
      failures_(limits::sources_remembered_max),
      flapping_ids_(limits::flapping_ids_remembered_max),
      flapping_sources_(limits::sources_remembered_max) {
  set(limits);
}

void Limiter::set(const LimitsConfig& limits) {
  const auto store = [](Setting& setting, std::uint64_t value) { setting.store(value, std::memory_order_relaxed); };
  store(accept_rate_, limits.accepts_per_second);
  store(connections_per_source_, limits.connections_per_prefix);
  store(handshakes_per_minute_, limits.handshakes_per_prefix);
  store(failures_per_minute_, limits.auth_failures_per_prefix);
  store(flap_connects_, limits.flap_connects);
  store(flap_connects_per_source_, limits.flap_connects_per_prefix);
  store(flap_window_, limits.flap_window_ns);
  store(flap_ban_, limits.flap_ban_ns);
  store(messages_per_second_, limits.messages_per_second);
  store(bytes_per_second_, limits.bytes_per_second);
  store(rate_burst_, limits.rate_burst_ns);
  store(rate_policy_, static_cast<std::uint64_t>(limits.rate_policy));
  const bool limits_handshakes =
      limits.accepts_per_second != 0 || limits.connections_per_prefix != 0 || limits.handshakes_per_prefix != 0;
  limits_handshakes_.store(limits_handshakes, std::memory_order_relaxed);
}

Limiter::SendLimits Limiter::send_limits() const {
  return {messages_per_second_.load(std::memory_order_relaxed), bytes_per_second_.load(std::memory_order_relaxed),
          rate_burst_.load(std::memory_order_relaxed)};
}

std::optional<std::uint64_t> Limiter::key_of(const ring::PeerAddress& peer) const {
  const auto prefix = SourcePrefix::of(peer);
  if (!prefix) return std::nullopt;
  return hash_(prefix->bytes()).index;
}

Judgement Limiter::accept(TimeNs now) {
  const PaceRule pace = rule(accept_rate_, second);
  return pace.is_limited() ? Judgement{accepts_.admit(pace, now)} : Judgement{};
}

Judgement Limiter::begin_handshake(const ring::PeerAddress& peer, TimeNs now) {
  const PaceRule pace = rule(handshakes_per_minute_, minute);
  if (!pace.is_limited()) return {};
  const auto key = key_of(peer);
  if (!key) return {};
  Judgement judgement;
  judgement.is_untracked = !handshakes_.visit(*key, now, binding_worth(pace), [&](Pace& state) {
    judgement.wait = state.wait(pace, now);
    if (judgement.wait == 0) state.take(pace, now);
  });
  return judgement;
}

Limiter::Entry Limiter::enter(const ring::PeerAddress& peer) {
  const std::uint64_t most = connections_per_source_.load(std::memory_order_relaxed);
  if (most == 0) return {};
  const auto key = key_of(peer);
  if (!key) return {};
  if (!connections_.enter(*key, most)) return {.is_full = true};
  return {.key = *key};
}

Judgement Limiter::may_try(const ring::PeerAddress& peer, TimeNs now) {
  const PaceRule pace = rule(failures_per_minute_, minute);
  if (!pace.is_limited()) return {};
  const auto key = key_of(peer);
  if (!key) return {};
  Judgement judgement;
  failures_.look_up(*key, [&](const Pace& state) { judgement.wait = state.wait(pace, now); });
  return judgement;
}

Judgement Limiter::credential_failed(const ring::PeerAddress& peer, TimeNs now) {
  const PaceRule pace = rule(failures_per_minute_, minute);
  if (!pace.is_limited()) return {};
  const auto key = key_of(peer);
  if (!key) return {};
  Judgement judgement;
  judgement.is_untracked = !failures_.visit(*key, now, binding_worth(pace), [&](Pace& state) {
    // Handshakes that ran side by side may fail after the last free one: they take nothing, so that the wait has an end.
    if (state.wait(pace, now) == 0) state.take(pace, now);
    judgement.wait = state.wait(pace, now);
  });
  return judgement;
}

FlapRule Limiter::flap_rule(const Setting& connects) const {
  return {connects.load(std::memory_order_relaxed), flap_window_.load(std::memory_order_relaxed),
          flap_ban_.load(std::memory_order_relaxed)};
}

Judgement Limiter::connect(RateTable<FlapWatch>& table, std::uint64_t key, const FlapRule& rule, TimeNs now, bool& ban_began) {
  FlapVerdict verdict;
  const bool tracked = table.visit(key, now, FlapWatch::ban_worth, [&](FlapWatch& watch) { verdict = watch.connect(rule, now); });
  ban_began = verdict.ban_began;
  return {verdict.wait, !tracked};
}

Limiter::Connect Limiter::connect(const device::IdKey& id, const ring::PeerAddress& peer, TimeNs now) {
  Connect result;
  if (const FlapRule rule = flap_rule(flap_connects_); rule.is_limited()) {
    result.id = connect(flapping_ids_, id.index, rule, now, result.id_ban_began);
    if (!result.id.lets_in()) return result;  // it did not connect, so its source did not either
  }
  const FlapRule rule = flap_rule(flap_connects_per_source_);
  if (!rule.is_limited()) return result;
  if (const auto key = key_of(peer)) result.source = connect(flapping_sources_, *key, rule, now, result.source_ban_began);
  return result;
}

}  // namespace ringgate::limit
