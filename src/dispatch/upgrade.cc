// The opening handshake, from the first byte of a request to the 101. Part of DeviceSession; the rules are in admission/.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "dispatch/client_address.h"
#include "dispatch/connection_access.h"
#include "dispatch/device_session.h"
#include "dispatch/elsewhere.h"
#include "dispatch/upgrade_facts.h"
#include "ws/handshake.h"

namespace ringgate::dispatch {
namespace {

DeviceWords& words_of(DeviceSide& side) {
  if (side.words == nullptr) side.words = std::make_unique<DeviceWords>();
  return *side.words;
}

}  // namespace

void DeviceSession::on_open(conn::Connection& connection) {
  ++connections_count_;
  DeviceRecord& record = connection.construct_session<DeviceRecord>();
  record.received_at = record.message_at = record.ping_at = now_ms();
  transport_.schedule(connection, transport_.now() + settings_.config.limits.handshake_timeout_ns);
}

/// One gatherer serves all heads that arrive whole. If a head does not, its connection takes the gatherer with the bytes so far.
void DeviceSession::read_head(conn::Connection& connection, MutableBytes bytes) {
  DeviceRecord& record = record_of(connection);
  connection.session_mark = 1;
  const bool gathered = record.side != nullptr && record.side->head != nullptr;
  http::HeadGatherer& gatherer = gathered ? *record.side->head : gatherer_;
  if (!gathered) gatherer.reset();

  const http::GatheredHead found = gatherer.read(bytes);
  if (found.status == http::HeadStatus::need_more) {
    if (!gathered) {
      side_of(connection).head = std::make_unique<http::HeadGatherer>(std::move(gatherer_));
      gatherer_ = http::HeadGatherer{settings_.head_rules};
    }
    note_partial_head(connection);
    return;
  }
  const std::unique_ptr<http::HeadGatherer> head = take_partial_head(record);  // keeps `gatherer` alive; null: it is gatherer_
  if (found.status == http::HeadStatus::rejected) refuse(connection, found.rejection, gatherer.view_so_far());
  else judge_head(connection, gatherer.view(), bytes.subspan(found.consumed_bytes));
  if (record.phase == Phase::queued || record.phase == Phase::authenticating) {
    keep_head(connection, std::move(gatherer));
    if (head == nullptr) gatherer_ = http::HeadGatherer{settings_.head_rules};
  }
  drop_side_if_idle(record);
}

void DeviceSession::judge_head(conn::Connection& connection, const http::RequestView& request, MutableBytes rest) {
  // Before the request names another client.
  const auto handshake =
      transport_.has_tls(connection) && !is_trusted_proxy(connection) ? HandshakeCount::done_with_tls : HandshakeCount::due;
  if (const net::ProxyPolicy* const proxies = transport_.proxies_of(connection)) {
    const auto client = client_address(connection.peer, request, *proxies);
    if (!client) return refuse(connection, admission::Rejection::forwarded_conflict, request);
    connection.peer = *client;
  }
  if (asks_for_health(connection, request)) return answer_health(connection, request);
  if (must_queue(request)) return queue_head(connection, request, rest, handshake);
  judge_request(connection, request, rest, handshake);
}

void DeviceSession::judge_request(conn::Connection& connection, const http::RequestView& request, MutableBytes rest,
                                  HandshakeCount handshake) {
  std::array<std::uint8_t, admission::anonymous_id_random_chars> seed{};
  if (!settings_.config.device.required || settings_.lets_in) ring_.random(seed);
  const bool reserved = reserve_connection(connection);
  const admission::GateView view{.routes = settings_.routes,
                                 .allowed_hosts = settings_.config.device.allowed_hosts,
                                 .caller = {.verifiers = settings_.verifiers.get(),
                                            .client_certificate = transport_.client_identity(connection),
                                            .now_seconds = ring_.wall_clock_seconds()},
                                 .denied = &gate_.denied,
                                 .device_id_required = settings_.config.device.required,
                                 .is_draining = gate_.draining.load(std::memory_order_acquire),
                                 .is_at_connection_limit = !reserved,
                                 .source_refusal = judge_source(connection, handshake)};
  const TimeNs began = settings_.verifies ? ring_.now() : 0;
  auto admission = admission::admit(request, view, seed);
  if (settings_.verifies) verifying_spent_ += ring_.now() - began;
  if (!admission) {
    if (admission.error() == admission::Rejection::credential_wrong) {
      const auto failed = gate_.limiter.credential_failed(settings_.limit_rules, connection.peer, transport_.now());
      note_judgement(failed);
      if (!failed.lets_in())
        return refuse(connection, admission::Refusal(admission::Rejection::auth_failures).after(failed.wait), request);
    }
    refuse(connection, admission.error(), request);
    return;
  }
  const bool has_judge = settings_.mounts[admission->route_index].judge != nullptr;
  if (settings_.limits[admission->route_index].is_echo && !has_judge) accept_device(connection, request, *admission);
  else ask_handler(connection, request, *admission, rest);
  if (record_of(connection).phase == Phase::authenticating) return;
  if (!rest.empty() && connection.is_live()) read_open(connection, rest);
}

void DeviceSession::accept_device(conn::Connection& connection, const http::RequestView& request, admission::Admission& admission,
                                  const UpgradeAdditions& additions) {
  const std::string_view id = admission.device_id.view();
  const device::IdKey key = gate_.hash(id);
  if (const auto refusal = admission.is_anonymous ? std::nullopt : judge_flapping(connection, id, key)) {
    refuse(connection, *refusal, request);
    return;
  }
  DeviceRecord& record = record_of(connection);
  std::expected<std::vector<device::ConnectionRef>, admission::Rejection> replaced;
  try {
    prepare_device(connection, request, admission);
    issue_epoch(connection);
    replaced = register_id(connection, key, settings_.config.routes[admission.route_index]);
  } catch (const std::bad_alloc&) {
    forget_device(connection);
    throw;
  }
  if (!replaced) {
    forget_device(connection);
    return refuse(connection, replaced.error(), request);
  }
  // Another shard may have issued a higher one and registered first.
  if (!replaced->empty()) issue_epoch(connection);
  record.phase = Phase::open;
  record.message_at = record.ping_at = now_ms();
  connection.session_flags |= DeviceFlags::in_map;
  try {
    if (elsewhere_ != nullptr)
      elsewhere_->claimed({.device_id = id,
                           .connection = to_public(ref_of(connection)),
                           .epoch = epoch_of(connection),
                           .shares = settings_.config.routes[admission.route_index].duplicate == DuplicatePolicy::allow});
    join_sticky_groups(connection, key);
    for (const device::ConnectionRef older : *replaced) {
      counters_.takeovers.add(1);
      takeover_notice_->notify_replaced(older, key);
    }
    answer_upgrade(connection, request, admission, additions.field_lines);
    if (admission.let_in_for) note_let_in(connection, *admission.let_in_for);
    tell_connected(connection, request, *replaced);
  } catch (const std::bad_alloc&) {  // nobody was told of the device, so nobody is told of its end
    leave_map(connection);
    forget_device(connection);
    record.phase = Phase::closed;
    throw;
  }
  counters_.handshakes_accepted.add(1);
  counters_.accepted_by_route[record.route_index].add(1);
  counters_.handshake_ms.record(transport_.now_ms() - connection.opened_ms);
  counters_.devices_connected.add(1);
  if (additions.user_data != nullptr) record.user_data = additions.user_data->release();
  schedule_next(connection);
  ConnectionAccess access(*this, connection, nullptr);
  call_handler(connection, access, [&](Handler& handler, Connection& facade) { handler.on_open(facade); });
}

/// Keeps what the gate must know of the device. All that needs memory is done before the id has a new owner.
void DeviceSession::prepare_device(conn::Connection& connection, const http::RequestView& request,
                                   admission::Admission& admission) {
  DeviceRecord& record = record_of(connection);
  record.id.set(admission.device_id.view());
  record.route_index = static_cast<std::uint8_t>(admission.route_index);
  SendRates rates = rates_of_route(record.route_index);
  join_groups(connection, admission);
  if (admission.grant) {
    rates.messages = admission.grant->message_rate.value_or(rates.messages);
    rates.bytes = admission.grant->byte_rate.value_or(rates.bytes);
    keep_credential(connection, *admission.grant);
  }
  if (rates.is_limited() || paces_.any()) set_rates(connection, rates);
  note_agreements(connection, request, admission);
}

/// Undoes prepare_device: the connection is no device's.
void DeviceSession::forget_device(conn::Connection& connection) {
  const std::uint32_t slot = transport_.table().slot_of(connection);
  record_of(connection).id.clear();
  record_of(connection).subprotocol_index = 0;
  credentials_.drop(slot);
  paces_.drop(slot);
  groups_.leave_all(slot);
  note_memberships();
}

/// Keeps what Connection tells of the handshake, without memory if the route's settings and the device's id say it too.
void DeviceSession::note_agreements(conn::Connection& connection, const http::RequestView& request,
                                    const admission::Admission& admission) {
  DeviceRecord& record = record_of(connection);
  if (!admission.subprotocol.empty()) {
    const auto& spoken = settings_.routes[record.route_index].subprotocols;
    const auto index = std::ranges::find(spoken, admission.subprotocol) - spoken.begin();
    const bool is_listed = static_cast<std::size_t>(index) < spoken.size() && index + 1 < subprotocol_aside;
    record.subprotocol_index = is_listed ? static_cast<std::uint8_t>(index + 1) & subprotocol_aside : subprotocol_aside;
    if (!is_listed) words_of(side_of(connection)).subprotocol = admission.subprotocol;
  }
  const admission::PathPattern& route = settings_.routes[record.route_index].path;
  if (!route.has_id()) return;
  if (std::string path_id = path_id_of(route, request.path()); !path_id.empty() && path_id != record.id.view())
    words_of(side_of(connection)).path_id = std::move(path_id);
}

void DeviceSession::answer_upgrade(conn::Connection& connection, const http::RequestView& request,
                                   const admission::Admission& admission, std::string_view extra_fields) {
  std::unique_ptr<DeflateState> deflate;
  const auto agreement = compression_.agree(request, settings_.routes[admission.route_index].deflate,
                                            deflate_config(record_of(connection)), deflate);
  if (agreement) connection.session_flags |= DeviceFlags::compresses;
  if (deflate != nullptr) side_of(connection).deflate = std::move(deflate);
  answer_.clear();
  ws::append_switching_protocols(
      answer_,
      {.key = admission.websocket_key, .subprotocol = admission.subprotocol, .deflate = agreement, .extra_fields = extra_fields});
  transport_.write(connection, bytes_of(answer_));
}

/// Counts the connection against the gate's limit before it is admitted, so that there are never more than the limit.
bool DeviceSession::reserve_connection(conn::Connection& connection) {
  const conn::ConnectionTable& table = transport_.table();
  if (table.used_count() + limits::spare_slots_per_shard > table.slots_count()) return false;
  if (gate_.connections.fetch_add(1, std::memory_order_relaxed) >= gate_.connections_max) {
    gate_.connections.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  connection.session_flags |= DeviceFlags::counted;
  return true;
}

void DeviceSession::unreserve_connection(conn::Connection& connection) {
  leave_source(connection);
  if ((connection.session_flags & DeviceFlags::counted) == 0) return;
  connection.session_flags &= static_cast<std::uint8_t>(~DeviceFlags::counted);
  gate_.connections.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace ringgate::dispatch
