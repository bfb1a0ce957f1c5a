#include "config/table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/limits.h"
#include "config/rows.h"

namespace ringgate::config {
namespace {

using C = Config;

template <auto Section>
constexpr RepeatedSection repeated(std::string_view name, std::size_t entries_max) {
  return {name, entries_max, [](const Config& config) { return (config.*Section).size(); },
          [](Config& config, std::size_t count) { (config.*Section).resize(count); }};
}

constexpr std::array repeated_table{repeated<&C::listeners>("listener", limits::listeners_max),
                                    repeated<&C::webhooks>("webhook", limits::webhooks_max),
                                    repeated<&C::routes>("route", limits::routes_max)};

std::vector<Key> joined(std::initializer_list<std::vector<Key>> subjects) {
  std::vector<Key> all;
  for (const std::vector<Key>& rows : subjects) all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

}  // namespace

Config default_config() {
  Config config;
  config.routes.emplace_back();
  return config;
}

Config config_of_each_section() {
  Config config = default_config();
  for (const RepeatedSection& section : repeated_table)
    if (section.count(config) == 0) section.resize(config, 1);
  return config;
}

std::span<const Key> keys() {
  static const std::vector<Key> table = joined({rows_of_ports(), rows_of_webhooks(), rows_of_routes(), rows_of_devices(),
                                                rows_of_limits(), rows_of_operation(), rows_of_cluster()});
  return table;
}

std::span<const RepeatedSection> repeated_sections() { return repeated_table; }

const RepeatedSection* find_repeated(std::string_view name) {
  const auto section = std::ranges::find(repeated_table, name, &RepeatedSection::name);
  return section == repeated_table.end() ? nullptr : &*section;
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(
      keys(), [&](const Key& key) { return key.path.starts_with(name) && key.path.substr(name.size()).starts_with('.'); });
}

}  // namespace ringgate::config
