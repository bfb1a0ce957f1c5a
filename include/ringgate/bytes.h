// Views of bytes, which the parts of the gate pass to each other. A view borrows; the function that hands it out says for how
// long.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringgate {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// The bytes of `text`, without a terminator. Borrows `text`. Any thread.
inline ByteView bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

/// `bytes` as characters; does not check the encoding. Borrows `bytes`. Any thread.
inline std::string_view text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace ringgate
