// The rules for the id of a device. The peer chooses its id, so the alphabet contains only characters that need no escape in a
// log line, a URL, a JSON text or a metric.
#pragma once

#include <cstddef>
#include <string_view>

namespace ringgate {

inline constexpr std::size_t device_id_chars_max = 128;

/// The gate gives an id with this prefix to a connection without one. The handshake refuses such an id from a peer.
inline constexpr std::string_view anonymous_id_prefix = "anon-";

constexpr bool is_device_id_character(char c) {
  const bool is_alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return is_alphanumeric || c == '.' || c == '_' || c == '~' || c == ':' || c == '@' || c == '-';
}

/// True if `id`, percent-decoded, may name a device: 1 to 128 bytes of `[A-Za-z0-9._~:@-]`, but neither `.` nor `..`, which would
/// vanish from a URL path. Case counts. Ids with `anonymous_id_prefix` are valid here, since the push API names those devices
/// too. Any thread; does not allocate.
constexpr bool is_valid_device_id(std::string_view id) {
  if (id.empty() || id.size() > device_id_chars_max || id == "." || id == "..") return false;
  for (const char c : id) {
    if (!is_device_id_character(c)) return false;
  }
  return true;
}

}  // namespace ringgate
