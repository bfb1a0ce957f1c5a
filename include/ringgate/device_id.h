// The rules for the id of a device. The peer chooses its id, so every alphabet leaves out what would make a URL, a JSON text or a
// quoted log value ambiguous.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate {

inline constexpr std::size_t device_id_chars_max = 128;

/// The gate gives an id with this prefix to a connection without one. The handshake refuses such an id from a peer.
inline constexpr std::string_view anonymous_id_prefix = "anon-";

/// The characters that ids may have. Each alphabet contains the ones before it.
enum class IdCharacters : std::uint8_t {
  strict,     // letters, digits and . _ ~ : @ -
  ocpp,       // also * = + | and space, as identities of charging stations have them (OCPP-J 1.6 and 2.0.1)
  printable,  // all printable ASCII but / ? # % and quotes (" ' `)
};

constexpr bool is_device_id_character(char c, IdCharacters characters = IdCharacters::strict) {
  const bool is_alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  if (is_alphanumeric || c == '.' || c == '_' || c == '~' || c == ':' || c == '@' || c == '-') return true;
  if (characters == IdCharacters::strict) return false;
  if (c == '*' || c == '=' || c == '+' || c == '|' || c == ' ') return true;
  if (characters == IdCharacters::ocpp) return false;
  return c >= ' ' && c <= '~' && !std::string_view{"/?#%\"'`"}.contains(c);
}

/// True if `id`, percent-decoded, may name a device: 1 to 128 bytes of the alphabet, but neither `.` nor `..`, which would vanish
/// from a URL path, nor with a space at an end, where a field's value or a log line would lose it. Case counts. Ids with
/// `anonymous_id_prefix` are valid here, since the push API names those devices too. Any thread; does not allocate.
constexpr bool is_valid_device_id(std::string_view id, IdCharacters characters = IdCharacters::strict) {
  if (id.empty() || id.size() > device_id_chars_max || id == "." || id == "..") return false;
  if (id.front() == ' ' || id.back() == ' ') return false;
  for (const char c : id) {
    if (!is_device_id_character(c, characters)) return false;
  }
  return true;
}

}  // namespace ringgate
