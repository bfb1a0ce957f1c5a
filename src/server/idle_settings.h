// Settings that do nothing, because others that they need are not set. Not faults, since each key loads alone: a start, a reload and
// check-config warn of them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringgate/config.h"

namespace ringgate::server {

/// A setting that was given for nothing.
struct IdleSetting {
  std::string key;         // "route.0.on_overflow"
  std::string_view cause;  // why it does nothing; literal
  std::string remedy;      // what to set, or to leave out
};

/// Of routes, webhooks and events, in the order of the configuration table. A value that equals the default counts as not given.
std::vector<IdleSetting> idle_settings_of(const Config& config);

}  // namespace ringgate::server
