// Reads the device id of a request from the places that the configuration names. Does not decide whether the device may connect.
// Pure functions; any thread.
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

/// A device id by value: outlives its request.
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

/// Where a device says who it is. Borrows both for the call.
struct ClaimedId {
  const http::RequestView& request;
  std::string_view path_segment;  // in the place of `{id}` in the route's path; not decoded
};

/// The id that the request claims, percent-decoded once; nullopt if no source has one. Every source of a claimed id is read, those
/// of a proven one are not. Errors: device_id_conflict if values differ, within one source or between two; device_id_malformed if
/// an id is not valid (device_id.h); device_id_reserved if it has the prefix of anonymous ids.
std::expected<std::optional<DeviceIdText>, Rejection> read_device_id(const ClaimedId& claimed, std::span<const IdSource> sources,
                                                                     IdCharacters characters);

/// The text in the place of the id as it was sent, valid or not; empty if there is none. For logs.
std::string_view claimed_device_id(const ClaimedId& claimed, std::span<const IdSource> sources);

inline constexpr std::size_t anonymous_id_random_chars = 26;
using AnonymousIdSeed = std::span<const std::uint8_t, anonymous_id_random_chars>;

/// `anon-` and 26 characters of `[a-z2-7]`: 130 bits of `seed`, whose bytes must be unpredictable.
DeviceIdText anonymous_device_id(AnonymousIdSeed seed);

}  // namespace ringgate::admission
