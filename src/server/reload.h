// The parts of a running gate that take new settings, or read the files again that settings name, and how they do it together:
// first each of them reads and checks what is new, then all put it in force. So a reload happens as a whole or not at all.
//
// Runs off the shards: parts read files. One reload at a time.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ringgate/config.h"
#include "ringgate/error.h"
#include "ringgate/reload.h"

namespace ringgate::server {

/// Puts in force what was prepared; cannot fail. Returns what changed in files whose setting stayed the same.
using Commit = std::move_only_function<std::vector<SettingChange>()>;

/// Prepares what a part needs of the settings `fresh`, of which only those differ from the ones in force that are
/// config::Reload::live. Changes nothing. Called at a reload even if no setting differs, since files may. `fresh` holds the mounted
/// routes too, and is borrowed for the call.
using Prepare = std::move_only_function<std::expected<Commit, StartError>(const Config& fresh)>;

/// Lets every part prepare, then commits all. On error nothing has changed.
std::expected<std::vector<SettingChange>, StartError> apply_all(std::vector<Prepare>& parts, const Config& fresh);

}  // namespace ringgate::server
