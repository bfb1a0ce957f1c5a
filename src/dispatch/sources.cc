// Limits on sources, on device ids that connect too often and on the gate's rate of handshakes. Part of DeviceSession; the
// counting is in limit/. Invariant: a connection counts for its source from its request on until it is refused or gone, once.
#include <utility>

#include "base/log.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

/// A trusted proxy's TLS handshakes are those of many clients, whom only their requests name.
bool DeviceSession::is_trusted_proxy(const conn::Connection& connection) const {
  const net::ProxyPolicy* const proxies = transport_.proxies_of(connection);
  return proxies != nullptr && proxies->trusted.contains(connection.peer);
}

bool DeviceSession::may_begin_tls(const conn::Connection& connection) {
  const limit::Rules& rules = settings_.limit_rules;
  if (!rules.limits_handshakes || is_trusted_proxy(connection)) return true;
  const auto rate = gate_.limiter.begin_handshake(rules, connection.peer, transport_.now());
  note_judgement(rate);
  return rate.lets_in();
}

/// Counts the request against every limit that needs nothing but the peer's address. The first that is reached decides.
std::optional<admission::Refusal> DeviceSession::judge_source(conn::Connection& connection, HandshakeCount handshake) {
  using admission::Rejection;
  const TimeNs now = transport_.now();
  const limit::Rules& rules = settings_.limit_rules;
  if (rules.limits_handshakes && handshake == HandshakeCount::due) {
    const auto rate = gate_.limiter.begin_handshake(rules, connection.peer, now);
    if (!rate.lets_in()) return admission::Refusal(Rejection::source_rate).after(rate.wait);
    note_judgement(rate);
  }
  if (rules.limits_handshakes) {
    if (const auto accepted = gate_.limiter.accept(rules, now); !accepted.lets_in())
      return admission::Refusal(Rejection::accept_rate).after(accepted.wait);
  }
  if (settings_.asks_for_credentials)
    if (const auto trying = gate_.limiter.may_try(rules, connection.peer, now); !trying.lets_in())
      return admission::Refusal(Rejection::auth_failures).after(trying.wait);
  if (!rules.limits_handshakes) return {};
  if (rules.connections_per_source != 0 && source_keys_.empty()) source_keys_.resize(transport_.table().slots_count());
  const limit::Limiter::Entry entry = gate_.limiter.enter(rules, connection.peer);
  if (entry.is_full) return Rejection::source_limit;
  if (entry.key == 0) return {};
  source_keys_[transport_.table().slot_of(connection)] = entry.key;
  return {};
}

void DeviceSession::leave_source(conn::Connection& connection) {
  if (source_keys_.empty()) return;
  const std::uint64_t key = std::exchange(source_keys_[transport_.table().slot_of(connection)], 0);
  if (key != 0) gate_.limiter.leave(key);
}

/// Counts the connection of a device that may connect. A ban touches nobody who is connected.
std::optional<admission::Refusal> DeviceSession::judge_flapping(conn::Connection& connection, std::string_view id,
                                                                const device::IdKey& key) {
  const auto judged = gate_.limiter.connect(settings_.limit_rules, key, connection.peer, transport_.now());
  note_judgement(judged.id);
  note_judgement(judged.source);
  if (judged.id_ban_began || judged.source_ban_began) {
    counters_.flap_bans.add(1);
    if (const auto left_out = gate_.flap_logs.admit(transport_.now()))
      log::warning(judged.id_ban_began ? "device connects too often" : "source connects too often",
                   {{"device_id", id},
                    {"remote", connection.peer.text()},
                    {"banned_s", (judged.id.wait + judged.source.wait) / nanoseconds_per_second},
                    {"suppressed", *left_out}});
  }
  if (!judged.id.lets_in()) return admission::Refusal(admission::Rejection::flapping).after(judged.id.wait);
  if (!judged.source.lets_in()) return admission::Refusal(admission::Rejection::source_flapping).after(judged.source.wait);
  return {};
}

void DeviceSession::note_judgement(const limit::Judgement& judgement) {
  if (judgement.is_untracked) counters_.limits_untracked.add(1);
}

}  // namespace ringgate::dispatch
