// Frames as a client must send them: masked, each with a fresh key (RFC 6455 sections 5.2 and 5.3).
//
// It writes any frame, also one that a server must refuse.
#pragma once

#include <cstdint>
#include <string>

#include "load/server_frame.h"
#include "ringgate/bytes.h"

namespace ringgate::load {

/// A frame to write. Borrows `payload` for the call.
struct ClientFrame {
  Opcode opcode = Opcode::binary;
  bool fin = true;
  ByteView payload;
};

/// Appends `frame`, masked with `masking_key` (its bytes in memory order), to `out`.
void append_frame(std::string& out, const ClientFrame& frame, std::uint32_t masking_key);

}  // namespace ringgate::load
