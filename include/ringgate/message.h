// A WebSocket message: its type and its payload.
#pragma once

#include "ringgate/bytes.h"

namespace ringgate {

/// RFC 6455 section 5.6; the values are the opcodes on the wire.
enum class MessageType : std::uint8_t { text = 1, binary = 2 };

/// A message borrowed for the length of a call. `payload` of a text message is valid UTF-8.
struct MessageView {
  MessageType type = MessageType::binary;
  ByteView payload;
};

}  // namespace ringgate
