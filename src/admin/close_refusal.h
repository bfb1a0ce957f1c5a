// The refusal for a device that could not be closed, or changed otherwise. Pure; any thread.
#pragma once

#include "admin/answer.h"
#include "admin/json.h"
#include "admin/refusal.h"
#include "dispatch/outcomes.h"

namespace ringgate::admin {

/// `outcome` is not `closed`.
constexpr Refusal refusal_of(dispatch::CloseOutcome outcome) {
  switch (outcome) {
    case dispatch::CloseOutcome::closed:
    case dispatch::CloseOutcome::unknown_outcome: break;
    case dispatch::CloseOutcome::partly: return Refusal::partly_done;
    case dispatch::CloseOutcome::unknown_device: return Refusal::unknown_device;
    case dispatch::CloseOutcome::moving: return Refusal::closing;
    case dispatch::CloseOutcome::backpressure: return Refusal::backpressure;
    case dispatch::CloseOutcome::stopping: return Refusal::stopping;
    case dispatch::CloseOutcome::no_room: return Refusal::groups_full;
  }
  return Refusal::unknown_outcome;
}

/// The same as an answer, with every connection if the device has several. `done`: what the good outcome is called.
inline Answer failure_of(const dispatch::CloseResult& result, std::string_view done) {
  const Refusal refusal = refusal_of(result.outcome);
  if (refusal != Refusal::partly_done) return Answer::refuse(refusal);
  return {.status = facts_of(refusal).status,
          .content_type = "application/problem+json",
          .body = partly_done_json(result, done),
          .extra_fields = facts_of(refusal).extra_fields};
}

}  // namespace ringgate::admin
