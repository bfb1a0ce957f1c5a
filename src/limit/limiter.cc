#include "limit/limiter.h"

#include "base/limits.h"

namespace ringgate::limit {
namespace {

/// Blocked keys stay in the table: a pace that runs further ahead than its rule allows.
std::uint64_t binding_worth(const PaceRule& rule) { return rule.lead_max() + 1; }

}  // namespace

Limiter::Limiter(const device::KeyedHash& hash)
    : hash_(hash),
      handshakes_(limits::sources_remembered_max),
      failures_(limits::sources_remembered_max),
      flapping_ids_(limits::flapping_ids_remembered_max),
      flapping_sources_(limits::sources_remembered_max) {}

std::optional<std::uint64_t> Limiter::key_of(const ring::PeerAddress& peer) const {
  const auto prefix = SourcePrefix::of(peer);
  if (!prefix) return std::nullopt;
  return hash_(prefix->bytes()).index;
}

Judgement Limiter::accept(const Rules& rules, TimeNs now) {
  const PaceRule& pace = rules.accepts;
  return pace.is_limited() ? Judgement{accepts_.admit(pace, now)} : Judgement{};
}

Judgement Limiter::begin_handshake(const Rules& rules, const ring::PeerAddress& peer, TimeNs now) {
  const PaceRule& pace = rules.handshakes;
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

Limiter::Entry Limiter::enter(const Rules& rules, const ring::PeerAddress& peer) {
  const std::uint64_t most = rules.connections_per_source;
  if (most == 0) return {};
  const auto key = key_of(peer);
  if (!key) return {};
  if (!connections_.enter(*key, most)) return {.is_full = true};
  return {.key = *key};
}

Judgement Limiter::may_try(const Rules& rules, const ring::PeerAddress& peer, TimeNs now) {
  const PaceRule& pace = rules.failures;
  if (!pace.is_limited()) return {};
  const auto key = key_of(peer);
  if (!key) return {};
  Judgement judgement;
  failures_.look_up(*key, [&](const Pace& state) { judgement.wait = state.wait(pace, now); });
  return judgement;
}

Judgement Limiter::credential_failed(const Rules& rules, const ring::PeerAddress& peer, TimeNs now) {
  const PaceRule& pace = rules.failures;
  if (!pace.is_limited()) return {};
  const auto key = key_of(peer);
  if (!key) return {};
  Judgement judgement;
  judgement.is_untracked = !failures_.visit(*key, now, binding_worth(pace), [&](Pace& state) {
    // Handshakes that ran side by side may fail after the last free one: they take nothing, so that the wait has an end.
    judgement.wait = state.wait(pace, now);
    if (judgement.wait == 0) state.take(pace, now);
  });
  return judgement;
}

Judgement Limiter::connect(RateTable<FlapWatch>& table, std::uint64_t key, const FlapRule& rule, TimeNs now, bool& ban_began) {
  FlapVerdict verdict;
  const bool tracked = table.visit(key, now, FlapWatch::ban_worth, [&](FlapWatch& watch) { verdict = watch.connect(rule, now); });
  ban_began = verdict.ban_began;
  return {verdict.wait, !tracked};
}

Limiter::Connect Limiter::connect(const Rules& rules, const device::IdKey& id, const ring::PeerAddress& peer, TimeNs now) {
  Connect result;
  if (const FlapRule& rule = rules.id_flapping; rule.is_limited()) {
    result.id = connect(flapping_ids_, id.index, rule, now, result.id_ban_began);
    if (!result.id.lets_in()) return result;  // it did not connect, so its source did not either
  }
  const FlapRule& rule = rules.source_flapping;
  if (!rule.is_limited()) return result;
  if (const auto key = key_of(peer)) result.source = connect(flapping_sources_, *key, rule, now, result.source_ban_began);
  return result;
}

}  // namespace ringgate::limit
