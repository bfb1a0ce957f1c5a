#include "config/changes.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringgate::config {
namespace {

/// The key that says which entry of a section this is: the first of the section's rows.
const Key& identity_of(const RepeatedSection& section) {
  return *std::ranges::find(keys(), section.name, [](const Key& key) { return key.section(); });
}

/// TLS on a listener cannot be switched on or off while it serves: only its certificates can be replaced.
bool switches_tls(const Key& key, std::size_t index, const Config& in_force, const Config& fresh) {
  if (!key.path.ends_with(".tls.cert") && !key.path.ends_with(".tls.key")) return false;
  const auto has_tls = [&](const Config& config) {
    const TlsConfig& tls = key.section() == "admin" ? config.admin.tls : config.listeners[index].tls;
    return !tls.certificate_files.empty();
  };
  return has_tls(in_force) != has_tls(fresh);
}

using OnChange = std::function<void(const KeyPlace& place, bool is_taken)>;

/// Compares one entry; index 0 of a section that is not repeated.
void walk_entry(std::string_view section, std::size_t index, const Config& in_force, const Config& fresh,
                const OnChange& on_change) {
  const auto differs = [&](const Key& key) { return key.print(key, in_force, index) != key.print(key, fresh, index); };
  if (const RepeatedSection* repeated = find_repeated(section); repeated != nullptr)
    if (const Key& identity = identity_of(*repeated); differs(identity)) return on_change({&identity, index}, false);
  for (const Key& key : keys()) {
    if (key.section() != section || !differs(key)) continue;
    on_change({&key, index}, key.reload == Reload::live && !switches_tls(key, index, in_force, fresh));
  }
}

/// Calls `on_change` for each setting that differs, in the order of the table, and `on_count` for a section whose number of
/// entries does.
void walk(const Config& in_force, const Config& fresh, const OnChange& on_change,
          const std::function<void(const RepeatedSection&)>& on_count) {
  std::string_view section;
  for (const Key& key : keys()) {
    if (key.section() == section) continue;
    section = key.section();
    const RepeatedSection* repeated = find_repeated(section);
    const std::size_t count = repeated == nullptr ? 1 : repeated->count(in_force);
    if (repeated != nullptr && count != repeated->count(fresh)) {
      on_count(*repeated);
      continue;
    }
    for (std::size_t index = 0; index < count; ++index) walk_entry(section, index, in_force, fresh, on_change);
  }
}

std::string entries(std::size_t count) { return fmt::format("{} {}", count, count == 1 ? "entry" : "entries"); }

}  // namespace

ReloadReport compare(const Config& in_force, const Config& fresh) {
  ReloadReport report;
  walk(
      in_force, fresh,
      [&](const KeyPlace& place, bool is_taken) {
        const Key& key = *place.key;
        (is_taken ? report.changed : report.restart_needed)
            .push_back({path_of(place), key.show(key, in_force, place.index), key.show(key, fresh, place.index)});
      },
      [&](const RepeatedSection& section) {
        report.restart_needed.push_back(
            {std::string(section.name), entries(section.count(in_force)), entries(section.count(fresh))});
      });
  return report;
}

void take_changes(const Config& in_force, const Config& fresh, Config& config) {
  walk(
      in_force, fresh,
      [&](const KeyPlace& place, bool is_taken) {
        if (is_taken) place.key->copy(fresh, config, place.index);
      },
      [](const RepeatedSection&) {});
}

}  // namespace ringgate::config
