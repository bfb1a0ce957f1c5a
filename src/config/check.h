// Whether settings are sound, wherever they come from: each value by its rule, then values by one another. The loader judges what
// sources gave it, Server::create what a program filled in; both ask here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ringgate/config.h"
#include "ringgate/error.h"

namespace ringgate::config {

/// Where each setting's value comes from: "listener.0.bind" -> "gate.toml:3". A key that is absent has its default.
using Origins = std::map<std::string, std::string, std::less<>>;

/// What is wrong, in the order of the table. All have exit code 78; none: the settings are sound.
using ConfigFaults = std::vector<StartError>;

/// Values that contradict one another. Each of them must keep its own rule. `origins` says where, in the messages.
ConfigFaults check_relations(const Config& config, const Origins& origins);

/// Every value by its rule and, if all keep theirs, the relations. For settings that no source spelled.
ConfigFaults check_config(const Config& config);

}  // namespace ringgate::config
