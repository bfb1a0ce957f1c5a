// The name of a device: what may be one, and what may not. The id is chosen by the peer, so whatever shows it
// to people escapes nothing only because this alphabet has nothing to escape.
#pragma once

#include <string_view>

namespace ringgate {

/// Ids that the gate itself gives to nameless devices begin so; none from outside may.
inline constexpr std::string_view anonymous_id_prefix = "anon-";

/// True if `id` may name a device: 1 to 128 octets of `[A-Za-z0-9._~:@-]`, but neither `.` nor `..` (they
/// would vanish from a URL path). Case counts. Takes the id percent-decoded; ids with `anonymous_id_prefix`
/// are valid here, since the push API names those devices too. Any thread; does not allocate.
bool is_valid_device_id(std::string_view id);

}  // namespace ringgate
