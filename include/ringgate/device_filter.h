// Which devices a broadcast is for: by the prefix of their ids, by a group that they are in, by their route. And the names of groups.
// Values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ringgate/device_id.h"

namespace ringgate {

inline constexpr std::size_t group_name_chars_max = device_id_chars_max;

/// True if `name` may name a group: 1 to 128 letters, digits and `. _ ~ : @ -`, but neither `.` nor `..`. Case counts. Any thread; does not
/// allocate.
constexpr bool is_valid_group_name(std::string_view name) { return is_valid_device_id(name, IdCharacters::strict); }

/// The members that are not empty hold together; a filter without any stands for every device.
struct DeviceFilter {
  std::string prefix;  // of the device id
  std::string group;   // one that the device is in
  std::string route;   // the path of its route, as it was configured

  bool empty() const { return prefix.empty() && group.empty() && route.empty(); }
  friend bool operator==(const DeviceFilter&, const DeviceFilter&) = default;
};

}  // namespace ringgate
