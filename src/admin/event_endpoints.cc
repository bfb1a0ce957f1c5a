// GET /v1/events and GET /v1/stream.
#include <algorithm>
#include <new>
#include <system_error>

#include "admin/admin_api.h"
#include "admin/backend_stream.h"
#include "admin/event_query.h"
#include "admin/event_stream.h"
#include "http/byte_class.h"
#include "ws/handshake.h"

namespace ringgate::admin {
namespace {

// How long a reader that was cut off waits before it comes back, in milliseconds.
constexpr std::string_view sse_prelude = "retry: 1000\n\n";
// A proxy neither keeps the stream nor changes it.
constexpr std::string_view stream_fields = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n";

struct Beginning {
  events::EventLog::Cursor cursor;
  std::optional<events::EventEncoder::Gap> gap;
};

/// Behind the event with that id, or at what happens from now on. An id of another run of the gate, or of no event yet, is followed by
/// a gap of unknown size and by all that is there.
Beginning begin_behind(const events::EventHub& hub, const std::optional<events::EventId>& last, std::uint64_t now_ms) {
  if (!last) return {hub.log().at_end(), std::nullopt};
  if (last->boot == hub.boot() && last->number < hub.log().end()) return {events::EventLog::at(last->number + 1), std::nullopt};
  return {events::EventLog::at(hub.log().begin()),
          events::EventEncoder::Gap{.reason = "restarted", .missed = 0, .time_ms = now_ms}};
}

constexpr std::string_view stream_subprotocol = "ringgate.v1";

bool offers_subprotocol(const Request& request) {
  for (const auto& [name, value] : request.fields) {
    if (name != "Sec-WebSocket-Protocol") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      std::string_view entry = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (!entry.empty() && (entry.front() == ' ' || entry.front() == '\t')) entry.remove_prefix(1);
      while (!entry.empty() && (entry.back() == ' ' || entry.back() == '\t')) entry.remove_suffix(1);
      if (entry == stream_subprotocol) return true;
    }
  }
  return false;
}

/// What is wrong with the opening handshake (RFC 6455 section 4.2.1), beside what routes.cc has judged.
std::optional<Refusal> judge_handshake(const Request& request) {
  if (!request.asks_for_websocket) return Refusal::upgrade_required;
  if (request.count_fields("Sec-WebSocket-Version") != 1 || request.field("Sec-WebSocket-Version") != "13")
    return Refusal::websocket_version;
  if (request.count_fields("Sec-WebSocket-Key") != 1 || !ws::is_valid_key(*request.field("Sec-WebSocket-Key")))
    return Refusal::bad_websocket_key;
  if (!offers_subprotocol(request)) return Refusal::subprotocol_missing;
  return std::nullopt;
}

}  // namespace

/// A place for a reader, and events that are recorded; the refusal if there is none.
std::optional<Refusal> AdminApi::reserve_reader() {
  if (services_.events == nullptr) return Refusal::unavailable;
  if (!services_.events->reserve_reader()) return Refusal::readers_limit;
  const auto refuse = [this] {
    services_.events->release_reader();
    return Refusal::unavailable;
  };
  try {
    services_.events->want();
  } catch (const std::system_error&) {  // no thread
    return refuse();
  } catch (const std::bad_alloc&) {
    return refuse();
  }
  return std::nullopt;
}

void AdminApi::open_stream(Call call) {
  if (services_.events == nullptr) return call.responder.refuse(Refusal::unavailable);
  events::EventHub& hub = *services_.events;
  if (const auto refusal = judge_handshake(call.request)) return call.responder.refuse(*refusal);
  auto filter = read_event_filter(call.request.query, call.caller, hub.routes());
  if (!filter) return call.responder.refuse(filter.error());
  const auto last = read_last_event_id(call.request);
  if (!last) return call.responder.refuse(last.error());
  if (const auto refusal = reserve_reader()) return call.responder.refuse(*refusal);
  events::EventReader::Options options{.filter = std::move(*filter), .shard = services_.shard};
  if (*last) {
    auto [cursor, gap] = begin_behind(hub, *last, static_cast<std::uint64_t>(push_service_.wall_clock_seconds()) * 1000);
    options.start = std::move(cursor);
    options.gap = gap;
  }
  const ws::AcceptKey key = ws::accept_key(*call.request.field("Sec-WebSocket-Key"));
  std::string fields = "Sec-WebSocket-Accept: ";
  fields.append(key.data(), key.size()).append("\r\nSec-WebSocket-Protocol: ").append(stream_subprotocol).append("\r\n");
  call.responder.answer(Answer::upgraded(
      std::move(fields), std::make_unique<BackendStream>(BackendStream::Parts{.hub = hub,
                                                                              .push_service = push_service_,
                                                                              .caller = call.caller,
                                                                              .remote = call.remote,
                                                                              .reader = std::move(options),
                                                                              .silence_max = hub.heartbeat(),
                                                                              .id_characters = settings_.id_characters,
                                                                              .push_bytes_max = settings_.body_bytes_max})));
}

void AdminApi::stream_events(Call call) {
  if (services_.events == nullptr) return call.responder.refuse(Refusal::unavailable);
  events::EventHub& hub = *services_.events;
  auto filter = read_event_filter(call.request.query, call.caller, hub.routes());
  if (!filter) return call.responder.refuse(filter.error());
  const auto format = read_event_format(call.request);
  if (!format) return call.responder.refuse(Refusal::not_acceptable);
  const auto last = read_last_event_id(call.request);
  if (!last) return call.responder.refuse(last.error());
  const bool is_sse = *format == EventFormatName::sse;
  const std::string_view type = is_sse ? "text/event-stream" : "application/x-ndjson";
  if (call.request.method == http::Method::head)
    return call.responder.answer({.content_type = type, .body = {}, .extra_fields = stream_fields, .is_head_of_stream = true});
  if (const auto refusal = reserve_reader()) return call.responder.refuse(*refusal);
  auto [cursor, gap] = begin_behind(hub, *last, static_cast<std::uint64_t>(push_service_.wall_clock_seconds()) * 1000);
  events::EventReader::Options options{.filter = std::move(*filter),
                                       .format = is_sse ? &events::sse_format() : &events::ndjson_format(),
                                       .shard = services_.shard,
                                       .window_bytes = EventStream::window_bytes,
                                       .start = std::move(cursor),
                                       .gap = gap,
                                       .heartbeat = hub.heartbeat()};
  ReaderNotes notes({"event reader begins", "event reader ends"}, call.caller.name, call.remote);
  call.responder.answer(Answer::streamed(
      type, std::make_unique<EventStream>(hub, std::move(options), is_sse ? sse_prelude : std::string_view{}, std::move(notes)),
      stream_fields));
}

}  // namespace ringgate::admin
