// Refused handshakes: the answer, the counter of the reason, and the log line. Also the answer to health checks. Part of
// DeviceSession; the rules are in admission/.
#include <vector>

#include "base/log.h"
#include "dispatch/device_session.h"
#include "dispatch/upgrade_answer.h"
#include "http/body.h"
#include "http/response.h"
#include "ws/handshake.h"

namespace ringgate::dispatch {

namespace {

/// A part of a request's target as the log may show it: up to where a query seems to begin, which may hold a secret, even in a target
/// that is no path, or whose question mark is escaped or repeated.
std::string_view without_query(std::string_view text) {
  for (const std::string_view mark : {"?", "%3f", "%3F", "&", "access_token", "signature"})
    text = text.substr(0, text.find(mark));
  return text;
}

}  // namespace

static_assert(admission::Refusal::count <= limits::refusals_max);

/// `request`: the part of it that was read.
void DeviceSession::refuse(conn::Connection& connection, admission::Refusal refusal, const http::RequestView& request) {
  refuse(connection, refusal, refusal.facts(), request);
}

/// `facts`: of the refusal, or those that a handler chose.
void DeviceSession::refuse(conn::Connection& connection, admission::Refusal refusal, http::RejectionFacts facts,
                           const http::RequestView& request) {
  unreserve_connection(connection);
  note_refusal(connection, refusal, facts, request);
  std::string answer;
  if (refusal == http::Rejection::method_not_allowed && is_health_path(connection, request))
    facts.extra_fields = http::rejection_fields::allow_get_and_head;
  const std::string fields =
      with_demanded_fields(facts.status, facts.extra_fields, facts.status == 401 ? challenges_for(request) : std::string_view{});
  facts.extra_fields = fields;
  std::string retry_after;
  if (const std::uint16_t seconds = refusal.retry_after_seconds(); seconds != 0) {
    retry_after = "Retry-After: " + std::to_string(seconds) + "\r\n";
    facts.extra_fields = retry_after;
  }
  http::append_rejection(answer, facts, request.method(), date_.at(ring_.wall_clock_seconds()));
  record_of(connection).phase = Phase::closed;
  transport_.write(connection, bytes_of(answer));
  transport_.flush_and_close(connection);
}

/// RFC 9110 section 11.6.1: a 401 names the schemes that the path takes.
std::string_view DeviceSession::challenges_for(const http::RequestView& request) const {
  const auto route = admission::find_route(settings_.routes, request.path());
  return route ? settings_.routes[route->index].challenges : std::string_view{};
}

/// A route that does not enforce credentials lets the device in; the operator learns whom it would have refused.
void DeviceSession::note_let_in(conn::Connection& connection, admission::Refusal refusal) {
  counters_.handshakes_let_in_by[refusal.index()].add(1);
  if (!log::enabled(log::Level::info)) return;
  const auto left_out = gate_.let_in_logs[refusal.index()].admit(transport_.now());
  if (!left_out) return;
  const DeviceView device = view_of(connection);
  std::vector<log::Field> fields{{"device_id", device.device_id},
                                 {"remote", device.peer.text()},
                                 {"path", device.path},
                                 {"status", refusal.facts().status},
                                 {"reason", refusal.facts().reason}};
  if (!refusal.cause().empty()) fields.emplace_back("cause", refusal.cause());
  if (*left_out > 0) fields.emplace_back("suppressed", *left_out);
  log::write(log::Level::info, "handshake let in without a good credential", fields);
}

/// Refuses a request whose head is still arriving.
void DeviceSession::refuse(conn::Connection& connection, admission::Refusal refusal) {
  refuse(connection, refusal, partial_request(connection));
}

http::RequestView DeviceSession::partial_request(conn::Connection& connection) {
  static const http::RequestHead nothing;
  const DeviceSide* side = record_of(connection).side;
  if (side == nullptr || side->head == nullptr) return {nothing, {}};
  return side->head->view_so_far();
}

void DeviceSession::note_refusal(const conn::Connection& connection, admission::Refusal refusal,
                                 const http::RejectionFacts& facts, const http::RequestView& request) {
  counters_.handshakes_refused.add(1);
  counters_.handshakes_refused_by[refusal.index()].add(1);
  if (!log::enabled(log::Level::info)) return;
  const auto left_out = gate_.refusal_logs[refusal.index()].admit(transport_.now());
  if (!left_out) return;
  const std::string remote = connection.peer.text();
  std::vector<log::Field> fields{{"remote", remote}, {"status", facts.status}, {"reason", facts.reason}};
  const auto add = [&fields](std::string_view key, std::string_view value) {
    if (!value.empty()) fields.emplace_back(key, value);
  };
  add("cause", refusal.cause());
  if (!request.target().empty()) add("path", without_query(request.path()));
  add("host", request.field("Host").value_or(""));
  add("origin", request.field("Origin").value_or(""));
  add("device_id", without_query(admission::claimed_device_id(request, settings_.routes)));
  if (*left_out > 0) fields.emplace_back("suppressed", *left_out);
  log::write(log::Level::info, "handshake refused", fields);
}

bool DeviceSession::is_health_path(const conn::Connection& connection, const http::RequestView& request) const {
  const auto& listeners = settings_.config.listeners;
  if (connection.listener_index >= listeners.size()) return false;
  return request.path().starts_with('/') &&
         request.path() == listeners[connection.listener_index].health_path;  // which may be "off"
}

/// Whether a load balancer asks for the gate's health. A GET for a WebSocket is never such a check, whatever its path. An
/// Upgrade field counts only with its connection option, and not in HTTP/1.0 (RFC 9110 section 7.8). A HEAD asks for no WebSocket.
bool DeviceSession::asks_for_health(const conn::Connection& connection, const http::RequestView& request) const {
  if (!is_health_path(connection, request)) return false;
  if (request.method() == http::Method::head) return true;
  const bool upgrades = !request.is_http10() && request.list_has_token("Connection", "upgrade") && ws::asks_for_upgrade(request);
  return request.method() == http::Method::get && !upgrades;
}

void DeviceSession::answer_health(conn::Connection& connection, const http::RequestView& request) {
  if (const auto framing = http::body_framing(request); !framing) return refuse(connection, framing.error(), request);
  if (const auto expectation = http::expects_continue(request); !expectation)
    return refuse(connection, expectation.error(), request);
  counters_.health_answers.add(1);
  const bool ready = gate_.is_ready();
  std::string answer;
  http::append_response(answer, {.status = static_cast<std::uint16_t>(ready ? 200 : 503),
                                 .content_type = "text/plain; charset=utf-8",
                                 .body = ready ? "ok" : "not ready",
                                 .persistence = http::Persistence::close,
                                 .request_method = request.method(),
                                 .date = date_.at(ring_.wall_clock_seconds())});
  record_of(connection).phase = Phase::closed;
  transport_.write(connection, bytes_of(answer));
  transport_.flush_and_close(connection);
}

}  // namespace ringgate::dispatch
