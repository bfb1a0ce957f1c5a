// The limits of one configuration, as numbers that belong together. A value: each shard has those of the settings that it judges by,
// so a handshake is never judged by half of a reload. What was counted is the Limiter's.
#pragma once

#include <cstdint>

#include "limit/flap_watch.h"
#include "limit/pace.h"
#include "ringgate/config.h"

namespace ringgate::limit {

/// What one device may send, unless its route or its credential says otherwise.
struct SendLimits {
  std::uint64_t messages_per_second, bytes_per_second;
  DurationNs burst;
};

struct Rules {
  explicit Rules(const LimitsConfig& limits)
      : accepts{limits.accepts_per_second, nanoseconds_per_second},
        handshakes{limits.handshakes_per_prefix, 60 * nanoseconds_per_second},
        failures{limits.auth_failures_per_prefix, 60 * nanoseconds_per_second},
        connections_per_source(limits.connections_per_prefix),
        id_flapping{limits.flap_connects, limits.flap_window_ns, limits.flap_ban_ns},
        source_flapping{limits.flap_connects_per_prefix, limits.flap_window_ns, limits.flap_ban_ns},
        sending{limits.messages_per_second, limits.bytes_per_second, limits.rate_burst_ns},
        rate_policy(limits.rate_policy),
        limits_handshakes(accepts.is_limited() || handshakes.is_limited() || connections_per_source != 0) {}

  PaceRule accepts;     // of the gate
  PaceRule handshakes;  // of a source
  PaceRule failures;    // of a source: credentials that were wrong
  std::uint64_t connections_per_source;
  FlapRule id_flapping, source_flapping;
  SendLimits sending;
  RatePolicy rate_policy;
  bool limits_handshakes;  // false: Limiter::accept, begin_handshake and enter let in, and need not be asked
};

}  // namespace ringgate::limit
