#include "admin/metrics.h"

#include <prometheus/text_serializer.h>

#include <array>
#include <ctime>
#include <sstream>
#include <string_view>
#include <vector>

#include "admin/metric_parts.h"
#include "admin/metrics_families.h"
#include "admin/process_usage.h"
#include "admission/admission.h"
#include "admission/refusal.h"
#include "base/log.h"
#include "dispatch/outcome_counters.h"

namespace ringgate::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

enum class Scope : std::uint8_t { gate, shard };  // one sum, or one value per shard

/// One series. Rows with the same name stand together and become one family.
struct Row {
  std::string_view name;  // without the prefix
  std::string_view help;
  Kind kind;
  Scope scope;
  std::array<std::string_view, 4> labels;  // name, value, name, value; empty: none
  Counter ShardCounters::* counter;
};

constexpr auto counter = Kind::counter;
constexpr auto gauge = Kind::gauge;
constexpr auto gate_wide = Scope::gate;
constexpr auto per_shard = Scope::shard;

// clang-format off
constexpr std::array rows = {
    Row{"connections", "Connections open now.", gauge, gate_wide, {"listener", "devices", "state", "open"}, &ShardCounters::devices_connected},
    Row{"connections", "Connections open now.", gauge, gate_wide, {"listener", "admin", "state", "open"}, &ShardCounters::admin_connections},
    Row{"connections_opened_total", "Connections accepted, on all listeners.", counter, per_shard, {}, &ShardCounters::accepted},
    Row{"connections_closed_total", "Device connections that ended, by the side that ended them first; vanished: TCP ended without a Close frame.", counter, gate_wide, {"by", "peer"}, &ShardCounters::closed_by_peer},
    Row{"connections_closed_total", "Device connections that ended, by the side that ended them first; vanished: TCP ended without a Close frame.", counter, gate_wide, {"by", "gate"}, &ShardCounters::closed_by_gate},
    Row{"connections_closed_total", "Device connections that ended, by the side that ended them first; vanished: TCP ended without a Close frame.", counter, gate_wide, {"by", "vanished"}, &ShardCounters::vanished},
    Row{"handshakes_total", "Opening handshakes, by result; abandoned: the connection ended before its request was complete.", counter, gate_wide, {"result", "accepted"}, &ShardCounters::handshakes_accepted},
    Row{"handshakes_total", "Opening handshakes, by result; abandoned: the connection ended before its request was complete.", counter, gate_wide, {"result", "refused"}, &ShardCounters::handshakes_refused},
    Row{"handshakes_total", "Opening handshakes, by result; abandoned: the connection ended before its request was complete.", counter, gate_wide, {"result", "abandoned"}, &ShardCounters::handshakes_abandoned},
    Row{"handshakes_total", "Opening handshakes, by result; abandoned: the connection ended before its request was complete.", counter, gate_wide, {"result", "no_memory"}, &ShardCounters::handshakes_without_memory},
    Row{"handshakes_queued_total", "Opening handshakes whose password or JSON Web Token was checked in a later turn, because a turn had no more time for such.", counter, gate_wide, {}, &ShardCounters::handshakes_queued},
    Row{"handshakes_waiting", "Opening handshakes that wait for the decision of a handler.", gauge, gate_wide, {}, &ShardCounters::handshakes_waiting},
    Row{"health_requests_total", "Requests for the health path that device listeners answered.", counter, gate_wide, {}, &ShardCounters::health_answers},
    Row{"duplicate_device_total", "Connections that took over the id of an older connection.", counter, gate_wide, {"action", "replaced"}, &ShardCounters::takeovers},
    Row{"flap_bans_total", "Times a device id or a source was banned for connecting too often.", counter, gate_wide, {}, &ShardCounters::flap_bans},
    Row{"limits_untracked_total", "Handshakes that a limit let in uncounted, because its table was full of sources or ids that are kept out.", counter, gate_wide, {}, &ShardCounters::limits_untracked},
    Row{"rate_limited_total", "Times a device sent more than its rate allows, by what became of it.", counter, gate_wide, {"policy", "pause"}, &ShardCounters::rate_pauses},
    Row{"rate_limited_total", "Times a device sent more than its rate allows, by what became of it.", counter, gate_wide, {"policy", "close"}, &ShardCounters::rate_closes},
    Row{"lifetimes_ended_total", "Devices closed after the maximum lifetime of their route.", counter, gate_wide, {}, &ShardCounters::lifetimes_ended},
    Row{"messages_received_total", "Frames and messages from devices.", counter, gate_wide, {"opcode", "text"}, &ShardCounters::text_in},
    Row{"messages_received_total", "Frames and messages from devices.", counter, gate_wide, {"opcode", "binary"}, &ShardCounters::binary_in},
    Row{"messages_received_total", "Frames and messages from devices.", counter, gate_wide, {"opcode", "ping"}, &ShardCounters::pings_in},
    Row{"messages_received_total", "Frames and messages from devices.", counter, gate_wide, {"opcode", "pong"}, &ShardCounters::pongs_in},
    Row{"messages_sent_total", "Messages to devices.", counter, gate_wide, {"opcode", "text"}, &ShardCounters::text_out},
    Row{"messages_sent_total", "Messages to devices.", counter, gate_wide, {"opcode", "binary"}, &ShardCounters::binary_out},
    Row{"payload_bytes_total", "Bytes of message payload.", counter, gate_wide, {"dir", "in"}, &ShardCounters::payload_bytes_in},
    Row{"payload_bytes_total", "Bytes of message payload.", counter, gate_wide, {"dir", "out"}, &ShardCounters::payload_bytes_out},
    Row{"deflate_bytes_total", "Bytes of compressed messages: compressed (wire) and not (payload).", counter, gate_wide, {"dir", "in", "stage", "wire"}, &ShardCounters::inflated_bytes_in},
    Row{"deflate_bytes_total", "Bytes of compressed messages: compressed (wire) and not (payload).", counter, gate_wide, {"dir", "in", "stage", "payload"}, &ShardCounters::inflated_bytes_out},
    Row{"deflate_bytes_total", "Bytes of compressed messages: compressed (wire) and not (payload).", counter, gate_wide, {"dir", "out", "stage", "payload"}, &ShardCounters::deflated_bytes_in},
    Row{"deflate_bytes_total", "Bytes of compressed messages: compressed (wire) and not (payload).", counter, gate_wide, {"dir", "out", "stage", "wire"}, &ShardCounters::deflated_bytes_out},
    Row{"deflate_contexts_refused_total", "Devices that got no context takeover because its memory was used up.", counter, gate_wide, {}, &ShardCounters::deflate_contexts_refused},
    Row{"wire_bytes_total", "Bytes on all sockets.", counter, per_shard, {"dir", "in"}, &ShardCounters::wire_bytes_in},
    Row{"wire_bytes_total", "Bytes on all sockets.", counter, per_shard, {"dir", "out"}, &ShardCounters::wire_bytes_out},
    Row{"send_queue_bytes", "Bytes that wait to be sent to slow peers.", gauge, per_shard, {}, &ShardCounters::send_queue_bytes},
    Row{"short_sends_total", "Sends that the kernel did not take whole.", counter, per_shard, {}, &ShardCounters::sends_short},
    Row{"slow_consumer_events_total", "Devices closed for reading too slowly.", counter, gate_wide, {"policy", "close"}, &ShardCounters::slow_consumers},
    Row{"pong_timeouts_total", "Devices closed because they sent no byte after a ping.", counter, gate_wide, {}, &ShardCounters::pong_timeouts},
    Row{"message_timeouts_total", "Devices closed because a message was not finished in time.", counter, gate_wide, {}, &ShardCounters::message_timeouts},
    Row{"messages_given_up_total", "Devices closed because unfinished messages took too much memory.", counter, gate_wide, {}, &ShardCounters::messages_given_up},
    Row{"memory_bytes", "Memory in use, by the limit that bounds it.", gauge, per_shard, {"budget", "heads"}, &ShardCounters::heads_bytes},
    Row{"memory_bytes", "Memory in use, by the limit that bounds it.", gauge, per_shard, {"budget", "output"}, &ShardCounters::output_bytes},
    Row{"memory_bytes", "Memory in use, by the limit that bounds it.", gauge, per_shard, {"budget", "held"}, &ShardCounters::held_bytes},
    Row{"memory_bytes_max", "The shard's part of each limit.", gauge, per_shard, {"budget", "heads"}, &ShardCounters::heads_bytes_max},
    Row{"memory_bytes_max", "The shard's part of each limit.", gauge, per_shard, {"budget", "output"}, &ShardCounters::output_bytes_max},
    Row{"memory_bytes_max", "The shard's part of each limit.", gauge, per_shard, {"budget", "held"}, &ShardCounters::held_bytes_max},
    Row{"memory_evictions_total", "Devices closed or refused because a limit was reached.", counter, gate_wide, {"budget", "heads"}, &ShardCounters::heads_given_up},
    Row{"memory_evictions_total", "Devices closed or refused because a limit was reached.", counter, gate_wide, {"budget", "output"}, &ShardCounters::queues_given_up},
    Row{"memory_evictions_total", "Devices closed or refused because a limit was reached.", counter, gate_wide, {"budget", "held"}, &ShardCounters::held_given_up},
    Row{"proxy_headers_total", "Connections of listeners behind proxies, by what came of their PROXY header.", counter, gate_wide, {"result", "accepted"}, &ShardCounters::proxy_accepted},
    Row{"proxy_headers_total", "Connections of listeners behind proxies, by what came of their PROXY header.", counter, gate_wide, {"result", "untrusted"}, &ShardCounters::proxy_untrusted},
    Row{"proxy_headers_total", "Connections of listeners behind proxies, by what came of their PROXY header.", counter, gate_wide, {"result", "missing"}, &ShardCounters::proxy_missing},
    Row{"proxy_headers_total", "Connections of listeners behind proxies, by what came of their PROXY header.", counter, gate_wide, {"result", "malformed"}, &ShardCounters::proxy_malformed},
    Row{"proxy_headers_total", "Connections of listeners behind proxies, by what came of their PROXY header.", counter, gate_wide, {"result", "timeout"}, &ShardCounters::proxy_timeouts},
    Row{"proxy_headers_total", "Connections of listeners behind proxies, by what came of their PROXY header.", counter, gate_wide, {"result", "abandoned"}, &ShardCounters::proxy_abandoned},
    Row{"proxy_headers_total", "Connections of listeners behind proxies, by what came of their PROXY header.", counter, gate_wide, {"result", "overload"}, &ShardCounters::proxy_overload},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "established"}, &ShardCounters::tls_established},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "failed"}, &ShardCounters::tls_handshakes_failed},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "client_refused"}, &ShardCounters::tls_clients_refused},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "timeout"}, &ShardCounters::tls_timeouts},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "not_tls"}, &ShardCounters::tls_not_tls},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "overload"}, &ShardCounters::tls_overload},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "limited"}, &ShardCounters::tls_limited},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "drained"}, &ShardCounters::tls_drained},
    Row{"tls_handshakes_total", "TLS handshakes, by how they ended.", counter, gate_wide, {"result", "cut_off"}, &ShardCounters::tls_cut_off},
    Row{"tls_handshakes", "TLS handshakes under way.", gauge, gate_wide, {}, &ShardCounters::tls_handshakes},
    Row{"tls_resumed_total", "TLS handshakes that resumed an earlier session.", counter, gate_wide, {}, &ShardCounters::tls_resumed},
    Row{"tls_broken_total", "TLS connections ended after their handshake because of a broken record.", counter, gate_wide, {}, &ShardCounters::tls_broken},
    Row{"tls_truncated_total", "TLS connections whose peer ended without close_notify.", counter, gate_wide, {}, &ShardCounters::tls_truncated},
    Row{"group_memberships", "Memberships of connected devices in groups.", gauge, per_shard, {}, &ShardCounters::group_memberships},
    Row{"group_joins_refused_total", "Groups that a device did not join when it connected, because a ceiling was reached.", counter, gate_wide, {}, &ShardCounters::group_joins_refused},
    Row{"credentials_expiring_total", "Times it was announced that a connected device's credential ends soon.", counter, gate_wide, {}, &ShardCounters::credentials_expiring},
    Row{"credentials_ended_total", "Devices closed because their credential ended or was revoked.", counter, gate_wide, {}, &ShardCounters::credentials_ended},
    Row{"held_input_pauses_total", "Times a device was not read from because too much input waited.", counter, gate_wide, {}, &ShardCounters::held_pauses},
    Row{"messages_inflating", "Compressed messages that take more than one turn to inflate.", gauge, per_shard, {}, &ShardCounters::messages_inflating},
    Row{"protocol_violations_total", "Devices closed for breaking the protocol.", counter, gate_wide, {}, &ShardCounters::protocol_violations},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "delivered"}, &ShardCounters::push_delivered},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "unknown_device"}, &ShardCounters::push_unknown_device},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "backpressure"}, &ShardCounters::push_backpressure},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "too_large"}, &ShardCounters::push_too_large},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "closing"}, &ShardCounters::push_closing},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "invalid_utf8"}, &ShardCounters::push_invalid_utf8},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "unknown_outcome"}, &ShardCounters::push_unknown_outcome},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "other_connection"}, &ShardCounters::push_other_connection},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "receipt_unsupported"}, &ShardCounters::push_level_unsupported},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "id_conflict"}, &ShardCounters::push_id_conflict},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "expired"}, &ShardCounters::push_expired},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "coalesced"}, &ShardCounters::push_coalesced},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "dropped"}, &ShardCounters::push_dropped},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "wait_timeout"}, &ShardCounters::push_timed_out},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "connection_ended"}, &ShardCounters::push_connection_ended},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "not_covered"}, &ShardCounters::push_not_covered},
    Row{"push_requests_total", "Pushes to one device, by result: each is counted once.", counter, gate_wide, {"result", "engine_unavailable"}, &ShardCounters::push_engine_unavailable},
    Row{"broadcast_requests_total", "Broadcasts, by result: each is counted once.", counter, gate_wide, {"result", "completed"}, &ShardCounters::broadcast_completed},
    Row{"broadcast_requests_total", "Broadcasts, by result: each is counted once.", counter, gate_wide, {"result", "backpressure"}, &ShardCounters::broadcast_backpressure},
    Row{"broadcast_requests_total", "Broadcasts, by result: each is counted once.", counter, gate_wide, {"result", "too_large"}, &ShardCounters::broadcast_too_large},
    Row{"broadcast_requests_total", "Broadcasts, by result: each is counted once.", counter, gate_wide, {"result", "closing"}, &ShardCounters::broadcast_closing},
    Row{"broadcast_requests_total", "Broadcasts, by result: each is counted once.", counter, gate_wide, {"result", "invalid_utf8"}, &ShardCounters::broadcast_invalid_utf8},
    Row{"broadcast_requests_total", "Broadcasts, by result: each is counted once.", counter, gate_wide, {"result", "unknown_outcome"}, &ShardCounters::broadcast_unknown_outcome},
    Row{"link_readings_total", "Questions about the quality of a device's TCP connection, by result.", counter, per_shard, {"result", "read"}, &ShardCounters::links_read},
    Row{"link_readings_total", "Questions about the quality of a device's TCP connection, by result.", counter, per_shard, {"result", "failed"}, &ShardCounters::links_unread},
    Row{"answers_late_total", "Answers of other shards that arrived after their question was given up.", counter, per_shard, {}, &ShardCounters::answers_late},
    Row{"push_withdrawn_total", "Pushes that were taken and then not sent, because something took their place or their device went: with somebody waiting or without.", counter, gate_wide, {"reason", "expired"}, &ShardCounters::withdrawn_expired},
    Row{"push_withdrawn_total", "Pushes that were taken and then not sent, because something took their place or their device went: with somebody waiting or without.", counter, gate_wide, {"reason", "coalesced"}, &ShardCounters::withdrawn_coalesced},
    Row{"push_withdrawn_total", "Pushes that were taken and then not sent, because something took their place or their device went: with somebody waiting or without.", counter, gate_wide, {"reason", "dropped"}, &ShardCounters::withdrawn_dropped},
    Row{"push_withdrawn_total", "Pushes that were taken and then not sent, because something took their place or their device went: with somebody waiting or without.", counter, gate_wide, {"reason", "connection_ended"}, &ShardCounters::withdrawn_by_end},
    Row{"push_repeated_total", "Pushes that were not sent because their id was known.", counter, gate_wide, {}, &ShardCounters::pushes_repeated},
    Row{"push_crossed_total", "Pushes whose device is on another shard.", counter, gate_wide, {}, &ShardCounters::push_crossed},
    Row{"doorbells_rung_total", "Times this shard woke another one for its mailbox.", counter, per_shard, {}, &ShardCounters::doorbells_rung},
    Row{"admin_connections_ended_total", "Admin connections that ended.", counter, gate_wide, {}, &ShardCounters::admin_connections_ended},
    Row{"admin_requests_total", "Complete requests to the admin API.", counter, gate_wide, {}, &ShardCounters::admin_requests},
    Row{"admin_rejected_total", "Admin connections ended because a request was invalid or beyond admin.max_connections.", counter, gate_wide, {}, &ShardCounters::admin_rejected},
    Row{"admin_refused_total", "Admin requests refused for their credential: missing or wrong, after too many wrong ones, without the scope or for other devices.", counter, gate_wide, {"reason", "unauthorized"}, &ShardCounters::admin_unauthorized},
    Row{"admin_refused_total", "Admin requests refused for their credential: missing or wrong, after too many wrong ones, without the scope or for other devices.", counter, gate_wide, {"reason", "attempts_limit"}, &ShardCounters::admin_attempts_limited},
    Row{"admin_refused_total", "Admin requests refused for their credential: missing or wrong, after too many wrong ones, without the scope or for other devices.", counter, gate_wide, {"reason", "forbidden"}, &ShardCounters::admin_forbidden},
    Row{"admin_timeouts_total", "Admin connections ended because a request was not complete in time.", counter, gate_wide, {}, &ShardCounters::admin_timeouts},
    Row{"broadcast_deliveries_total", "Messages of broadcasts to single devices, by result.", counter, gate_wide, {"result", "delivered"}, &ShardCounters::broadcast_delivered},
    Row{"broadcast_deliveries_total", "Messages of broadcasts to single devices, by result.", counter, gate_wide, {"result", "refused"}, &ShardCounters::broadcast_refused},
    Row{"lane_full_total", "Pushes refused because the lane to the device's shard was full.", counter, per_shard, {}, &ShardCounters::push_lane_full},
    Row{"questions_open", "Pushes and questions to other shards that are not answered yet.", gauge, per_shard, {}, &ShardCounters::questions_open},
    Row{"questions_deferred", "Shards to which notices or broadcasts wait for room in the lane.", gauge, per_shard, {}, &ShardCounters::questions_deferred},
    Row{"slots_used", "Connection slots in use, on all listeners.", gauge, per_shard, {}, &ShardCounters::slots_used},
    Row{"buffers_lent", "Receive buffers not yet given back to the kernel.", gauge, per_shard, {}, &ShardCounters::buffers_lent},
    Row{"descriptors_used", "Descriptors of connections in use.", gauge, per_shard, {}, &ShardCounters::descriptors_used},
    Row{"connections_cold", "Connections that wait with a poll instead of a receive.", gauge, per_shard, {}, &ShardCounters::connections_cold},
    Row{"operations_in_flight", "Operations in flight in the kernel.", gauge, per_shard, {}, &ShardCounters::operations_in_flight},
    Row{"stale_completions_total", "Completions for connections that were already gone.", counter, per_shard, {}, &ShardCounters::stale_completions},
    Row{"uring_enter_total", "Calls of io_uring_enter.", counter, per_shard, {}, &ShardCounters::uring_enters},
    Row{"uring_sqe_total", "Submissions to io_uring.", counter, per_shard, {}, &ShardCounters::uring_submissions},
    Row{"uring_cqe_total", "Completions from io_uring.", counter, per_shard, {}, &ShardCounters::uring_completions},
    Row{"uring_cqe_overflow_total", "Times the completion queue overflowed.", counter, per_shard, {}, &ShardCounters::uring_overflows},
    Row{"uring_buf_starved_total", "Receives that found no buffer.", counter, per_shard, {}, &ShardCounters::uring_starved},
    Row{"zero_copy_sends_total", "Zero-copy sends that the kernel has finished.", counter, per_shard, {}, &ShardCounters::zero_copies},
    Row{"zero_copy_copied_total", "Zero-copy sends that the kernel copied after all.", counter, per_shard, {}, &ShardCounters::zero_copies_copied},
    Row{"shard_turns_total", "Turns of the loop.", counter, per_shard, {}, &ShardCounters::turns},
};
// clang-format on

/// The part of a counter that threads without a shard have counted.
std::uint64_t counted_outside(const dispatch::OutsideCounters& outside, Counter ShardCounters::* member) {
  for (std::size_t i = 0; i < push_outcomes_count; ++i)
    if (dispatch::push_counters[i] == member) return outside.pushes[i].load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < broadcast_outcomes_count; ++i)
    if (dispatch::broadcast_counters[i] == member) return outside.broadcasts[i].load(std::memory_order_relaxed);
  return 0;
}

void add_row(Families& families, const Row& row, const dispatch::GateState& gate, std::span<const ShardCounters* const> shards) {
  const std::string name = "ringgate_" + std::string(row.name);
  const auto add = [&](std::uint64_t value) -> ClientMetric& {
    ClientMetric& metric = families.add(name, row.help, row.kind, static_cast<double>(value));
    for (std::size_t i = 0; i < row.labels.size() && !row.labels[i].empty(); i += 2)
      metric.label.push_back({std::string(row.labels[i]), std::string(row.labels[i + 1])});
    return metric;
  };
  if (row.scope == Scope::shard) {
    for (std::size_t shard = 0; shard < shards.size(); ++shard)
      add((shards[shard]->*row.counter).get()).label.push_back({"shard", std::to_string(shard)});
    return;
  }
  std::uint64_t sum = counted_outside(gate.outside, row.counter);
  for (const ShardCounters* shard : shards) sum += (shard->*row.counter).get();
  add(sum);
}

using ByRefusal = std::array<Counter, limits::refusals_max>;

/// One value for each reason, in the order of the table.
void add_by_refusal(Families& families, std::string_view name, std::string_view help,
                    std::span<const ShardCounters* const> shards, ByRefusal ShardCounters::* member,
                    bool (*counts)(admission::Refusal)) {
  for (std::size_t index = 0; index < admission::Refusal::count; ++index) {
    const auto refusal = admission::Refusal::at(index);
    if (!counts(refusal)) continue;
    std::uint64_t sum = 0;
    for (const ShardCounters* shard : shards) sum += (shard->*member)[index].get();
    families.add(name, help, Kind::counter, static_cast<double>(sum))
        .label.push_back({"reason", std::string(refusal.facts().reason)});
  }
}

void add_refusals(Families& families, std::span<const ShardCounters* const> shards) {
  add_by_refusal(families, "ringgate_handshakes_refused_total", "Opening handshakes that were refused, by reason.", shards,
                 &ShardCounters::handshakes_refused_by, [](admission::Refusal) { return true; });
  add_by_refusal(families, "ringgate_handshakes_let_in_total",
                 "Opening handshakes without a good credential that were let in, because their route does not enforce it.",
                 shards, &ShardCounters::handshakes_let_in_by, admission::is_about_credentials);
}

void add_build(Families& families, const AdminSettings& settings) {
  ClientMetric& metric =
      families.add("ringgate_build_info", "Versions of this gate and its libraries; always 1.", Kind::gauge, 1);
  const auto label = [&](const char* name, const std::string& value) {
    if (!value.empty()) metric.label.push_back({name, value});
  };
  label("version", settings.version);
  label("liburing", settings.liburing_version);
  label("openssl", settings.openssl_version);
}

void add_gate(Families& families, const dispatch::GateState& gate) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  families.add("ringgate_device_index_entries", "Ids in the device map.", Kind::gauge, number(gate.map.count()));
  families.add("ringgate_device_index_rebuilds_total", "Times the device map moved into a new table.", Kind::counter,
               number(gate.map.rebuilds_count()));
  families.add("ringgate_device_index_tables_waiting", "Replaced tables of the device map that a shard may still be reading.",
               Kind::gauge, number(gate.map.tables_waiting_count()));
  families.add("ringgate_ready", "1 while /readyz answers 200.", Kind::gauge, gate.is_ready() ? 1 : 0);
  families.add("ringgate_draining", "1 while new devices are refused because the gate is about to stop.", Kind::gauge,
               gate.draining.load(std::memory_order_acquire) ? 1 : 0);
  for (const auto& [result, count] : {std::pair{"done", &gate.reloads_done}, std::pair{"failed", &gate.reloads_failed}})
    families.add("ringgate_reloads_total", "Reloads of settings and files, by result.", Kind::counter, number(count->load()))
        .label.push_back({"result", result});
  families.add("ringgate_config_reload_success_timestamp_seconds",
               "Unix time at which settings were put in force last: the start, or a reload.", Kind::gauge,
               number(gate.settings_read_at.load(std::memory_order_relaxed)));
  families.add("ringgate_bans", "Banned devices, with those whose ban has ended but is not forgotten.", Kind::gauge,
               number(gate.denied.bans_count()));
  families.add("ringgate_revocations", "Revocations, with those that have ended but are not forgotten.", Kind::gauge,
               number(gate.denied.revocations_count()));
  families.add("ringgate_deflate_memory_bytes", "Memory reserved for context takeover.", Kind::gauge,
               number(gate.deflate_memory.used_bytes()));
  families.add("ringgate_log_dropped_total", "Log lines lost because the queue was full.", Kind::counter,
               number(log::dropped_count()));
}

/// Below 0 once it has expired.
void add_certificates(Families& families, const dispatch::GateState& gate) {
  const auto certificates = gate.certificates.load();
  if (certificates == nullptr) return;
  const std::int64_t now = std::time(nullptr);
  for (const tls::CertificateFacts& certificate : *certificates) {
    ClientMetric& metric =
        families.add("ringgate_certificate_days_left",
                     "Days until the certificate expires, or the first of a file: of authorities, or of revocation lists.",
                     Kind::gauge, static_cast<double>(certificate.expires - now) / 86'400);
    metric.label.push_back({"listener", certificate.listener});
    metric.label.push_back({"file", certificate.file});
  }
}

/// offered = logged + dropped, at rest; and for each reader: what was logged since it came = delivered + filtered + missed.
void add_events(Families& families, const events::EventHub* hub) {
  if (hub == nullptr) return;
  const auto number = [](auto value) { return static_cast<double>(value); };
  const auto add_types = [&](std::string_view name, std::string_view help, const auto& count_of) {
    for (std::size_t type = 0; type < events::event_types_count; ++type)
      families.add(name, help, Kind::counter, number(count_of(type)))
          .label.push_back({"type", std::string(events::event_type_words[type])});
  };
  std::uint64_t unmerged = 0;
  for (const events::EventHub::Shard& shard : hub->shards()) unmerged += shard.ring.fill();
  add_types("ringgate_events_offered_total", "Events for the stream and for webhooks, before any was dropped.",
            [&](std::size_t type) {
              std::uint64_t sum = 0;
              for (const events::EventHub::Shard& shard : hub->shards()) sum += shard.offered[type].get();
              return sum;
            });
  add_types("ringgate_events_dropped_total", "Events that found no room in a shard's ring, or no memory in the log.",
            [&](std::size_t type) {
              std::uint64_t sum = hub->lost()[type].get();
              for (const events::EventHub::Shard& shard : hub->shards()) sum += shard.dropped[type].get();
              return sum;
            });
  add_types("ringgate_events_logged_total", "Events that were numbered and kept for readers.",
            [&](std::size_t type) { return hub->logged()[type].get(); });
  families.add("ringgate_events_ring_bytes", "Events on their way from shards to the log.", Kind::gauge, number(unmerged));
  families.add("ringgate_events_log_bytes", "Memory of the log of events.", Kind::gauge, number(hub->log().bytes()));
  families.add("ringgate_events_log_bytes_max", "The most that the log of events takes.", Kind::gauge,
               number(hub->log().bytes_max()));
  families.add("ringgate_event_readers", "Readers of the event stream.", Kind::gauge, number(hub->readers_count()));
  families.add("ringgate_event_readers_max", "Readers of the event stream at most.", Kind::gauge, number(hub->readers_max()));
  const events::ReaderCounters& readers = hub->reader_counters();
  for (const auto& [result, count] :
       {std::pair{"delivered", &readers.delivered}, {"filtered", &readers.filtered}, {"missed", &readers.missed}})
    families
        .add("ringgate_event_reads_total",
             "Events that readers came to, by result; filtered: not wanted or not allowed; missed: overwritten before the reader "
             "came, as its gap says.",
             Kind::counter, number(count->get()))
        .label.push_back({"result", result});
  families.add("ringgate_event_stream_bytes_total", "Bytes encoded for readers.", Kind::counter, number(readers.bytes.get()));
  for (const auto& [reason, count] :
       {std::pair{"slow_reader", readers.cut_slow.get()}, std::pair{"silent", readers.cut_silent.load(std::memory_order_relaxed)},
        std::pair{"no_memory", readers.cut_without_memory.get()},
        std::pair{"stalled", readers.cut_stalled.load(std::memory_order_relaxed)}})
    families
        .add("ringgate_event_readers_cut_total", "Readers that were cut: too slow, silent, or the gate had no memory for them.",
             Kind::counter, number(count))
        .label.push_back({"reason", reason});
}

/// `ringgate_webhook_NAME`, one value for each pair of webhook and label.
class WebhookFamily {
 public:
  WebhookFamily(Families& families, const std::deque<WebhookCounters>& webhooks, std::string_view name, std::string_view help)
      : families_(families), webhooks_(webhooks), name_(name), help_(help) {}

  /// `label`: empty for none. `value`: reads it from the counters of a webhook.
  template <typename Value>
  void add(Kind kind, std::string_view label, std::string_view word, Value&& value) {
    for (const WebhookCounters& webhook : webhooks_) {
      ClientMetric& metric = families_.add(name_, help_, kind, static_cast<double>(value(webhook)));
      metric.label.push_back({"webhook", webhook.name});
      if (!label.empty()) metric.label.push_back({std::string(label), std::string(word)});
    }
  }

 private:
  Families& families_;
  const std::deque<WebhookCounters>& webhooks_;
  const std::string_view name_, help_;
};

void add_webhooks(Families& families, const std::deque<WebhookCounters>& webhooks) {
  using W = WebhookCounters;
  const auto family = [&](std::string_view name, std::string_view help) { return WebhookFamily(families, webhooks, name, help); };
  const auto of = [](Counter W::* member) { return [member](const W& webhook) { return (webhook.*member).get(); }; };
  auto events = family("ringgate_webhook_events_total",
                       "Events for a webhook: taken = delivered + dropped + queued; unwanted: the rest of the log.");
  events.add(Kind::counter, "outcome", "taken", of(&W::taken));
  events.add(Kind::counter, "outcome", "delivered", of(&W::delivered));
  events.add(Kind::counter, "outcome", "unwanted", of(&W::unwanted));
  auto dropped = family("ringgate_webhook_dropped_total", "Events for a webhook that were given up, by reason.");
  for (std::size_t i = 0; i < webhook_drop_words.size(); ++i)
    dropped.add(Kind::counter, "reason", webhook_drop_words[i], [i](const W& webhook) { return webhook.dropped[i].get(); });
  family("ringgate_webhook_queued_messages", "Events that wait for a webhook, or are being sent to it.")
      .add(Kind::gauge, {}, {}, of(&W::queued_messages));
  family("ringgate_webhook_queued_bytes", "Memory of those events.").add(Kind::gauge, {}, {}, of(&W::queued_bytes));
  auto requests =
      family("ringgate_webhook_requests_total", "Requests to a webhook, by the class of the answer's status; none: no answer.");
  for (std::size_t i = 0; i < webhook_status_words.size(); ++i)
    requests.add(Kind::counter, "status", webhook_status_words[i], [i](const W& webhook) { return webhook.requests[i].get(); });
  const auto durations = [&](std::string_view name, std::string_view help, RequestHistogram W::* histogram) {
    for (const W& webhook : webhooks)
      families.add_histogram<RequestHistogram>(name, help, 1e-9, std::array{&(webhook.*histogram)})
          .label.push_back({"webhook", webhook.name});
  };
  durations("ringgate_webhook_request_duration_seconds", "How long requests that deliver events took, whatever came of them.",
            &W::delivery_duration);
  auto replies = family("ringgate_webhook_replies_total", "Answers with a body for the device, by what came of them.");
  replies.add(Kind::counter, "result", "sent",
              [](const W& webhook) { return webhook.replies_sent.load(std::memory_order_relaxed); });
  replies.add(Kind::counter, "result", "lost",
              [](const W& webhook) { return webhook.replies_lost.load(std::memory_order_relaxed); });
  replies.add(Kind::counter, "result", "refused", of(&W::replies_refused));
  family("ringgate_webhook_stopped", "1 while nothing is sent to a webhook because it has answered 410.")
      .add(Kind::gauge, {}, {}, of(&W::stopped));
  auto questions =
      family("ringgate_connect_hook_questions_total", "Opening handshakes that a webhook was to decide about, by result.");
  questions.add(Kind::counter, "result", "accepted", of(&W::questions_accepted));
  questions.add(Kind::counter, "result", "refused", of(&W::questions_refused_by_hook));
  questions.add(Kind::counter, "result", "failed", of(&W::questions_failed));
  questions.add(Kind::counter, "result", "no_room",
                [](const W& webhook) { return webhook.questions_without_room.load(std::memory_order_relaxed); });
  durations("ringgate_connect_hook_duration_seconds",
            "How long opening handshakes waited for a verdict, or for the end of waiting, the queue included.",
            &W::question_duration);
  family("ringgate_connect_hook_questions_waiting", "Opening handshakes that wait for the verdict of a webhook.")
      .add(Kind::gauge, {}, {}, of(&W::questions_waiting));
}

void add_cluster(Families& families, const ClusterCounters& cluster) {
  const auto number = [](const std::atomic<std::uint64_t>& value) {
    return static_cast<double>(value.load(std::memory_order_relaxed));
  };
  families.add("ringgate_engine_up", "1 while the cluster's engine is connected.", Kind::gauge,
               cluster.is_up.load(std::memory_order_relaxed) ? 1 : 0);
  families.add("ringgate_cluster_gates", "Other gates that were heard of lately.", Kind::gauge, number(cluster.peers));
  families.add("ringgate_cluster_devices", "Devices that this gate answers for.", Kind::gauge, number(cluster.devices));
  families.add("ringgate_cluster_questions_open", "Questions that other gates have not answered yet.", Kind::gauge,
               number(cluster.questions_open));
  for (const auto& [direction, count] : {std::pair{"sent", &cluster.pushes_sent}, {"served", &cluster.pushes_served}})
    families
        .add("ringgate_cluster_pushes_total", "Pushes that other gates were asked for, and that other gates asked for.",
             Kind::counter, number(*count))
        .label.push_back({"direction", direction});
  families.add("ringgate_cluster_asked_again_total", "Questions that met nobody and were asked once more.", Kind::counter,
               number(cluster.asked_again));
  families.add("ringgate_cluster_late_answers_total", "Answers to questions that were given up.", Kind::counter,
               number(cluster.late_answers));
  families.add("ringgate_cluster_yielded_total", "Connections that were closed because another gate got the device.",
               Kind::counter, number(cluster.yielded));
  for (const auto& [reason, count] : {std::pair{"refused", &cluster.letters_refused},
                                      {"no_room", &cluster.letters_dropped},
                                      {"clock", &cluster.clocks_refused}})
    families
        .add("ringgate_cluster_letters_dropped_total",
             "Letters of other gates that were not obeyed: malformed, no room, or a clock too far ahead.", Kind::counter,
             number(*count))
        .label.push_back({"reason", reason});
}

void add_process(Families& families) {
  const ProcessUsage usage = read_process_usage();
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  families.add("process_start_time_seconds", "Unix time at which the process started.", Kind::gauge, usage.started_at);
  families.add("process_cpu_seconds_total", "User and system time used.", Kind::counter, usage.cpu_seconds);
  families.add("process_resident_memory_bytes", "Resident memory.", Kind::gauge, number(usage.resident_bytes));
  families.add("process_virtual_memory_bytes", "Virtual memory.", Kind::gauge, number(usage.virtual_bytes));
  families.add("process_open_fds", "Open process descriptors.", Kind::gauge, number(usage.descriptors_open));
  families.add("process_max_fds", "Limit of open process descriptors.", Kind::gauge, number(usage.descriptors_max));
}

}  // namespace

std::vector<MetricFamily> metric_families(const AdminSettings& settings, const dispatch::GateState& gate,
                                          std::span<const ShardCounters* const> shards, TimeNs now, const events::EventHub* hub) {
  Families families;
  add_build(families, settings);
  for (const Row& row : rows) add_row(families, row, gate, shards);
  add_busy(families, shards, now);
  add_histograms(families, shards);
  add_refusals(families, shards);
  add_by_label(families, settings, shards);
  add_gate(families, gate);
  add_limits(families, settings, gate, shards);
  add_books(families, gate, shards, hub, settings.webhooks);
  add_certificates(families, gate);
  add_events(families, hub);
  if (settings.webhooks != nullptr) add_webhooks(families, *settings.webhooks);
  if (settings.cluster != nullptr) add_cluster(families, *settings.cluster);
  add_process(families);
  return families.take();
}

std::string metrics_text(const AdminSettings& settings, const dispatch::GateState& gate,
                         std::span<const ShardCounters* const> shards, TimeNs now, const events::EventHub* hub) {
  std::ostringstream out;
  prometheus::TextSerializer{}.Serialize(out, metric_families(settings, gate, shards, now, hub));
  return std::move(out).str();
}

}  // namespace ringgate::admin
