// The connect hook of one route: asks a webhook whether a device may connect. Shared by all shards.
#pragma once

#include <atomic>
#include <string>

#include "dispatch/connect_judge.h"
#include "hooks/hook_thread.h"
#include "ringgate/config.h"

namespace ringgate::hooks {

class ConnectHook final : public dispatch::ConnectJudge {
 public:
  /// `webhook`: which one is asked. `deadline`: of a verdict, from the question on. The thread outlives this object.
  ConnectHook(const RouteConfig& route, std::size_t webhook, DurationNs deadline, HookThread& thread, WebhookCounters& counters);

  UpgradeVerdict judge(const UpgradeRequest& request) override;
  std::string_view webhook() const override { return counters_.name; }

 private:
  void take_answer(ConnectionRef connection, std::string_view device_id, const Answer& answer);
  UpgradeDecision verdict_of(std::string_view device_id, const Answer& answer);
  UpgradeDecision without_verdict(std::string_view device_id, int status, std::string_view cause);
  UpgradeRefusal refuse_unusable(std::string_view device_id, std::string_view cause);

  const std::vector<std::string> field_names_;
  const ConnectHookFailure failure_;
  const std::size_t webhook_;
  const DurationNs deadline_;
  HookThread& thread_;
  WebhookCounters& counters_;
  LogLimiter log_limiter_;
};

}  // namespace ringgate::hooks
