// How a row of the table of settings is written: it connects a path and its rule with a member of Config. Only for rows_*.cc.
//
// A row is two lines: the setting, then its meaning.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/time.h"
#include "config/table.h"

namespace ringgate::config {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t us = nanoseconds_per_microsecond;
inline constexpr std::uint64_t ms = nanoseconds_per_millisecond;
inline constexpr std::uint64_t s = nanoseconds_per_second;
inline constexpr std::uint64_t minute = 60 * s;
inline constexpr std::uint64_t hour = 60 * minute;

template <auto Section, auto... Members, typename AnyConfig>
auto& member_of(AnyConfig& config, std::size_t index) {
  // clang-format off
  if constexpr (requires { (config.*Section)[index]; }) return ((config.*Section)[index].* ... .*Members);
  else return ((config.*Section).* ... .*Members);
  // clang-format on
}

/// The value that the rule judges: an enumerator becomes the index of its word.
template <typename KindOfRule, typename Member>
decltype(auto) ruled_value(const Member& member) {
  if constexpr (std::is_same_v<KindOfRule, WordRule>) return static_cast<std::size_t>(member);
  else return (member);
}

/// A row of the table. It connects a path and its rule with a member of a section of Config, or with a member of that member.
template <auto Section, auto... Members, typename KindOfRule>
Key row(std::string_view path, KindOfRule rule, std::string_view meaning, Reload reload = Reload::restart) {
  return {path,
          rule,
          meaning,
          [](const Key& key, Config& config, std::size_t index, const RawValue& value) -> Read<void> {
            auto& member = member_of<Section, Members...>(config, index);
            auto read_value = read(std::get<KindOfRule>(key.rule), value);
            if (!read_value) return std::unexpected(std::move(read_value.error()));
            member = static_cast<std::remove_reference_t<decltype(member)>>(std::move(*read_value));
            return {};
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            const auto& rule_of_key = std::get<KindOfRule>(key.rule);
            return config::print(rule_of_key, ruled_value<KindOfRule>(member));
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            return config::show(std::get<KindOfRule>(key.rule), ruled_value<KindOfRule>(member));
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            return config::check(std::get<KindOfRule>(key.rule), ruled_value<KindOfRule>(member));
          },
          [](const Config& from, Config& to, std::size_t index) {
            member_of<Section, Members...>(to, index) = member_of<Section, Members...>(from, index);
          },
          reload};
}

}  // namespace ringgate::config
