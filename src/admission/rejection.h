// The gate's own rules that refuse a device: one enumerator per broken rule, and one row each with the answer. Rules of HTTP are
// in http/rejection.h, those of the opening handshake in ws/rejection.h. Constant; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/rejection_facts.h"

namespace ringgate::admission {

enum class Rejection : std::uint8_t {
  // Limits on sources and ids (limit/)
  accept_rate,
  source_rate,
  source_limit,
  auth_failures,
  flapping,
  source_flapping,
  // Checks of the request
  origin_repeated,
  origin_forbidden,
  draining,
  connection_limit,
  heads_limit,
  device_id_missing,
  device_id_malformed,
  device_id_conflict,
  refused_by_handler,
  handler_failed,
  authentication_timeout,
  authenticating_limit,
  device_id_reserved,
  forwarded_conflict,
  credential_repeated,
  credential_missing,
  credential_wrong,
  credential_expired,
  credential_revoked,
  device_not_covered,
  banned,
  device_online,
  device_connections,
};

inline constexpr std::size_t rejections_count = static_cast<std::size_t>(Rejection::device_connections) + 1;

// clang-format off
inline constexpr std::array<http::RejectionRow<Rejection>, rejections_count> rejection_rows{{
    {Rejection::accept_rate, {503, "accept_rate", "Too many devices connect at this moment.", http::rejection_fields::retry_after}},
    {Rejection::source_rate, {429, "handshake_rate", "Too many connection attempts from this address.", http::rejection_fields::retry_after}},
    {Rejection::source_limit, {429, "source_limit", "This address has as many connections as it may have.", http::rejection_fields::retry_after}},
    {Rejection::auth_failures, {429, "auth_failures", "Too many wrong credentials from this address.", http::rejection_fields::retry_after}},
    {Rejection::flapping, {429, "flapping", "This device has connected too often: it must wait.", http::rejection_fields::retry_after}},
    {Rejection::source_flapping, {429, "source_flapping", "Devices at this address have connected too often: they must wait.", http::rejection_fields::retry_after}},
    {Rejection::origin_repeated, {400, "origin_repeated", "The Origin field is given more than once.", http::rejection_fields::none}},
    {Rejection::origin_forbidden, {403, "origin_forbidden", "This origin may not connect.", http::rejection_fields::none}},
    {Rejection::draining, {503, "draining", "This server is about to stop: connect again shortly.", http::rejection_fields::retry_after}},
    {Rejection::connection_limit, {503, "connection_limit", "All connections of this server are in use.", http::rejection_fields::retry_after}},
    {Rejection::heads_limit, {503, "heads_limit", "This server has too many unfinished requests.", http::rejection_fields::retry_after}},
    {Rejection::device_id_missing, {400, "device_id_missing", "The request names no device.", http::rejection_fields::none}},
    {Rejection::device_id_malformed, {400, "bad_id", "The device id is not 1 to 128 characters of those that this path allows, or is . or ..", http::rejection_fields::none}},
    {Rejection::device_id_conflict, {400, "device_id_conflict", "The request names two different devices.", http::rejection_fields::none}},
    {Rejection::refused_by_handler, {403, "refused_by_handler", "This device may not connect.", http::rejection_fields::none}},
    {Rejection::handler_failed, {500, "handler_failed", "The server could not decide about this device.", http::rejection_fields::none}},
    {Rejection::authentication_timeout, {504, "authentication_timeout", "Nobody decided about this device in time.", http::rejection_fields::none}},
    {Rejection::authenticating_limit, {503, "authenticating_limit", "Too many devices wait for a decision.", http::rejection_fields::retry_after}},
    {Rejection::device_id_reserved, {400, "device_id_reserved", "Only the server gives ids that begin with anon-.", http::rejection_fields::none}},
    {Rejection::forwarded_conflict, {400, "forwarded_conflict", "X-Forwarded-For and Forwarded name different clients.", http::rejection_fields::none}},
    {Rejection::credential_repeated, {400, "credential_repeated", "The request has more than one credential of one sort.", http::rejection_fields::none}},
    // The fields of a 401 name the schemes of its route: see RouteView::challenges.
    {Rejection::credential_missing, {401, "credential_missing", "The request has no credential, and this path asks for one.", http::rejection_fields::none}},
    {Rejection::credential_wrong, {401, "credential_wrong", "The credential is not valid here.", http::rejection_fields::none}},
    {Rejection::credential_expired, {401, "credential_expired", "The credential has expired.", http::rejection_fields::none}},
    {Rejection::credential_revoked, {401, "credential_revoked", "The credential was revoked.", http::rejection_fields::none}},
    {Rejection::device_not_covered, {403, "device_not_covered", "The credential is good, but not for this device.", http::rejection_fields::none}},
    {Rejection::banned, {403, "banned", "This device is banned for some time.", http::rejection_fields::none}},
    {Rejection::device_online, {409, "device_online", "A device with this id is connected, and this path keeps the older connection.", http::rejection_fields::retry_after}},
    {Rejection::device_connections, {409, "device_connections", "This device has as many connections as this path allows at once.", http::rejection_fields::retry_after}},
}};
// clang-format on

static_assert(http::rows_are_in_order(rejection_rows));

constexpr const http::RejectionFacts& facts_of(Rejection rejection) {
  return rejection_rows[static_cast<std::size_t>(rejection)].facts;
}

}  // namespace ringgate::admission
