// The answers to what is done for many devices at once. Pure; any thread.
#pragma once

#include "admin/answer.h"
#include "admin/refusal.h"
#include "ringgate/push.h"

namespace ringgate::admin {

/// The refusal for a result that is not `completed`.
inline Answer refusal_of(const BroadcastResult& result) {
  switch (result.outcome) {
    case BroadcastOutcome::backpressure: return Answer::refuse(Refusal::unavailable);
    case BroadcastOutcome::too_large: return Answer::refuse(Refusal::too_large);
    case BroadcastOutcome::closing: return Answer::refuse(Refusal::stopping);
    case BroadcastOutcome::invalid_utf8: return Answer::refuse(Refusal::invalid_utf8);
    case BroadcastOutcome::completed:
    case BroadcastOutcome::unknown_outcome: break;
  }
  return Answer::refuse(Refusal::unknown_outcome);
}

}  // namespace ringgate::admin
