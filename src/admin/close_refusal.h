// The refusal for a device that could not be closed, or changed otherwise. Constant; any thread.
#pragma once

#include "admin/refusal.h"
#include "dispatch/outcomes.h"

namespace ringgate::admin {

/// `outcome` is not `closed`.
constexpr Refusal refusal_of(dispatch::CloseOutcome outcome) {
  switch (outcome) {
    case dispatch::CloseOutcome::closed:
    case dispatch::CloseOutcome::unknown_outcome: break;
    case dispatch::CloseOutcome::unknown_device: return Refusal::unknown_device;
    case dispatch::CloseOutcome::moving: return Refusal::closing;
    case dispatch::CloseOutcome::backpressure: return Refusal::backpressure;
    case dispatch::CloseOutcome::stopping: return Refusal::stopping;
  }
  return Refusal::unknown_outcome;
}

}  // namespace ringgate::admin
