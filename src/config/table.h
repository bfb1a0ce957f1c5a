// The one table of settings: key, rule, meaning, and where in Config the value lives. Files, environment, flags, check-config,
// print-config and the reference in docs/ are all driven by it; no second list exists. Defaults are those of ringgate/config.h.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/rule.h"
#include "ringgate/config.h"

namespace ringgate::config {

/// One setting. Of a repeated section (`[[listener]]`) the path has no index: "listener.bind". A section may have
/// another in it: "route.deflate.mode".
struct Key {
  std::string_view path;
  Rule rule;
  std::string_view meaning;  // a sentence for the reference
  Read<void> (*assign)(const Key& key, Config& config, std::size_t index, const RawValue& value);
  std::string (*print)(const Key& key, const Config& config, std::size_t index);
  Read<void> (*check)(const Key& key, const Config& config, std::size_t index);  // of a value that a program set

  std::string_view section() const { return path.substr(0, path.find('.')); }
  std::string_view name() const { return path.substr(path.find('.') + 1); }
};

/// A section that may be there several times.
struct RepeatedSection {
  std::string_view name;
  std::size_t entries_max;
  std::size_t (*count)(const Config& config);
  void (*resize)(Config& config, std::size_t count);  // new entries have their defaults
};

/// What a gate serves that is told nothing: Config's own defaults, and one route of them, the echo on /ws.
Config default_config();

std::span<const Key> keys();
std::span<const RepeatedSection> repeated_sections();

/// Null if `name` is no section of that kind.
const RepeatedSection* find_repeated(std::string_view name);
/// True for "limits" and for a section within a section, "route.deflate".
bool is_section(std::string_view name);

/// A key and, in a repeated section, which entry.
struct KeyPlace {
  const Key* key;
  std::size_t index = 0;
};

/// Reads "limits.max_message" or "listener.0.bind"; nothing if there is no such key. Indices have no leading zero.
std::optional<KeyPlace> find_key(std::string_view path);

/// The path with its index: "listener.0.bind".
std::string path_of(const KeyPlace& place);

/// The known path nearest to a mistyped one, if any is near. Entries of repeated sections are spelled with the index given.
std::optional<std::string> nearest_key(std::string_view path);

}  // namespace ringgate::config
