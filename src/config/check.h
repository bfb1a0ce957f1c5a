// Checks settings: each value against its rule, then values against one another. The loader checks the values of its sources,
// Server::create the settings that a program filled in. Reads no source. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ringgate/config.h"
#include "ringgate/error.h"

namespace ringgate::config {

/// The source of each setting's value: "listener.0.bind" -> "gate.toml:3". A key that is absent has its default.
using Origins = std::map<std::string, std::string, std::less<>>;

/// All faults, in the order of the table, each with exit code 78. Empty: the settings are sound.
using ConfigFaults = std::vector<StartError>;

/// Finds values that contradict one another. Each value must already keep its own rule. Messages name the source from `origins`.
ConfigFaults check_relations(const Config& config, const Origins& origins);

/// Checks every value against its rule and, if all are good, their relations. For settings that a program filled in.
ConfigFaults check_config(const Config& config);

}  // namespace ringgate::config
