// Paths of settings: from a path to its key and back, and the known path nearest to a mistyped one. Declared in table.h.
#include <algorithm>
#include <charconv>
#include <vector>

#include "config/table.h"

namespace ringgate::config {
namespace {

std::optional<std::size_t> read_index(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return index;
}

const Key* find_plain(std::string_view section, std::string_view name) {
  const auto key = std::ranges::find_if(keys(), [&](const Key& k) { return k.section() == section && k.name() == name; });
  return key == keys().end() ? nullptr : &*key;
}

/// Levenshtein's distance; both texts are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row_before(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row_before[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row_now(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = row_before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row_now[j] = std::min({replace, row_before[j] + 1, row_now[j - 1] + 1});
    }
    row_before = std::move(row_now);
  }
  return row_before.back();
}

/// The index in a mistyped path: "listener.2.bnd" -> 2; 0 if it has none.
std::size_t index_in(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return 0;
  const std::string_view rest = path.substr(dot + 1);
  return read_index(rest.substr(0, rest.find('.'))).value_or(0);
}

}  // namespace

std::optional<KeyPlace> find_key(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view section = path.substr(0, dot);
  std::string_view name = path.substr(dot + 1);
  std::size_t index = 0;
  if (find_repeated(section) != nullptr) {
    const std::size_t index_end = name.find('.');
    if (index_end == std::string_view::npos) return std::nullopt;
    const auto read = read_index(name.substr(0, index_end));
    if (!read) return std::nullopt;
    index = *read;
    name = name.substr(index_end + 1);
  }
  const Key* key = find_plain(section, name);
  if (key == nullptr) return std::nullopt;
  return KeyPlace{key, index};
}

std::string path_of(const KeyPlace& place) {
  const std::string section(place.key->section());
  if (find_repeated(section) == nullptr) return std::string(place.key->path);
  return section + '.' + std::to_string(place.index) + '.' + std::string(place.key->name());
}

std::optional<std::string> nearest_key(std::string_view path) {
  constexpr std::size_t path_bytes_max = 64;  // a longer path is not a typing error
  if (path.size() > path_bytes_max) return std::nullopt;
  constexpr std::size_t part_chars_min = 4;
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, path.size() / 4) + 1;
  for (const Key& key : keys()) {
    const std::string candidate = path_of({&key, index_in(path)});
    // The right name in the wrong section is nearer than any typing error.
    const std::string_view last = path.substr(path.rfind('.') + 1);
    // Nearer still is a key of the same section that has it as a part: "deflate.level" means deflate.memory_level.
    const bool is_part = last.size() >= part_chars_min && last.size() < path.size() && key.name().contains(last) &&
                         candidate.starts_with(path.substr(0, path.size() - last.size()));
    const std::size_t d = is_part ? 0 : last == key.name() ? 1 : distance(path, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace ringgate::config
