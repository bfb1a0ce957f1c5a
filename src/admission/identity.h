// Which device a request speaks for: reads the id from the places the configuration names.
//
// Says nothing about whether the device may connect. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "admission/id_source.h"
#include "admission/rejection.h"
#include "http/request_head.h"
#include "ringgate/device_id.h"

namespace ringgate::admission {

/// A device id held by value: valid for ever, whatever becomes of the request it came from.
class DeviceIdText {
 public:
  DeviceIdText() = default;
  /// Copies `text`, at most device_id_chars_max bytes.
  explicit DeviceIdText(std::string_view text);

  std::string_view view() const { return {chars_.data(), size_}; }
  friend bool operator==(const DeviceIdText& a, const DeviceIdText& b) { return a.view() == b.view(); }

 private:
  std::array<char, device_id_chars_max> chars_;
  std::uint8_t size_ = 0;
};
static_assert(device_id_chars_max <= UINT8_MAX);

/// The id that `request` carries; nullopt if no source has one. Every source is read: values that differ, in
/// one source or in two, are device_id_conflict. Ids are percent-decoded once; then device_id_malformed
/// unless valid (device_id.h), device_id_reserved with the prefix of the gate's own names.
std::expected<std::optional<DeviceIdText>, Rejection> read_device_id(const http::RequestView& request,
                                                                     std::span<const IdSource> sources);

/// What stands in the place of the id, whether or not it is one, as sent; empty if nothing does. For logs.
std::string_view claimed_device_id(const http::RequestView& request, std::span<const IdSource> sources);

inline constexpr std::size_t anonymous_id_random_chars = 26;
using AnonymousIdSeed = std::span<const std::uint8_t, anonymous_id_random_chars>;

/// `anon-` and 26 characters of `[a-z2-7]`: 130 bits out of `seed`, whose bytes must be unpredictable.
DeviceIdText anonymous_device_id(AnonymousIdSeed seed);

}  // namespace ringgate::admission
