// Who decides about a route's opening handshakes before the handler hears of the device: a connect hook. Implemented above.
#pragma once

#include "ringgate/upgrade_request.h"
#include "ringgate/upgrade_verdict.h"

namespace ringgate::dispatch {

class ConnectJudge {
 public:
  virtual ~ConnectJudge() = default;
  /// As Handler::on_upgrade, in whose place it stands: at once, or UpgradeLater and Entry::decide afterwards. Any shard; must not block.
  virtual UpgradeVerdict judge(const UpgradeRequest& request) = 0;
  /// The name of the webhook that decides, for the log. Any thread.
  virtual std::string_view webhook() const = 0;
};

}  // namespace ringgate::dispatch
