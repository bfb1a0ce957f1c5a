#include "hooks/event_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

namespace ringgate::hooks {
namespace {

using events::EventType;

/// Whether webhook `index` wants the record: a message by its route, anything else by its type; gaps always.
bool wants(const WebhookConfig& config, std::size_t index, const events::RecordView& record) {
  if (record.type() == EventType::gap) return true;
  if (record.type() == EventType::message) return (record.head().sinks & dispatch::webhook_sink(index)) != 0;
  return std::ranges::find(config.events, events::word_of(record.type())) != config.events.end();
}

template <typename Make>
std::optional<Delivery> if_there_is_memory(Make&& make) {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

}  // namespace

EventSource::EventSource(events::EventHub& hub, std::size_t webhooks_count, HookThread& thread)
    : hub_(hub), encoder_(hub.boot(), hub.routes()), thread_(thread), places_(webhooks_count, Place{hub.log().at_end()}) {
  tell_place();
  hub_.log().add_listener(*this);
}

EventSource::~EventSource() { hub_.log().remove_listener(*this); }

bool EventSource::read(std::deque<Webhook>& webhooks, TimeNs now) {
  bool has_more = false;
  const Place* at_end = nullptr;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Reached reached = read_for(i, webhooks[i], now);
    has_more = has_more || reached == Reached::more;
    if (reached == Reached::end) at_end = &places_[i];
    tell_fullness(i, webhooks[i]);
  }
  tell_place();
  if (has_more) return true;
  // One that is at the end stands for all that are. A full one goes on after an answer of its receiver.
  return at_end != nullptr && !hub_.log().arm(*this, at_end->cursor);
}

EventSource::Reached EventSource::read_for(std::size_t index, Webhook& webhook, TimeNs now) {
  for (std::size_t i = 0; i < records_per_pass; ++i) {
    if (is_patient(index) && !webhook.has_room()) return Reached::full;
    const events::EventLog::Read read = hub_.log().read(places_[index].cursor);
    if (read.missed != 0) webhook.miss(read.missed, if_there_is_memory([&] { return gap_of(read.missed); }), now);
    if (!read.record) return Reached::end;
    if (wants(webhook.config(), index, *read.record)) offer(webhook, *read.record, now);
    else webhook.pass_over();
  }
  return Reached::more;
}

void EventSource::offer(Webhook& webhook, const events::RecordView& record, TimeNs now) {
  if (auto delivery = if_there_is_memory([&] { return delivery_of(record); })) webhook.offer(std::move(*delivery), now);
  else webhook.lose(record.device_id());
}

/// The log keeps what a patient webhook has not read.
void EventSource::tell_place() {
  std::uint64_t next = UINT64_MAX;
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (is_patient(i)) next = std::min(next, places_[i].cursor.next());
  hub_.note_sources_next(next);
}

/// For routes whose devices wait for their sinks (on_overflow).
void EventSource::tell_fullness(std::size_t index, const Webhook& webhook) {
  const std::uint64_t quarters = webhook.quarters_full();
  bool& is_full = places_[index].is_full;
  if (quarters >= 2 && !std::exchange(is_full, true)) hub_.set_full(dispatch::webhook_sink(index));
  if (quarters == 0 && std::exchange(is_full, false)) hub_.clear_full(dispatch::webhook_sink(index));
}

Delivery EventSource::delivery_of(const events::RecordView& record) {
  Delivery delivery{.type = std::string(events::word_of(record.type())),
                    .subject = std::string(record.device_id()),
                    .unix_ms = static_cast<std::int64_t>(record.head().time_ms)};
  encoder_.append_id(delivery.id, record.number());
  if (record.is_of_device())
    delivery.attributes = {{"conn", record.connection().text()},
                           {"epoch", std::to_string(record.head().epoch)},
                           {"seq", std::to_string(record.head().seq)},
                           {"route", std::string(encoder_.route_of(record))}};
  // The distributed tracing extension of CloudEvents.
  if (record.type() == EventType::connected)
    if (const auto trace_parent = record.connected().second; !trace_parent.empty())
      delivery.attributes.emplace_back("traceparent", trace_parent);
  if (record.type() == EventType::message) {
    delivery.content_type = record.message_type() == MessageType::text ? "text/plain; charset=utf-8" : "application/octet-stream";
    delivery.body = text_of(record.payload());
    delivery.reply_to = record.connection();
  } else {
    delivery.content_type = "application/json";
    encoder_.append_json(delivery.body, record);
  }
  return delivery;
}

/// What was overwritten may have been of any type.
Delivery EventSource::gap_of(std::uint64_t missed) {
  Delivery delivery{.type = "gap", .unix_ms = unix_ms_now(), .content_type = "application/json"};
  delivery.id = fmt::format("missed-{}-{}", delivery.unix_ms, missed);
  encoder_.append_gap_json(delivery.body,
                           {.reason = "overwritten", .missed = missed, .time_ms = static_cast<std::uint64_t>(delivery.unix_ms)});
  return delivery;
}

}  // namespace ringgate::hooks
