// Bytes as text, strictly: base64 and base64url (RFC 4648), hexadecimal, percent escapes. One text per value, except that hexadecimal
// digits may have either case. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ringgate/bytes.h"

namespace ringgate::auth {

/// RFC 4648 section 4, with padding; section 5 (`url`), without.
enum class Base64 : std::uint8_t { standard, url };

std::string encode_base64(ByteView bytes, Base64 kind);
/// Decodes into `out`; the number of bytes, or nullopt if `text` is not what `encode_base64` makes (padding, unused bits and white space
/// count) or `out` is too short. Does not allocate.
std::optional<std::size_t> decode_base64(std::string_view text, Base64 kind, MutableBytes out);

/// Lower-case digits.
std::string encode_hex(ByteView bytes);
/// True if `text` is exactly the digits of `out.size()` bytes, which are then in `out`.
bool decode_hex(std::string_view text, MutableBytes out);

/// Escapes everything but letters, digits and `. _ ~ : @ - + * = | / ,`.
std::string percent_encode(std::string_view text);
/// Decodes the escapes of `text` once. nullopt if one is malformed.
std::optional<std::string> percent_decoded(std::string_view text);

/// RFC 9110 section 11.2: what a credential in a header field may look like (b64token in RFC 6750).
bool is_token68(std::string_view text);

/// 1 or more bytes, all printable ASCII (space included): what may stand in a log line.
bool is_printable(std::string_view text);

}  // namespace ringgate::auth
