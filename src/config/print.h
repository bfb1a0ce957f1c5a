// Prints settings: as TOML with the source of each value, and as the reference in docs/configuration.md. Pure; any thread.
#pragma once

#include <string>

#include "config/load.h"

namespace ringgate::config {

/// TOML that reads again to the same settings. A comment beside each value names its source and says if a reload takes a new one.
std::string print_config(const LoadedConfig& loaded);

/// The Markdown table of all keys: key, value and range, default, what a reload does, meaning.
std::string print_reference();

}  // namespace ringgate::config
