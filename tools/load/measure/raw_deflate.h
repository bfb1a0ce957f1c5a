// Message payloads of permessage-deflate without context takeover (RFC 7692 section 7.2), by plain zlib.
//
// On purpose not the gate's own deflater: this side is the proof of that one. Thread: the owner's.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "ringgate/bytes.h"

namespace ringgate::measure {

/// Compresses one message; the four bytes 00 00 FF FF at its end are left out.
std::string deflate_message(ByteView payload);

/// Inflates one message into `out`; false when it is not a valid one or has more than `bytes_max` bytes.
bool inflate_message(ByteView deflated, std::size_t bytes_max, std::string& out);

}  // namespace ringgate::measure
