// From sources to settings: defaults, then a TOML file, then the environment, then flags; the later one wins. Knows where each
// value came from, and reports every fault rather than the first. Knows no key by name: config_table.h has them all.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "config/check.h"
#include "ringgate/config.h"

namespace ringgate::config {

/// A setting given as text by a flag. `flag` is the flag's name for messages ("--listen"), or "--set".
struct FlagSetting {
  std::string flag;
  std::string path;  // "limits.max_message", "listener.0.bind"
  std::string text;
};

/// Where settings come from. Borrows everything for the call.
struct ConfigSources {
  std::string file;                          // empty: no file
  std::span<const std::string> environment;  // "NAME=value"; only names that begin with RINGGATE_ are looked at
  std::span<const FlagSetting> flags;
};

/// Settings and the origin of each. A key that is absent from `origins` has its default.
struct LoadedConfig {
  Config config;
  Origins origins;

  bool is_default(std::string_view path) const { return !origins.contains(path); }
};

/// Reads all sources. On error every fault, in the order file, environment, flags, relations between keys; never none.
/// Start-up only: allocates, reads the file, throws nothing but std::bad_alloc.
std::expected<LoadedConfig, ConfigFaults> load_config(const ConfigSources& sources);

/// The same for TOML text in memory; `name` stands for the file in messages. The environment and flags of none.
std::expected<LoadedConfig, ConfigFaults> load_config_text(std::string_view toml, std::string_view name);

}  // namespace ringgate::config
