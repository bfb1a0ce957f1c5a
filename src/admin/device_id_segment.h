// The device id in a path: one segment, percent-decoded once. A value; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "http/uri.h"
#include "ringgate/device_id.h"

namespace ringgate::admin {

/// Holds the decoded id. Invariant: empty, or a valid device id.
class DeviceIdSegment {
 public:
  DeviceIdSegment() = default;

  /// Nullopt if `segment` is not a valid device id.
  static std::optional<DeviceIdSegment> decode(std::string_view segment, IdCharacters characters = IdCharacters::strict) {
    DeviceIdSegment id;
    const auto size = http::percent_decode(segment, id.chars_);
    if (!size || !is_valid_device_id({id.chars_.data(), *size}, characters)) return std::nullopt;
    id.size_ = *size;
    return id;
  }

  std::string_view view() const { return {chars_.data(), size_}; }

 private:
  std::array<char, device_id_chars_max> chars_{};
  std::size_t size_ = 0;
};

}  // namespace ringgate::admin
