// Why the admin API refuses a well-formed request: one enumerator per reason, and one row each with the answer.
//
// Malformed HTTP is not refused here: see http::Rejection. Constant; any thread. Invariant: `refusal_facts` has one row per
// enumerator, in their order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/response.h"
#include "ws/rejection.h"

namespace ringgate::admin {

enum class Refusal : std::uint8_t {
  connection_limit,
  host_not_allowed,
  origin_forbidden,
  forwarded_conflict,
  authorization_repeated,
  token_missing,
  token_invalid,
  attempts_limit,
  scope,
  not_covered,
  upgrade_unserved,
  method_unknown,
  path_unknown,
  method_not_allowed,
  content_encoding,
  content_type,
  invalid_utf8,
  bad_id,
  bad_group,
  bad_filter,
  bad_list,
  list_too_long,
  bad_request_timeout,
  no_correlation,
  no_correlation_id,
  correlation_id_in_use,
  requests_limit,
  reply_lost,
  reply_timeout,
  bad_line,
  bad_base64,
  line_too_long,
  batch_empty,
  batch_too_long,
  bad_code,
  bad_reason,
  bad_limit,
  bad_cursor,
  bad_parameters,
  bad_event_filter,
  bad_push_parameter,
  bad_ttl,
  bad_coalesce_key,
  bad_idempotency_key,
  bad_if_match,
  bad_wait,
  bad_timeout,
  option_unserved,
  bad_event_id,
  not_acceptable,
  upgrade_required,
  websocket_version,
  bad_websocket_key,
  subprotocol_missing,
  content_type_json,
  content_type_lines,
  not_banned,
  not_revoked,
  deny_list_full,
  groups_full,
  unknown_device,
  closing,
  other_connection,
  id_conflict,
  receipt_unsupported,
  expired,
  coalesced,
  dropped,
  wait_timeout,
  connection_ended,
  partly_done,
  too_large,
  backpressure,
  not_ready,
  unavailable,
  engine_unavailable,
  readers_limit,
  stopping,
  reload_busy,
  unknown_outcome,
};

inline constexpr std::size_t refusals_count = static_cast<std::size_t>(Refusal::unknown_outcome) + 1;

/// The answer to a refused request. All text is static and needs no JSON escaping.
struct RefusalFacts {
  Refusal refusal;
  std::uint16_t status;
  http::Persistence persistence;  // close: bytes after this request are ignored
  std::string_view reason;        // stable, for programs
  std::string_view detail;        // for people
  std::string_view extra_fields;  // whole field lines
};

// clang-format off
inline constexpr std::array<RefusalFacts, refusals_count> refusal_facts{{
    {Refusal::connection_limit, 503, http::Persistence::close, "connection_limit", "All admin connections of this server are in use.", "Retry-After: 1\r\n"},
    {Refusal::host_not_allowed, 421, http::Persistence::close, "host_not_allowed", "The Host is not a loopback name, not an IP address and not listed in admin.allowed_hosts.", ""},
    {Refusal::origin_forbidden, 403, http::Persistence::close, "origin_forbidden", "Requests made by web pages are not served here.", ""},
    {Refusal::forwarded_conflict, 400, http::Persistence::close, "forwarded_conflict", "X-Forwarded-For and Forwarded name different clients.", ""},
    {Refusal::authorization_repeated, 400, http::Persistence::close, "authorization_repeated", "Send one Authorization field.", "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"invalid_request\"\r\n"},
    {Refusal::token_missing, 401, http::Persistence::keep_alive, "token_missing", "Send a token of this server as Authorization: Bearer TOKEN.", "WWW-Authenticate: Bearer realm=\"ringgate\"\r\n"},
    {Refusal::token_invalid, 401, http::Persistence::keep_alive, "token_invalid", "The token is not known or has expired.", "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"invalid_token\"\r\n"},
    {Refusal::attempts_limit, 429, http::Persistence::close, "attempts_limit", "Too many wrong tokens have come from this address: try again later.", "Retry-After: 6\r\n"},
    {Refusal::scope, 403, http::Persistence::keep_alive, "scope", "The scopes of the token do not allow this request.", ""},  // WWW-Authenticate: with the scope
    {Refusal::not_covered, 403, http::Persistence::keep_alive, "not_covered", "The token is restricted to some devices, and this request concerns others.", ""},
    {Refusal::upgrade_unserved, 404, http::Persistence::close, "upgrade_unserved", "This listener serves HTTP only: devices connect to another listener.", ""},
    {Refusal::method_unknown, 501, http::Persistence::keep_alive, "method_unknown", "The method is not known.", ""},
    {Refusal::path_unknown, 404, http::Persistence::keep_alive, "path_unknown", "Nothing is served at this path.", ""},
    {Refusal::method_not_allowed, 405, http::Persistence::keep_alive, "method_not_allowed", "The method is not allowed here.", ""},  // Allow: the route's
    {Refusal::content_encoding, 415, http::Persistence::keep_alive, "content_encoding", "Send the body without a Content-Encoding.", "Accept-Encoding: identity\r\n"},
    {Refusal::content_type, 415, http::Persistence::keep_alive, "content_type", "Send a text message as text/plain, application/json or application/*+json in UTF-8, a binary one as application/octet-stream.", "Accept: text/*, application/json, application/octet-stream\r\n"},
    {Refusal::invalid_utf8, 400, http::Persistence::close, "invalid_utf8", "A text message must be valid UTF-8.", ""},
    {Refusal::bad_id, 400, http::Persistence::keep_alive, "bad_id", "The device id is not 1 to 128 characters of those that the routes of this server allow, or is . or ..", ""},
    {Refusal::bad_group, 400, http::Persistence::keep_alive, "bad_group", "The name of a group is 1 to 128 letters, digits and . _ ~ : @ -, and neither . nor ..", ""},
    {Refusal::bad_filter, 400, http::Persistence::keep_alive, "bad_filter", "Name devices by prefix, group and route: each at most once, not empty and well-formed, with no parameter that is not known.", ""},
    {Refusal::bad_list, 400, http::Persistence::keep_alive, "bad_list", "Send a JSON array of one or more device ids.", ""},
    {Refusal::list_too_long, 413, http::Persistence::keep_alive, "list_too_long", "Ask for at most 1000 devices at once.", ""},
    {Refusal::bad_request_timeout, 400, http::Persistence::keep_alive, "bad_timeout", "The parameter timeout must be one duration from 1ms to 60s, with a unit.", ""},
    {Refusal::no_correlation, 409, http::Persistence::keep_alive, "no_correlation", "The route of this device has no setting correlation, so nothing tells which of its messages is the reply.", ""},
    {Refusal::no_correlation_id, 400, http::Persistence::keep_alive, "no_correlation_id", "The message has no string and no whole number where route.correlation points to.", ""},
    {Refusal::correlation_id_in_use, 409, http::Persistence::keep_alive, "correlation_id_in_use", "Another request with this id waits for a reply of the device.", ""},
    {Refusal::requests_limit, 429, http::Persistence::keep_alive, "requests_limit", "Too many requests wait for replies of this device, or of all.", "Retry-After: 1\r\n"},
    {Refusal::reply_lost, 502, http::Persistence::keep_alive, "reply_lost", "The message was sent, but the connection of the device ended before it replied.", ""},
    {Refusal::reply_timeout, 504, http::Persistence::keep_alive, "reply_timeout", "The message was sent, but the device has not replied in time.", ""},
    {Refusal::bad_line, 400, http::Persistence::keep_alive, "bad_line", "A line is one flat JSON object with device and either text or base64, and perhaps type and id, each once.", ""},
    {Refusal::bad_base64, 400, http::Persistence::keep_alive, "bad_base64", "The member base64 is not base64 with its padding.", ""},
    {Refusal::line_too_long, 413, http::Persistence::keep_alive, "line_too_long", "The line is longer than a message that this server takes needs.", ""},
    {Refusal::batch_empty, 400, http::Persistence::keep_alive, "batch_empty", "The batch has no line.", ""},
    {Refusal::batch_too_long, 413, http::Persistence::keep_alive, "batch_too_long", "A batch has at most 1000000 lines.", ""},
    {Refusal::bad_code, 400, http::Persistence::keep_alive, "bad_code", "The parameter code must be one number from 4000 to 4099.", ""},
    {Refusal::bad_reason, 400, http::Persistence::keep_alive, "bad_reason", "The parameter reason must be UTF-8 of at most 123 bytes, given once.", ""},
    {Refusal::bad_limit, 400, http::Persistence::keep_alive, "bad_limit", "The parameter limit must be one number from 1 to 1000.", ""},
    {Refusal::bad_cursor, 400, http::Persistence::keep_alive, "bad_cursor", "The parameter cursor must be a next_cursor of an earlier answer.", ""},
    {Refusal::bad_parameters, 400, http::Persistence::keep_alive, "bad_parameters", "A parameter is missing, not known, given twice or not valid. Times are like 90s, 10m, 24h or 30d (bans and revocations: 30d at most), moments like 2027-01-31T12:00:00Z. Parameters stand in the query, or in a body that is a flat JSON object.", ""},
    {Refusal::bad_event_filter, 400, http::Persistence::keep_alive, "bad_parameters", "A reader of events takes the parameters type, device, group, prefix and route, each as often as needed: a type that docs/events.md names, the path of a route of this server.", ""},
    {Refusal::bad_push_parameter, 400, http::Persistence::keep_alive, "bad_parameters", "A push takes the parameters wait and timeout; all else that it takes are header fields, such as Ringgate-Ttl.", ""},
    {Refusal::bad_ttl, 400, http::Persistence::keep_alive, "bad_ttl", "Ringgate-Ttl must be a whole number of seconds from 0 to 9223372036854775807, given once.", ""},
    {Refusal::bad_coalesce_key, 400, http::Persistence::keep_alive, "bad_coalesce_key", "Ringgate-Coalesce-Key must be 1 to 255 printable ASCII characters without spaces, given once.", ""},
    {Refusal::bad_idempotency_key, 400, http::Persistence::keep_alive, "bad_idempotency_key", "Idempotency-Key must be 1 to 255 printable ASCII characters, plain without spaces and quotes, or as one quoted string, given once.", ""},
    {Refusal::bad_if_match, 400, http::Persistence::keep_alive, "bad_if_match", "If-Match must be connections in quotes, each as a member conn shows it, with commas between them; or an asterisk alone.", ""},
    {Refusal::bad_wait, 400, http::Persistence::keep_alive, "bad_wait", "The parameter wait must be queued, sent, acked or ponged.", ""},
    {Refusal::bad_timeout, 400, http::Persistence::keep_alive, "bad_timeout", "The parameter timeout must be a duration from 1ms to 300s, such as 500ms or 5s.", ""},
    {Refusal::option_unserved, 400, http::Persistence::keep_alive, "option_unserved", "If-Match, Idempotency-Key, Ringgate-Ttl and Ringgate-Coalesce-Key are served with a message to one device only, and this is another request: nothing was done.", ""},
    {Refusal::bad_event_id, 400, http::Persistence::keep_alive, "bad_event_id", "The field Last-Event-ID must be the id of an event of this stream.", ""},
    {Refusal::not_acceptable, 406, http::Persistence::keep_alive, "not_acceptable", "This resource is text/event-stream or application/x-ndjson: name one of them in Accept.", ""},
    {Refusal::upgrade_required, 426, http::Persistence::close, "upgrade_required", "This resource is a WebSocket.", ws::rejection_fields::upgrade},
    {Refusal::websocket_version, 426, http::Persistence::close, "websocket_version", "Version 13 of the WebSocket protocol is served here.", ws::rejection_fields::upgrade_and_version},
    {Refusal::bad_websocket_key, 400, http::Persistence::close, "bad_websocket_key", "Sec-WebSocket-Key must be base64 of 16 bytes, given once.", ""},
    {Refusal::subprotocol_missing, 400, http::Persistence::close, "subprotocol_missing", "Offer the subprotocol ringgate.v1.", ""},
    {Refusal::content_type_json, 415, http::Persistence::keep_alive, "content_type", "Send the body as application/json.", "Accept: application/json\r\n"},
    {Refusal::content_type_lines, 415, http::Persistence::keep_alive, "content_type", "Send lines of JSON as application/x-ndjson.", "Accept: application/x-ndjson\r\n"},
    {Refusal::not_banned, 404, http::Persistence::keep_alive, "not_banned", "This device is not banned.", ""},
    {Refusal::not_revoked, 404, http::Persistence::keep_alive, "not_revoked", "Nothing is revoked for this device and token.", ""},
    {Refusal::deny_list_full, 503, http::Persistence::keep_alive, "deny_list_full", "The list of bans or of revocations is full: entries that end make room.", "Retry-After: 60\r\n"},
    {Refusal::groups_full, 503, http::Persistence::keep_alive, "groups_full", "The device is in as many groups as it may be, or this server holds as many groups or lasting memberships as it may.", "Retry-After: 60\r\n"},
    {Refusal::unknown_device, 404, http::Persistence::keep_alive, "unknown_device", "No device with this id is connected.", ""},
    {Refusal::closing, 409, http::Persistence::keep_alive, "closing", "The connection of this device is being closed or replaced: the device may be online again at once.", "Retry-After: 1\r\n"},
    {Refusal::other_connection, 412, http::Persistence::keep_alive, "other_connection", "None of the connections that If-Match names is one of this device.", ""},
    {Refusal::id_conflict, 422, http::Persistence::keep_alive, "idempotency_key_reused", "Another message was sent to this device with the same Idempotency-Key.", ""},
    {Refusal::receipt_unsupported, 501, http::Persistence::keep_alive, "receipt_unsupported", "This connection cannot tell when its peer has acknowledged what was sent: that needs Linux 6.7 and TCP.", ""},
    {Refusal::expired, 504, http::Persistence::keep_alive, "expired", "The message was withdrawn: it waited in this server for longer than its Ringgate-Ttl.", ""},
    {Refusal::coalesced, 409, http::Persistence::keep_alive, "coalesced", "The message was withdrawn: a newer one with the same coalesce key took its place.", ""},
    {Refusal::dropped, 429, http::Persistence::keep_alive, "dropped", "The message was withdrawn: the device reads too slowly, and newer messages went before.", "Retry-After: 1\r\n"},
    {Refusal::wait_timeout, 504, http::Persistence::keep_alive, "wait_timeout", "The message was taken, but has not come as far as wait says in time: the member reached tells how far.", ""},
    {Refusal::connection_ended, 409, http::Persistence::keep_alive, "connection_ended", "The message was taken, but its connection ended before it came as far as wait says: the member reached tells how far.", "Retry-After: 1\r\n"},
    {Refusal::partly_done, 503, http::Persistence::keep_alive, "partly_done", "It was done for some connections of this device, but others were not reached: repeat the request.", "Retry-After: 1\r\n"},
    {Refusal::too_large, 413, http::Persistence::keep_alive, "too_large", "The message is larger than this server allows.", ""},
    {Refusal::backpressure, 429, http::Persistence::keep_alive, "backpressure", "The device reads too slowly, or a queue inside this server is full: try again later.", "Retry-After: 1\r\n"},
    {Refusal::not_ready, 503, http::Persistence::keep_alive, "not_ready", "This server is starting or about to stop: send devices to another one.", "Retry-After: 1\r\n"},
    {Refusal::unavailable, 503, http::Persistence::keep_alive, "unavailable", "This request cannot be answered now: try again later.", "Retry-After: 1\r\n"},
    {Refusal::engine_unavailable, 503, http::Persistence::keep_alive, "engine_unavailable", "The device is not on this gate, and other gates cannot be asked now: try again later.", "Retry-After: 1\r\n"},
    {Refusal::readers_limit, 503, http::Persistence::keep_alive, "readers_limit", "All places for readers of the event stream are taken (events.readers).", "Retry-After: 5\r\n"},
    {Refusal::stopping, 503, http::Persistence::keep_alive, "stopping", "This server is about to stop.", "Retry-After: 1\r\n"},
    {Refusal::reload_busy, 409, http::Persistence::keep_alive, "reload_busy", "Other reloads wait already: try again later.", "Retry-After: 1\r\n"},
    {Refusal::unknown_outcome, 504, http::Persistence::keep_alive, "unknown_outcome", "A part of this server did not answer in time: it may still carry out the request.", ""},
}};
// clang-format on

static_assert(
    [] {
      for (std::size_t i = 0; i < refusals_count; ++i)
        if (static_cast<std::size_t>(refusal_facts[i].refusal) != i) return false;
      return true;
    }(),
    "one row per enumerator, in their order");

constexpr const RefusalFacts& facts_of(Refusal refusal) { return refusal_facts[static_cast<std::size_t>(refusal)]; }

}  // namespace ringgate::admin
