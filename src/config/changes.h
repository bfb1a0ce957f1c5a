// What differs between the settings in force and fresh ones, and which of it a running gate can take. Pure; any thread.
#pragma once

#include <functional>

#include "config/table.h"
#include "ringgate/reload.h"

namespace ringgate::config {

/// Compares setting by setting. An entry of a repeated section is compared if it is still the same entry, by its `bind` or `path`;
/// otherwise, and if their number differs, nothing of that section is taken.
ReloadReport compare(const Config& in_force, const Config& fresh);

/// Copies those settings from `fresh` to `config` that `compare` calls changed. `config` may have more entries than the others,
/// behind them: a program has mounted routes.
void take_changes(const Config& in_force, const Config& fresh, Config& config);

}  // namespace ringgate::config
