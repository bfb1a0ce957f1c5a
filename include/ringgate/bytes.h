// Views of bytes, the currency between the parts of the gate. A view borrows: who hands it out says for how long.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringgate {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// The bytes of `text`, without a terminator. Borrows `text`.
inline ByteView bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

/// `bytes` read as characters; no check of the encoding. Borrows `bytes`.
inline std::string_view text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace ringgate
