// The refusal for a push that was not delivered. Pure; any thread.
#pragma once

#include "admin/refusal.h"
#include "ringgate/push.h"

namespace ringgate::admin {

/// `outcome` is not `delivered`.
constexpr Refusal refusal_of(PushOutcome outcome) {
  switch (outcome) {
    case PushOutcome::unknown_device: return Refusal::unknown_device;
    case PushOutcome::backpressure: return Refusal::backpressure;
    case PushOutcome::too_large: return Refusal::too_large;
    case PushOutcome::closing: return Refusal::closing;
    case PushOutcome::invalid_utf8: return Refusal::invalid_utf8;
    case PushOutcome::other_connection: return Refusal::other_connection;
    case PushOutcome::level_unsupported: return Refusal::receipt_unsupported;
    case PushOutcome::id_conflict: return Refusal::id_conflict;
    case PushOutcome::expired: return Refusal::expired;
    case PushOutcome::coalesced: return Refusal::coalesced;
    case PushOutcome::dropped: return Refusal::dropped;
    case PushOutcome::timed_out: return Refusal::wait_timeout;
    case PushOutcome::connection_ended: return Refusal::connection_ended;
    case PushOutcome::not_covered: return Refusal::not_covered;
    case PushOutcome::engine_unavailable: return Refusal::engine_unavailable;
    case PushOutcome::delivered:
    case PushOutcome::unknown_outcome: break;
  }
  return Refusal::unknown_outcome;
}

/// Whether it was taken first: then the answer tells how far it came.
constexpr bool was_taken(PushOutcome outcome) {
  return outcome == PushOutcome::expired || outcome == PushOutcome::coalesced || outcome == PushOutcome::dropped ||
         outcome == PushOutcome::timed_out || outcome == PushOutcome::connection_ended;
}

}  // namespace ringgate::admin
