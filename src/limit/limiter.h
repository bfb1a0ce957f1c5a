// The limits that all shards of a gate share, judged once per opening handshake: by source, by device id, and for the whole gate.
//
// It judges and remembers; it answers nobody, closes nothing and writes no log. Limits on the messages of one connection are in
// dispatch/pacing.h. Owned by the gate's state. Any thread; the rules are those of the caller, and may differ between two calls.
// Memory is fixed (limits.h), but for one entry per source that has connections. A peer without an address is exempt from the limits
// by source.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "device/id_key.h"
#include "limit/flap_watch.h"
#include "limit/pace.h"
#include "limit/rate_table.h"
#include "limit/rules.h"
#include "limit/source_counts.h"
#include "limit/source_prefix.h"
#include "ring/ring.h"

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
  explicit Limiter(const device::KeyedHash& hash);

  // -- Before the request is judged
  /// Counts a new connection of the gate (limits.accept_rate).
  Judgement accept(const Rules& rules, TimeNs now);
  /// Counts an opening handshake of this source (limits.handshakes_per_prefix).
  Judgement begin_handshake(const Rules& rules, const ring::PeerAddress& peer, TimeNs now);
  struct Entry {
    bool is_full = false;   // the source has as many connections as it may
    std::uint64_t key = 0;  // for `leave`; 0: not counted
  };
  /// Counts one connection of this source (limits.connections_per_prefix).
  Entry enter(const Rules& rules, const ring::PeerAddress& peer);
  /// Once per entry whose key is not 0.
  void leave(std::uint64_t key) { connections_.leave(key); }

  // -- Credentials
  /// Whether this source may try a credential now (limits.auth_failures). Takes nothing.
  Judgement may_try(const Rules& rules, const ring::PeerAddress& peer, TimeNs now);
  /// Counts a credential that was wrong. A good one counts as nothing. Not let in: others that failed side by side with it have used
  /// up what was free, so its peer must not learn that it was wrong.
  Judgement credential_failed(const Rules& rules, const ring::PeerAddress& peer, TimeNs now);

  // -- After the credential check
  struct Connect {
    Judgement id, source;
    bool id_ban_began = false, source_ban_began = false;
  };
  /// Counts a connection of this id, and then of its source (limits.flap_connects, flap_connects_per_prefix).
  Connect connect(const Rules& rules, const device::IdKey& id, const ring::PeerAddress& peer, TimeNs now);

  std::size_t sources_count() { return connections_.sources_count(); }

 private:
  std::optional<std::uint64_t> key_of(const ring::PeerAddress& peer) const;
  static Judgement connect(RateTable<FlapWatch>& table, std::uint64_t key, const FlapRule& rule, TimeNs now, bool& ban_began);

  const device::KeyedHash& hash_;
  SharedPace accepts_;
  SourceCounts connections_;
  RateTable<Pace> handshakes_, failures_;
  RateTable<FlapWatch> flapping_ids_, flapping_sources_;
};

}  // namespace ringgate::limit
