// What a reload of a running gate did. Values; any thread.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "ringgate/config.h"
#include "ringgate/error.h"

namespace ringgate {

/// A setting, or the content of the files that it names, before and after, as people may see it: `...` stands for the query of a URL.
struct SettingChange {
  std::string key;  // "log.level", "listener.0.tls.cert"
  std::string before;
  std::string after;

  friend bool operator==(const SettingChange&, const SettingChange&) = default;
};

struct ReloadReport {
  std::vector<SettingChange> changed;         // in force now
  std::vector<SettingChange> restart_needed;  // `before` stays in force until the next start

  friend bool operator==(const ReloadReport&, const ReloadReport&) = default;
};

/// Reads the settings from where those of the start came from. Called by one thread at a time, never by a shard.
using ConfigSource = std::move_only_function<std::expected<Config, StartError>()>;

}  // namespace ringgate
