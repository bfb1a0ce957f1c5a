// Where webhooks get their events from: reads the event log, with a cursor for each webhook, and offers what it wants.
//
// Hook thread, but for the constructor. Invariants: what the log has overwritten before it was read is announced, with its number; each
// webhook has taken, missed or passed over all that it has come to.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "dispatch/upstream.h"
#include "events/event_hub.h"
#include "events/event_json.h"
#include "events/log.h"
#include "hooks/hook_thread.h"
#include "hooks/webhook.h"

namespace ringgate::hooks {

class EventSource final : public events::LogListener {
 public:
  /// Reads what comes from now on. What a patient webhook (EventHub::set_patience) has no room for stays in the log. `hub` and `thread`
  /// outlive this object.
  EventSource(events::EventHub& hub, std::size_t webhooks_count, HookThread& thread);
  ~EventSource();  // after the thread has ended

  /// Offers what there is; true if there is more.
  bool read(std::deque<Webhook>& webhooks, TimeNs now);

 private:
  void wake() override { thread_.wake(); }
  enum class Reached : std::uint8_t { end, more, full };
  Reached read_for(std::size_t index, Webhook& webhook, TimeNs now);
  void offer(Webhook& webhook, const events::RecordView& record, TimeNs now);
  Delivery delivery_of(const events::RecordView& record);
  Delivery gap_of(std::uint64_t missed);

  static constexpr std::size_t records_per_pass = 512;

  struct Place {
    events::EventLog::Cursor cursor;
    bool is_full = false;  // the shards were told so
  };
  void tell_fullness(std::size_t index, const Webhook& webhook);
  void tell_place();
  bool is_patient(std::size_t index) const { return (hub_.patient_sinks() & dispatch::webhook_sink(index)) != 0; }

  events::EventHub& hub_;
  events::EventEncoder encoder_;  // ids are those of the event stream
  HookThread& thread_;
  std::vector<Place> places_;
};

}  // namespace ringgate::hooks
