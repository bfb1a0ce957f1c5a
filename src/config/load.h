// Loads settings from their sources: defaults, a TOML file, the environment, flags; the later source wins. Keeps the source of
// each value and reports every fault, not only the first. Rules and ranges are in rows_*.cc. Start-up only.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "config/check.h"
#include "config/file_text.h"
#include "ringgate/config.h"

namespace ringgate::config {

/// A setting that a flag gives as text. `flag` is the flag's name for messages: "--listen", "--set".
struct FlagSetting {
  std::string flag;
  std::string path;  // "limits.max_message", "listener.0.bind"
  std::string text;
};

/// The sources of settings. Borrows everything for the call.
struct ConfigSources {
  std::string file;                          // empty: no file
  std::span<const std::string> environment;  // "NAME=value"; names without the prefix RINGGATE_ are ignored
  std::span<const FlagSetting> flags;
  FileReading reading = FileReading::first;
};

/// Settings and their sources. A key that is absent from `origins` has its default.
struct LoadedConfig {
  Config config;
  Origins origins;

  bool is_default(std::string_view path) const { return !origins.contains(path); }
};

/// Reads all sources. On error returns every fault, at least one: of the file, the environment, the flags, then of relations
/// between keys. Allocates, reads the file, throws only std::bad_alloc.
std::expected<LoadedConfig, ConfigFaults> load_config(const ConfigSources& sources);

/// The same for TOML text in memory, without environment and flags. Messages call the text `name`.
std::expected<LoadedConfig, ConfigFaults> load_config_text(std::string_view toml, std::string_view name);

}  // namespace ringgate::config
