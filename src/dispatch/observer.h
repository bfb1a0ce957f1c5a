// What happens to devices, told to whoever listens: the log and the counters at present.
//
// Each shard has its own list of observers, which the shard owns; calls come on the owner shard, within a turn, and must not block.
// All views are borrowed for the call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "ring/ring.h"
#include "ringgate/close_code.h"
#include "ringgate/connection_ref.h"

namespace ringgate::dispatch {

struct DeviceView {
  std::string_view device_id;
  ConnectionRef connection;
  const ring::PeerAddress& peer;
  std::string_view path;  // the route's
  std::uint8_t shard_index;
};

struct DisconnectView {
  CloseCode code;
  std::string_view reason;
  std::uint64_t duration_ms, bytes_in, bytes_out, messages_in, messages_out;
};

/// How a credential nears its end.
struct CredentialView {
  std::string_view kind;
  std::string_view token_id;  // perhaps empty
  std::int64_t expires_at;    // Unix seconds
};

class Observer {
 public:
  virtual ~Observer() = default;
  /// Whether it does anything at present with a device that connects or disconnects.
  virtual bool hears_devices() const { return true; }
  virtual void on_connected(const DeviceView& device) { (void)device; }
  virtual void on_disconnected(const DeviceView& device, const DisconnectView& end) { (void)device, (void)end; }
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
  void add(Observer& observer) { observers_.push_back(&observer); }

  /// If not, no view of the device need be made.
  bool hear_devices() const { return std::ranges::any_of(observers_, &Observer::hears_devices); }

  template <typename... Parameters, typename... Arguments>
  void tell(void (Observer::*event)(Parameters...), const Arguments&... arguments) const {
    for (Observer* const observer : observers_) (observer->*event)(arguments...);
  }

 private:
  std::vector<Observer*> observers_;
};

}  // namespace ringgate::dispatch
