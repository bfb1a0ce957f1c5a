// The limits that all shards of a gate share, judged once per opening handshake: by source, by device id, and for the whole gate.
//
// It judges and remembers; it answers nobody, closes nothing and writes no log. Limits on the messages of one connection are in
// dispatch/pacing.h. Owned by the gate's state. Any thread; settings may change at any time. Memory is fixed (limits.h), but for one
// entry per source that has connections. A peer without an address is exempt from the limits by source.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "device/id_key.h"
#include "limit/flap_watch.h"
#include "limit/pace.h"
#include "limit/rate_table.h"
#include "limit/source_counts.h"
#include "limit/source_prefix.h"
#include "ring/ring.h"
#include "ringgate/config.h"

namespace ringgate::limit {

/// The answer of a limit: `wait` is the time until the next try may succeed; 0: go on.
struct Judgement {
  DurationNs wait = 0;
  bool is_untracked = false;  // the table had no room: it was let in without being counted

  bool lets_in() const { return wait == 0; }
};

class Limiter {
 public:
  /// `hash` must outlive the limiter: attackers choose addresses and ids.
  Limiter(const LimitsConfig& limits, const device::KeyedHash& hash);

  /// Takes over settings, at the start and at each reload. What was counted stays.
  void set(const LimitsConfig& limits);

  // -- Before the request is judged
  /// Whether any of these limits is set: if not, each of them lets in, and need not be asked.
  bool limits_handshakes() const { return limits_handshakes_.load(std::memory_order_relaxed); }
  /// Counts a new connection of the gate (limits.accept_rate).
  Judgement accept(TimeNs now);
  /// Counts an opening handshake of this source (limits.handshakes_per_prefix).
  Judgement begin_handshake(const ring::PeerAddress& peer, TimeNs now);
  struct Entry {
    bool is_full = false;   // the source has as many connections as it may
    std::uint64_t key = 0;  // for `leave`; 0: not counted
  };
  /// Counts one connection of this source (limits.connections_per_prefix).
  Entry enter(const ring::PeerAddress& peer);
  /// Once per entry whose key is not 0.
  void leave(std::uint64_t key) { connections_.leave(key); }

  // -- Credentials
  /// Whether this source may try a credential now (limits.auth_failures). Takes nothing.
  Judgement may_try(const ring::PeerAddress& peer, TimeNs now);
  /// Counts a credential that was wrong. A good one counts as nothing.
  Judgement credential_failed(const ring::PeerAddress& peer, TimeNs now);

  // -- After the credential check
  struct Connect {
    Judgement id, source;
    bool id_ban_began = false, source_ban_began = false;
  };
  /// Counts a connection of this id, and then of its source (limits.flap_connects, flap_connects_per_prefix).
  Connect connect(const device::IdKey& id, const ring::PeerAddress& peer, TimeNs now);

  // -- After the handshake
  /// What one device may send, unless its route or its credential says otherwise.
  struct SendLimits {
    std::uint64_t messages_per_second, bytes_per_second;
    DurationNs burst;
  };
  SendLimits send_limits() const;
  RatePolicy rate_policy() const { return static_cast<RatePolicy>(rate_policy_.load(std::memory_order_relaxed)); }

  std::size_t sources_count() { return connections_.sources_count(); }

 private:
  using Setting = std::atomic<std::uint64_t>;  // relaxed: each stands for itself

  std::optional<std::uint64_t> key_of(const ring::PeerAddress& peer) const;
  static PaceRule rule(const Setting& count, DurationNs period) { return {count.load(std::memory_order_relaxed), period}; }
  FlapRule flap_rule(const Setting& connects) const;
  static Judgement connect(RateTable<FlapWatch>& table, std::uint64_t key, const FlapRule& rule, TimeNs now, bool& ban_began);

  const device::KeyedHash& hash_;
  Setting accept_rate_{0}, connections_per_source_{0}, handshakes_per_minute_{0}, failures_per_minute_{0};
  Setting messages_per_second_{0}, bytes_per_second_{0}, rate_burst_{0}, rate_policy_{0};
  Setting flap_connects_{0}, flap_connects_per_source_{0}, flap_window_{0}, flap_ban_{0};

  std::atomic<bool> limits_handshakes_{false};  // relaxed, as the settings

  SharedPace accepts_;
  SourceCounts connections_;
  RateTable<Pace> handshakes_, failures_;
  RateTable<FlapWatch> flapping_ids_, flapping_sources_;
};

}  // namespace ringgate::limit
