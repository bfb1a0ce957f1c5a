// Asks the handler of a route, or its connect hook, whether a device may connect, at once or later. Part of DeviceSession. upgrade_answer.h judges what
// the handler says.
//
// While a decision is awaited, the connection is in Phase::authenticating: its head is kept, what follows it is held, and it is
// not received from. It does not count as a connection, but it has a ceiling and a deadline of its own.
// Invariant: each connection that enters this phase leaves it once: by a decision, its deadline, the drain, or its end.
#include <utility>

#include "base/log.h"
#include "dispatch/connection_access.h"
#include "dispatch/device_session.h"
#include "dispatch/upgrade_answer.h"
#include "dispatch/upgrade_facts.h"

namespace ringgate::dispatch {

/// `rest`: what followed the head.
void DeviceSession::ask_handler(conn::Connection& connection, const http::RequestView& request, admission::Admission& admission,
                                MutableBytes rest) {
  const DeviceSettings::Mount& mount = settings_.mounts[admission.route_index];
  const UpgradeFacts facts{request, admission, mount.path, connection, to_public(ref_of(connection)), transport_};
  const auto failed = [&](std::string_view what) {
    log::error("handler threw", {{"device_id", admission.device_id.view()}, {"what", what}});
    refuse(connection, admission::Rejection::handler_failed, request);
  };
  UpgradeVerdict verdict;
  try {
    verdict =
        mount.judge != nullptr ? mount.judge->judge(UpgradeRequest(facts)) : mount.handler->on_upgrade(UpgradeRequest(facts));
  } catch (const std::exception& exception) {
    return failed(exception.what());
  } catch (...) {
    return failed("not a std::exception");
  }
  if (std::holds_alternative<UpgradeLater>(verdict)) return await_decision(connection, request, admission, rest);
  if (const auto* refusal = std::get_if<UpgradeRefusal>(&verdict))
    return refuse_as_told(connection, request, admission, *refusal);
  accept_as_told(connection, request, admission, std::get<UpgradeAccept>(verdict));
}

void DeviceSession::refuse_as_told(conn::Connection& connection, const http::RequestView& request,
                                   const admission::Admission& admission, const UpgradeRefusal& refusal) {
  const RefusalAnswer answer(refusal);
  if (const auto facts = answer.facts()) refuse(connection, admission::Rejection::refused_by_handler, *facts, request);
  else refuse_unusable(connection, request, admission, facts.error());
}

void DeviceSession::accept_as_told(conn::Connection& connection, const http::RequestView& request,
                                   admission::Admission& admission, UpgradeAccept& told) {
  if (told.device_id) {
    if (const auto checked = check_device_id(*told.device_id, settings_.routes[admission.route_index].id_characters); !checked)
      return refuse_unusable(connection, request, admission, checked.error());
    admission.device_id = admission::DeviceIdText(*told.device_id);
    admission.is_anonymous = false;
  }
  if (told.subprotocol) {
    const auto offered = offered_subprotocol(request, *told.subprotocol);
    if (!offered) return refuse_unusable(connection, request, admission, offered.error());
    admission.subprotocol = *offered;
  }
  if (const auto applied = apply_terms(told, admission); !applied)
    return refuse_unusable(connection, request, admission, applied.error());
  if (const auto denial = denial_of(admission)) return refuse(connection, *denial, request);
  const auto fields = field_lines(told.fields);
  if (!fields) return refuse_unusable(connection, request, admission, fields.error());
  accept_device(connection, request, admission, {.field_lines = *fields, .user_data = &told.user_data});
}

/// The bans and revocations of now, for the id that the handler chose. admission/ has judged those of the request.
std::optional<admission::Refusal> DeviceSession::denial_of(const admission::Admission& admission) const {
  const std::int64_t now = ring_.wall_clock_seconds();
  const std::string_view id = admission.device_id.view();
  if (gate_.denied.banned_until(id, now)) return admission::Rejection::banned;
  const bool is_revoked = settings_.routes[admission.route_index].enforces_credentials && admission.grant &&
                          admission.grant->kind != auth::Kind::none &&
                          gate_.denied.is_revoked({id, admission.grant->token_id, admission.grant->issued_at}, now);
  return is_revoked ? std::optional<admission::Refusal>{admission::Rejection::credential_revoked} : std::nullopt;
}

void DeviceSession::refuse_unusable(conn::Connection& connection, const http::RequestView& request,
                                    const admission::Admission& admission, std::string_view fault) {
  const std::string_view id = admission.device_id.view();
  if (const auto* judge = settings_.mounts[admission.route_index].judge; judge != nullptr)
    log::error("the verdict of a connect hook cannot be used",
               {{"webhook", judge->webhook()}, {"device_id", id}, {"because", fault}, {"remote", connection.peer.text()}});
  else
    log::error("the verdict of a handler cannot be used",
               {{"device_id", id}, {"because", fault}, {"remote", connection.peer.text()}});
  refuse(connection, admission::Rejection::handler_failed, request);
}

// -- Later

void DeviceSession::await_decision(conn::Connection& connection, const http::RequestView& request,
                                   admission::Admission& admission, MutableBytes rest) {
  unreserve_connection(connection);
  DeviceSide& side = side_of(connection);
  auto awaiting = std::make_unique<admission::Admission>(std::move(admission));
  if (gate_.authenticating.fetch_add(1, std::memory_order_relaxed) >= settings_.config.limits.authenticating_max) {
    gate_.authenticating.fetch_sub(1, std::memory_order_relaxed);
    return refuse(connection, admission::Rejection::authenticating_limit, request);
  }
  counters_.handshakes_waiting.add(1);
  side.awaiting = std::move(awaiting);
  record_of(connection).phase = Phase::authenticating;
  transport_.pause(connection);
  transport_.schedule(connection, transport_.now() + settings_.config.limits.authentication_timeout_ns);
  hold_undecided(connection, rest);
}

/// Called when the head of a connection that is queued or awaits a decision is no longer needed where it was received.
void DeviceSession::keep_head(conn::Connection& connection, http::HeadGatherer&& gatherer) {
  DeviceSide& side = side_of(connection);
  side.head = std::make_unique<http::HeadGatherer>(std::move(gatherer));
  side.head->keep();
  if (side.awaiting != nullptr) side.awaiting->websocket_key = *side.head->view().field("Sec-WebSocket-Key");
  side.head_counted_bytes = side.head->memory_bytes();
  heads_budget_.add(side.head_counted_bytes);
  give_up_oldest_heads();
  if (heads_budget_.is_over()) refuse_undecided(connection, admission::Rejection::heads_limit);
}

void DeviceSession::hold_undecided(conn::Connection& connection, MutableBytes bytes) {
  DeviceSide& side = side_of(connection);
  if (side.has_left || bytes.empty()) return;
  side.held.append(bytes);
  count_held(side);
  if (!held_budget_.is_over()) return;
  drop_held(side);
  counters_.held_given_up.add(1);
  refuse_undecided(connection, admission::Rejection::heads_limit);
}

/// Ends the phase; null if the connection is in another one. The head stays.
std::unique_ptr<admission::Admission> DeviceSession::take_awaiting(DeviceRecord& record) {
  if (record.side == nullptr || record.side->awaiting == nullptr) return nullptr;
  gate_.authenticating.fetch_sub(1, std::memory_order_relaxed);
  counters_.handshakes_waiting.subtract(1);
  return std::move(record.side->awaiting);
}

void DeviceSession::refuse_undecided(conn::Connection& connection, admission::Refusal refusal) {
  DeviceRecord& record = record_of(connection);
  take_awaiting(record);
  refuse(connection, refusal);
  take_partial_head(record);
  drop_held(side_of(connection));
}

DecideOutcome DeviceSession::decide(conn::Connection& connection, UpgradeDecision& decision) {
  DeviceRecord& record = record_of(connection);
  if (record.phase != Phase::authenticating || !connection.is_live()) return DecideOutcome::gone;
  if (record.side->has_left) return DecideOutcome::gone;  // its FIN is about to be received, and what it sent is dropped
  const std::unique_ptr<admission::Admission> admission = take_awaiting(record);
  const std::unique_ptr<http::HeadGatherer> head = take_partial_head(record);
  const http::RequestView request = head->view();
  record.phase = Phase::upgrading;
  conn::Connection* const reading_before = std::exchange(reading_, &connection);  // on_open comes before what is held
  step_handshake(connection, [&] {
    if (const auto* refusal = std::get_if<UpgradeRefusal>(&decision)) refuse_as_told(connection, request, *admission, *refusal);
    else if (gate_.draining.load(std::memory_order_acquire)) refuse(connection, admission::Rejection::draining, request);
    else if (!reserve_connection(connection)) refuse(connection, admission::Rejection::connection_limit, request);
    else accept_as_told(connection, request, *admission, std::get<UpgradeAccept>(decision));
  });
  reading_ = reading_before;
  if (record.id.view().empty()) {
    drop_held(*record.side);
    return DecideOutcome::refused;
  }
  go_on_reading(connection, 0);
  drop_side_if_idle(record);
  return DecideOutcome::opened;
}

}  // namespace ringgate::dispatch
