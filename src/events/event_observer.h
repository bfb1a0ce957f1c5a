// A shard's ear: writes what its devices do as records into the shard's ring, and at the end of a turn shows them to the merger.
//
// It never waits and never allocates. An event that finds no room is dropped and counted by type; a gap record says so as soon as
// there is room. Owned by the shard; owner shard.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dispatch/observer.h"
#include "events/event_hub.h"
#include "ring/ring.h"

namespace ringgate::events {

class EventObserver final : public dispatch::Observer {
 public:
  /// `hub` and `clock` outlive it.
  EventObserver(EventHub& hub, std::uint8_t shard, const ring::Ring& clock)
      : hub_(hub), shared_(hub.of(shard)), clock_(clock), shard_(shard) {}

  bool hears_devices() const override { return hub_.is_wanted(); }
  bool hears_all() const override { return hub_.is_wanted(); }
  bool hears_messages() const override { return true; }
  void on_connected(const dispatch::DeviceView& device) override;
  void on_disconnected(const dispatch::DeviceView& device, const dispatch::DisconnectView& end) override;
  void on_replaced(const dispatch::DeviceView& device, ConnectionRef replaced) override;
  void on_message(const dispatch::DeviceView& device, const dispatch::UpstreamMessage& message) override;
  bool has_room(std::uint64_t sinks) override;
  void on_slow(const dispatch::DeviceView& device, const dispatch::SlowView& slow) override;
  void on_credential_expiring(const dispatch::DeviceView& device, const dispatch::CredentialView& credential) override;

  /// Last in a turn: shows the merger what was written, and wakes it once if it sleeps.
  void finish_turn() {
    if (has_gap_) announce_gap();
    time_ms_ = 0;
    if (!shared_.ring.has_unpublished()) return;
    shared_.ring.publish();
    hub_.ring_bell();
  }
  /// Whether events are missing and nothing says so yet: there was no room for that.
  bool has_gap() const { return has_gap_; }
  /// Called before the readers of this shard look whether they have bytes to take.
  void take_news() { (void)hub_.take_news(shard_); }
  /// Whether a reader of this shard has bytes to take. For a shard that has said it will sleep.
  bool has_news() const { return hub_.has_news(shard_); }
  /// How long the shard may sleep at most; nullopt: nothing of this waits.
  std::optional<DurationNs> sleep_max() const {
    return has_gap_ ? std::optional<DurationNs>(5 * nanoseconds_per_millisecond) : std::nullopt;
  }

 private:
  static constexpr std::size_t remote_bytes_max = 64;

  void record(const dispatch::DeviceView& device, RecordParts parts);
  bool write(const RecordParts& parts);
  void drop(EventType type);
  bool announce_gap();

  EventHub& hub_;
  EventHub::Shard& shared_;
  const ring::Ring& clock_;
  const std::uint8_t shard_;
  std::uint64_t seq_ = 0;
  std::uint64_t time_ms_ = 0;  // Unix time of this turn; 0: not looked up yet
  bool has_gap_ = false;
  bool is_ring_full_ = false;                               // more than half, and until it is less than a quarter
  std::array<std::uint64_t, event_types_count> missing_{};  // dropped and not announced, by type
};

}  // namespace ringgate::events
