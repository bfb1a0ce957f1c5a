// Devices of other gates: what finds nobody here is asked there, if there is somebody to ask. Part of PushService.
#include <utility>

#include "dispatch/outcome_counters.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

/// The caller has counted that it was asked for. Alone, a gate that has not the device knows that nobody has it.
void PushService::push_elsewhere(std::string_view device_id, ws::MessageRef message, const PushOptions& options,
                                 const Selection* reach, PushCallback on_result) {
  if (elsewhere_ == nullptr) return refuse_asked(PushOutcome::unknown_device, std::move(on_result));
  ++elsewhere_open_;
  elsewhere_->push(device_id, std::move(message), options, reach,
                   [this, on_result = std::move(on_result)](const PushResult& result) mutable {
                     --elsewhere_open_;
                     count(counters_, result.outcome);
                     if (on_result) on_result(result);
                   });
}

void PushService::close_elsewhere(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result) {
  ++elsewhere_open_;
  elsewhere_->close(device_id, code, reason, [this, on_result = std::move(on_result)](const CloseResult& result) mutable {
    --elsewhere_open_;
    if (on_result) on_result(result);
  });
}

void PushService::describe_elsewhere(std::string_view device_id, DescribeCallback on_result) {
  ++elsewhere_open_;
  elsewhere_->describe(device_id, [this, on_result = std::move(on_result)](DescribeResult result) mutable {
    --elsewhere_open_;
    on_result(std::move(result));
  });
}

}  // namespace ringgate::dispatch
