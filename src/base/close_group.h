// The close codes that the metrics tell apart. Peers choose codes freely, so the rest is one group.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate {

struct CloseGroup {
  std::uint16_t first, last;
  std::string_view name;
};
inline constexpr std::array close_groups = {
    CloseGroup{1000, 1000, "1000"}, CloseGroup{1001, 1001, "1001"}, CloseGroup{1002, 1002, "1002"},
    CloseGroup{1003, 1003, "1003"}, CloseGroup{1005, 1005, "1005"}, CloseGroup{1006, 1006, "1006"},
    CloseGroup{1007, 1007, "1007"}, CloseGroup{1008, 1008, "1008"}, CloseGroup{1009, 1009, "1009"},
    CloseGroup{1010, 1010, "1010"}, CloseGroup{1011, 1011, "1011"}, CloseGroup{1012, 1012, "1012"},
    CloseGroup{1013, 1013, "1013"}, CloseGroup{3000, 3999, "3xxx"}, CloseGroup{4000, 4099, "40xx"},
    CloseGroup{4400, 4400, "4400"}, CloseGroup{4401, 4401, "4401"}, CloseGroup{4403, 4403, "4403"},
    CloseGroup{4408, 4408, "4408"}, CloseGroup{4409, 4409, "4409"}, CloseGroup{4413, 4413, "4413"},
    CloseGroup{4429, 4429, "4429"}, CloseGroup{4430, 4430, "4430"}, CloseGroup{4440, 4440, "4440"}};
inline constexpr std::size_t close_groups_count = close_groups.size() + 1;  // behind the named ones: every other code

constexpr std::size_t close_group_of(std::uint16_t code) {
  const auto* const found = std::ranges::find_if(close_groups, [&](const CloseGroup& group) { return code <= group.last; });
  return found != close_groups.end() && code >= found->first ? static_cast<std::size_t>(found - close_groups.begin())
                                                             : close_groups.size();
}
static_assert(std::ranges::is_sorted(close_groups, {}, &CloseGroup::first));

}  // namespace ringgate
