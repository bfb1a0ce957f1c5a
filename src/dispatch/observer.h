// What happens to devices, told to whoever listens: the log, the counters, the event stream.
//
// Each shard has its own list of observers, which the shard owns; calls come on the owner shard, within a turn, and must not block.
// All views are borrowed for the call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "ring/ring.h"
#include "ringgate/close_code.h"
#include "ringgate/connection_ref.h"
#include "ringgate/message.h"

namespace ringgate::dispatch {

struct DeviceView {
  std::string_view device_id;
  ConnectionRef connection;
  const ring::PeerAddress& peer;
  std::string_view path;  // the route's
  std::uint8_t shard_index;
  std::uint8_t route_index;
  std::uint64_t epoch;                  // see epochs.h
  std::span<const std::string> groups;  // that the device is in, and those that its credential names
  std::string_view trace_parent = {};   // a valid traceparent of its opening handshake; only for on_connected
};

/// Whose decision or fault ended a connection.
enum class EndedBy : std::uint8_t {
  device,   // its Close came first
  gate,     // a rule, a limit, a deadline, a newer connection, the drain
  network,  // TCP ended without a Close
  backend,  // the admin API, or the embedder's handler
};
constexpr std::string_view word_of(EndedBy ended_by) {
  constexpr std::string_view words[] = {"device", "gate", "network", "backend"};
  return words[static_cast<std::size_t>(ended_by)];
}

struct DisconnectView {
  CloseCode code;
  std::string_view reason;
  EndedBy ended_by;
  std::uint64_t duration_ms, bytes_in, bytes_out, messages_in, messages_out;
  std::uint32_t rtt_ms;        // of the last answered ping; 0: none was answered
  std::uint64_t queued_bytes;  // output that the kernel had not taken
  // That the kernel had taken and the peer's TCP had not acknowledged; nullopt: not known.
  std::optional<std::uint64_t> unacked_bytes;
};

/// How a credential nears its end.
struct CredentialView {
  std::string_view kind;
  std::string_view token_id;  // perhaps empty
  std::int64_t expires_at;    // Unix seconds
};

/// A message of a device whose route names sinks for it (route.upstream).
struct UpstreamMessage {
  MessageType type;
  ByteView payload;
  std::uint64_t sinks;  // bits: see upstream.h
};

/// How a device falls behind. Each is told once, until nothing waits for the device any more.
enum class Slowness : std::uint8_t {
  half_full,  // its output takes more than half of limits.send_queue
  refused,    // a push was refused for it
  closed,     // its connection ends for it
};
constexpr std::string_view word_of(Slowness slowness) {
  constexpr std::string_view words[] = {"half_full", "refused", "closed"};
  return words[static_cast<std::size_t>(slowness)];
}

struct SlowView {
  Slowness slowness;
  std::uint64_t queued_bytes;
};

class Observer {
 public:
  virtual ~Observer() = default;
  /// Whether it does anything at present with a device that connects, is replaced or disconnects.
  virtual bool hears_devices() const { return true; }
  /// The same for on_slow. Then connections have epochs of their own.
  virtual bool hears_all() const { return false; }
  /// The same for on_message. Constant.
  virtual bool hears_messages() const { return false; }
  virtual void on_connected(const DeviceView& device) { (void)device; }
  virtual void on_disconnected(const DeviceView& device, const DisconnectView& end) { (void)device, (void)end; }
  /// `device` took the id over from `replaced`, which is about to be closed with 4409.
  virtual void on_replaced(const DeviceView& device, ConnectionRef replaced) { (void)device, (void)replaced; }
  /// Only of routes with sinks, and before the handler sees it.
  virtual void on_message(const DeviceView& device, const UpstreamMessage& message) { (void)device, (void)message; }
  /// Whether there is room for messages for these sinks (see upstream.h). Asked behind each message of a route that waits for its sinks.
  virtual bool has_room(std::uint64_t sinks) {
    (void)sinks;
    return true;
  }
  virtual void on_slow(const DeviceView& device, const SlowView& slow) { (void)device, (void)slow; }
  /// Some time before the end; once, unless the credential is extended.
  virtual void on_credential_expiring(const DeviceView& device, const CredentialView& credential) {
    (void)device, (void)credential;
  }
  /// The device is closed with 4401: its credential ended, or was revoked.
  virtual void on_credential_ended(const DeviceView& device, const CredentialView& credential) { (void)device, (void)credential; }
};

/// Writes log lines.
class LogObserver final : public Observer {
 public:
  bool hears_devices() const override;
  void on_connected(const DeviceView& device) override;
  void on_disconnected(const DeviceView& device, const DisconnectView& end) override;
  void on_credential_expiring(const DeviceView& device, const CredentialView& credential) override;
};

/// Counts for the metrics.
class CountingObserver final : public Observer {
 public:
  explicit CountingObserver(ShardCounters& counters) : counters_(counters) {}
  bool hears_devices() const override { return false; }
  void on_credential_expiring(const DeviceView&, const CredentialView&) override { counters_.credentials_expiring.add(1); }
  void on_credential_ended(const DeviceView&, const CredentialView&) override { counters_.credentials_ended.add(1); }

 private:
  ShardCounters& counters_;
};

/// The observers of a shard. Borrows them for life.
class Observers {
 public:
  void add(Observer& observer) {
    observers_.push_back(&observer);
    if (observer.hears_messages()) message_observers_.push_back(&observer);
  }

  /// If not, no view of the device need be made.
  bool hear_devices() const { return std::ranges::any_of(observers_, &Observer::hears_devices); }
  bool hear_all() const { return std::ranges::any_of(observers_, &Observer::hears_all); }

  template <typename... Parameters, typename... Arguments>
  void tell(void (Observer::*event)(Parameters...), const Arguments&... arguments) const {
    for (Observer* const observer : observers_) (observer->*event)(arguments...);
  }

  /// If not, no view of the message need be made.
  bool hear_messages() const { return !message_observers_.empty(); }
  void tell_message(const DeviceView& device, const UpstreamMessage& message) const {
    for (Observer* const observer : message_observers_) observer->on_message(device, message);
  }
  bool have_room(std::uint64_t sinks) const {
    return std::ranges::all_of(message_observers_, [sinks](Observer* observer) { return observer->has_room(sinks); });
  }

 private:
  std::vector<Observer*> observers_;
  std::vector<Observer*> message_observers_;
};

}  // namespace ringgate::dispatch
