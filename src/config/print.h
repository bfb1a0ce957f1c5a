// Settings made readable: as TOML with the origin of each value, and as the reference in docs/configuration.md.
#pragma once

#include <string>

#include "config/load.h"

namespace ringgate::config {

/// TOML that reads again to the same settings; beside each value, as a comment, where it comes from.
std::string print_config(const LoadedConfig& loaded);

/// The table of all keys in Markdown: key, value and range, default, meaning. One row per key of the table.
std::string print_reference();

}  // namespace ringgate::config
