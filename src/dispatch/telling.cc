// Tells the observers of a shard what happens to its devices. Part of DeviceSession. Nothing is looked up or made for observers that
// do not listen at present.
#include <new>

#include "dispatch/device_session.h"
#include "http/trace_parent.h"

namespace ringgate::dispatch {

DeviceView DeviceSession::view_of(conn::Connection& connection) {
  const DeviceRecord& record = record_of(connection);
  DeviceView view{.device_id = record.id.view(),
                  .connection = to_public(ref_of(connection)),
                  .peer = connection.peer,
                  .path = settings_.mounts[record.route_index].path,
                  .shard_index = shard_index_,
                  .route_index = record.route_index,
                  .epoch = epoch_of(connection),
                  .groups = {}};
  if (credentials_.empty() && groups_.empty()) return view;
  try {
    groups_viewed_ = groups_of(connection);
    view.groups = groups_viewed_;
    return view;
  } catch (const std::bad_alloc&) {  // then at least those of the credential
  }
  if (const LiveCredential* const credential = credentials_.find(transport_.table().slot_of(connection)))
    view.groups = credential->groups;
  return view;
}

namespace {

/// Two such fields count as none (W3C Trace Context, section 3.2), and so does a malformed one.
std::string_view trace_parent_of(const http::RequestView& request) {
  if (request.count_fields("traceparent") != 1) return {};
  const auto parsed = http::parse_trace_parent(*request.field("traceparent"));
  return parsed ? parsed->known : std::string_view{};
}

}  // namespace

void DeviceSession::tell_connected(conn::Connection& connection, const http::RequestView& request,
                                   const std::vector<device::ConnectionRef>& replaced) {
  if (!observers_.hear_devices()) return;
  DeviceView view = view_of(connection);
  view.trace_parent = trace_parent_of(request);
  observers_.tell(&Observer::on_connected, view);
  for (const device::ConnectionRef older : replaced) observers_.tell(&Observer::on_replaced, view, to_public(older));
}

void DeviceSession::tell_message(conn::Connection& connection, const ws::Event& event, std::uint64_t sinks) {
  if (observers_.hear_messages()) observers_.tell_message(view_of(connection), {event.type, event.payload, sinks});
}

/// What was told is kept until nothing waits for the device any more. A refusal tells more than a queue that is half full.
void DeviceSession::tell_slow(conn::Connection& connection, Slowness slowness) {
  if (!observers_.hear_all()) return;
  DeviceRecord& record = record_of(connection);
  if (slowness != Slowness::closed) {
    if (!connection.output_waits()) return;  // the kernel may still take all of it
    if (record.side == nullptr) record.side = new (std::nothrow) DeviceSide;
    if (record.side == nullptr) return;
    const auto level = static_cast<std::uint8_t>(static_cast<std::uint8_t>(slowness) + 1);
    if (record.side->slowness_told >= level) return;
    record.side->slowness_told = level;
  }
  observers_.tell(&Observer::on_slow, view_of(connection), SlowView{slowness, transport_.queued_bytes(connection)});
}

void DeviceSession::tell_disconnect(conn::Connection& connection) {
  if (!observers_.hear_devices()) return;
  const DeviceRecord& record = record_of(connection);
  const DeviceSide* const side = record.side;  // null: there was no memory to note why
  const DisconnectView end{.code = side == nullptr ? CloseCode::abnormal : side->close_code,
                           .reason = side == nullptr ? std::string_view{} : side->close_reason,
                           .ended_by = side == nullptr ? EndedBy::gate : side->ended_by,
                           .duration_ms = transport_.now_ms() - connection.opened_ms,
                           .bytes_in = connection.bytes_in,
                           .bytes_out = connection.bytes_out,
                           .messages_in = record.messages_in,
                           .messages_out = record.messages_out,
                           .rtt_ms = record.rtt_ms,
                           .queued_bytes = transport_.queued_bytes(connection),
                           .unacked_bytes = transport_.unacked_at_end(connection)};
  observers_.tell(&Observer::on_disconnected, view_of(connection), end);
}

}  // namespace ringgate::dispatch
