// Turns an input into well-formed masked frames, which gets deeper faster than bytes as they are. For the targets
// frame_reader and connection.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "frame_transcript.h"

namespace ringgate::fuzz {

/// Appends the frames that `descriptions` describe: {first byte, payload size, payload...} each.
inline void append_described_frames(std::string& wire, std::string_view descriptions) {
  while (descriptions.size() >= 2) {
    const char first = descriptions[0];
    const std::size_t size = std::min<std::size_t>(static_cast<std::uint8_t>(descriptions[1]), descriptions.size() - 2);
    const std::size_t begin = wire.size();
    append_client_frame(wire, {.masking_key = 0x80FF0102U * static_cast<unsigned>(size)}, descriptions.substr(2, size));
    wire[begin] = first;
    descriptions.remove_prefix(2 + size);
  }
}

}  // namespace ringgate::fuzz
