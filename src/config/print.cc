#include "config/print.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/table.h"

namespace ringgate::config {
namespace {

/// `max_message = "1MiB"  # gate.toml:3`, or `# gate.toml:3, reloadable`
std::string print_line(const LoadedConfig& loaded, const KeyPlace& place) {
  const auto origin = loaded.origins.find(path_of(place));
  const std::string_view comment = origin == loaded.origins.end() ? "default" : std::string_view(origin->second);
  return fmt::format("{} = {}  # {}{}\n", place.key->name(), place.key->show(*place.key, loaded.config, place.index), comment,
                     place.key->reload == Reload::live ? ", reloadable" : "");
}

/// All keys of one section, which is repeated `entries` times.
std::string print_section(const LoadedConfig& loaded, std::span<const Key> section_keys) {
  const std::string_view name = section_keys.front().section();
  const RepeatedSection* repeated = find_repeated(name);
  const std::size_t entries = repeated == nullptr ? 1 : repeated->count(loaded.config);
  std::string out;
  for (std::size_t i = 0; i < entries; ++i) {
    out += repeated == nullptr ? fmt::format("[{}]\n", name) : fmt::format("[[{}]]\n", name);
    for (const Key& key : section_keys) out += print_line(loaded, {&key, i});
    out += '\n';
  }
  return out;
}

}  // namespace

std::string print_config(const LoadedConfig& loaded) {
  std::string out;
  std::span<const Key> rest = keys();
  while (!rest.empty()) {
    const auto next = std::ranges::find_if(rest, [&](const Key& key) { return key.section() != rest.front().section(); });
    const auto length = static_cast<std::size_t>(next - rest.begin());
    out += print_section(loaded, rest.first(length));
    rest = rest.subspan(length);
  }
  out.pop_back();  // the blank line after the last section
  return out;
}

std::string print_reference() {
  const Config defaults = config_of_each_section();
  std::string out = "| key | write | default | reload | meaning |\n|---|---|---|---|---|\n";
  for (const Key& key : keys()) {
    out += fmt::format("| `{}` | {} | `{}` | {} | {} |\n", key.path, describe(key.rule), key.print(key, defaults, 0),
                       key.reload == Reload::live ? "live" : "restart", key.meaning);
  }
  return out;
}

}  // namespace ringgate::config
