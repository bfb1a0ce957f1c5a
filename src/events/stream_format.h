// Events as messages of a backend's WebSocket (docs/stream.md): one line of JSON, LF, the raw payload, in one binary frame. The frame's
// header is not charged: a backend counts the bytes of messages, as its library shows them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "events/event_reader.h"
#include "ringgate/bytes.h"

namespace ringgate::events {

const EventFormat& stream_format();

/// Appends a message as one frame; returns the bytes of the message, without the frame's header.
std::size_t append_stream_message(std::string& out, std::string_view json, ByteView payload = {});

}  // namespace ringgate::events
