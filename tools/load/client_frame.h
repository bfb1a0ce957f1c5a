// Frames as a client must send them: masked, each with a fresh key (RFC 6455 sections 5.2 and 5.3).
//
// Writes what it is told, also what a server must refuse: judging is the server's work.
#pragma once

#include <cstdint>
#include <string>

#include "load/server_frame.h"
#include "ringgate/bytes.h"

namespace ringgate::load {

/// A frame to be: `payload` is borrowed for the call.
struct ClientFrame {
  Opcode opcode = Opcode::binary;
  bool fin = true;
  ByteView payload;
};

/// Appends `frame`, masked with `masking_key` (its bytes in memory order), to `out`.
void append_frame(std::string& out, const ClientFrame& frame, std::uint32_t masking_key);

}  // namespace ringgate::load
