// The one table of settings: key, rule, meaning, and the member of Config that holds the value. Files, environment, flags,
// check-config, print-config and the reference in docs/ all read it; there is no second list. It holds no defaults: those are in
// ringgate/config.h. Its rows are in rows_*.cc, one file for each subject. Constant; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/rule.h"
#include "ringgate/config.h"

namespace ringgate::config {

/// What a running gate does with a new value when it reads its settings again.
enum class Reload : std::uint8_t {
  restart,  // says that it needs a restart
  live,     // puts it in force (a part of the gate applies it: see server/reload.h)
};

/// One setting. In a repeated section (`[[listener]]`) its path has no index: "listener.bind". A section may contain another one:
/// "route.deflate.mode".
struct Key {
  std::string_view path;
  Rule rule;
  std::string_view meaning;  // help text for the reference, in Markdown
  Read<void> (*assign)(const Key& key, Config& config, std::size_t index, const RawValue& value);
  std::string (*print)(const Key& key, const Config& config, std::size_t index);  // whole, to compare
  std::string (*show)(const Key& key, const Config& config, std::size_t index);   // for people, without credentials
  Read<void> (*check)(const Key& key, const Config& config, std::size_t index);   // for a value that a program set
  void (*copy)(const Config& from, Config& to, std::size_t index);
  Reload reload = Reload::restart;

  std::string_view section() const { return path.substr(0, path.find('.')); }
  std::string_view name() const { return path.substr(path.find('.') + 1); }
};

/// A section that may have several entries.
struct RepeatedSection {
  std::string_view name;
  std::size_t entries_max;
  std::size_t (*count)(const Config& config);
  void (*resize)(Config& config, std::size_t count);  // new entries have their defaults
};

/// The settings of a gate without sources: Config's own defaults and one default route, the echo on /ws.
Config default_config();
/// The same, with one entry in each repeated section that has none: where the reference finds the defaults of its keys.
Config config_of_each_section();

std::span<const Key> keys();
std::span<const RepeatedSection> repeated_sections();

/// Null if `name` is not a repeated section.
const RepeatedSection* find_repeated(std::string_view name);
/// True for "limits" and for a section within a section, "route.deflate".
bool is_section(std::string_view name);

/// A key and, in a repeated section, the index of the entry.
struct KeyPlace {
  const Key* key;
  std::size_t index = 0;
};

/// Reads "limits.max_message" or "listener.0.bind"; nothing if there is no such key. Indices have no leading zero.
std::optional<KeyPlace> find_key(std::string_view path);

/// The path with its index: "listener.0.bind".
std::string path_of(const KeyPlace& place);

/// The known path nearest to a mistyped one, with the same index in a repeated section; nothing if none is near.
std::optional<std::string> nearest_key(std::string_view path);

}  // namespace ringgate::config
