// The credentials of connected devices: their end, their extension, their revocation, and bans. Part of DeviceSession; whether a
// request has a good credential is decided in admission/.
#include <algorithm>

#include "base/limits.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

namespace {

/// The wall clock may be set, so a moment of it is looked at again after this long.
constexpr std::int64_t wall_clock_patience_seconds = 30;

CredentialView view_of(const LiveCredential& credential) {
  return {auth::word_of(credential.kind), credential.token_id, credential.expires_at};
}

std::int64_t seconds(DurationNs duration) { return static_cast<std::int64_t>(duration / nanoseconds_per_second); }

/// `moment` + `later`, without overflow.
std::int64_t after(std::int64_t moment, std::int64_t later) {
  return moment > auth::never - later ? auth::never : moment + later;
}

}  // namespace

void DeviceSession::keep_credential(const conn::Connection& connection, auth::Grant& grant) {
  LiveCredential& credential = credentials_.at(transport_.table().slot_of(connection));
  credential = {.kind = grant.kind,
                .expires_at = grant.expires_at,
                .issued_at = grant.issued_at,
                .token_id = std::move(grant.token_id),
                .groups = std::move(grant.groups)};
}

bool DeviceSession::enforces_credentials(conn::Connection& connection) const {
  return settings_.routes[record_of(connection).route_index].enforces_credentials;
}

/// Announces or enforces the end of the credential. Returns how long to wait before looking again; nullopt: it never ends, or the
/// connection is closed now.
std::optional<DurationNs> DeviceSession::judge_credential(conn::Connection& connection) {
  LiveCredential* const credential = credentials_.find(transport_.table().slot_of(connection));
  if (credential == nullptr || credential->expires_at == auth::never) return std::nullopt;
  const AuthConfig& config = settings_.config.auth;
  const std::int64_t now = ring_.wall_clock_seconds();
  const std::int64_t ends = after(credential->expires_at, seconds(config.expiry_grace_ns));
  if (now >= ends && enforces_credentials(connection)) {
    end_credential(connection, "credential expired", EndedBy::gate);
    return std::nullopt;
  }
  const bool announces = config.expiry_notice_ns != 0 && !credential->is_announced;
  const std::int64_t notice = credential->expires_at - seconds(config.expiry_notice_ns);
  if (announces && now >= notice) {
    credential->is_announced = true;
    observers_.tell(&Observer::on_credential_expiring, view_of(connection), dispatch::view_of(*credential));
  }
  if (now >= ends) return std::nullopt;
  const std::int64_t next = announces && now < notice ? notice : ends;
  return static_cast<DurationNs>(std::min(next - now, wall_clock_patience_seconds)) * nanoseconds_per_second;
}

void DeviceSession::end_credential(conn::Connection& connection, std::string_view reason, EndedBy ended_by) {
  if (const LiveCredential* const credential = credentials_.find(transport_.table().slot_of(connection)))
    observers_.tell(&Observer::on_credential_ended, view_of(connection), dispatch::view_of(*credential));
  close(connection, CloseCode::credential_ended, reason, ended_by);
}

bool DeviceSession::extend_credential(conn::Connection& connection, std::int64_t expires_at) {
  if (record_of(connection).phase != Phase::open || !connection.is_live()) return false;
  LiveCredential& credential = credentials_.at(transport_.table().slot_of(connection));
  credential.expires_at = expires_at;
  credential.is_announced = false;
  transport_.schedule(connection, transport_.now());  // with the timers, which run only when all that has arrived was read
  return true;
}

// -- Bans and revocations

/// Looks at some connections if the list of the denied has changed. Every connection is looked at within one round after a change,
/// however often the list changes.
void DeviceSession::enforce_some_denials() {
  constexpr std::uint32_t slots_per_turn = 1024;
  const std::uint64_t version = gate_.denied.version();
  const std::uint32_t slots = transport_.table().high_water();
  if (version != denials_seen_) {
    denials_seen_ = version;
    denial_slots_left_ = slots;
  } else if (denial_slots_left_ > 0) {
    denial_slots_left_ += slots - denial_slots_end_;  // new ones, so that the round still reaches where it began
  }
  denial_slots_end_ = slots;
  for (std::uint32_t i = 0; i < slots_per_turn && denial_slots_left_ > 0; ++i, --denial_slots_left_) {
    if (denial_slot_ >= slots) denial_slot_ = 0;
    if (is_open_device(denial_slot_)) enforce_denials(transport_.table().at(denial_slot_));
    ++denial_slot_;
  }
  if (denial_slots_left_ == 0) denials_enforced_ = denials_seen_;
}

void DeviceSession::enforce_denials(conn::Connection& connection) {
  const std::int64_t now = ring_.wall_clock_seconds();
  const std::string_view id = record_of(connection).id.view();
  if (gate_.denied.banned_until(id, now)) {
    close(connection, CloseCode::banned, "banned", EndedBy::backend);
    return;
  }
  const LiveCredential* const credential = credentials_.find(transport_.table().slot_of(connection));
  if (credential == nullptr || credential->kind == auth::Kind::none || !enforces_credentials(connection)) return;
  if (gate_.denied.is_revoked({id, credential->token_id, credential->issued_at}, now))
    end_credential(connection, "credential revoked", EndedBy::backend);
}

}  // namespace ringgate::dispatch
