// Message payloads of permessage-deflate without context takeover (RFC 7692 section 7.2), by plain zlib.
//
// It does not use the gate's deflater, because it tests that deflater. Thread: the owner's.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "ringgate/bytes.h"

namespace ringgate::measure {

/// Compresses one message, without the four bytes 00 00 FF FF at its end.
std::string deflate_message(ByteView payload);

/// Inflates one message into `out`; false if it is invalid or inflates to more than `bytes_max` bytes.
bool inflate_message(ByteView deflated, std::size_t bytes_max, std::string& out);

}  // namespace ringgate::measure
