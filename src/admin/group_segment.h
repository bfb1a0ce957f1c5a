// The name of a group in a path: one segment, percent-decoded once. A value; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "http/uri.h"
#include "ringgate/device_filter.h"

namespace ringgate::admin {

/// Holds the decoded name. Invariant: empty, or a valid name.
class GroupSegment {
 public:
  GroupSegment() = default;

  /// Nullopt if `segment` is not the name of a group.
  static std::optional<GroupSegment> decode(std::string_view segment) {
    GroupSegment group;
    const auto size = http::percent_decode(segment, group.chars_);
    if (!size || !is_valid_group_name({group.chars_.data(), *size})) return std::nullopt;
    group.size_ = *size;
    return group;
  }

  std::string_view view() const { return {chars_.data(), size_}; }

 private:
  std::array<char, group_name_chars_max> chars_{};
  std::size_t size_ = 0;
};

}  // namespace ringgate::admin
