// Tells when a whole ClientHello has arrived (RFC 8446 sections 4 and 5.1), so that a connection costs no OpenSSL object before.
//
// Looks at headers only; OpenSSL judges the rest. A pure function; any thread.
#pragma once

#include <cstddef>

#include "ringgate/bytes.h"

namespace ringgate::tls {

/// The longest ClientHello with its record headers. Those of browsers with post-quantum keys have 2 KiB.
inline constexpr std::size_t client_hello_bytes_max = 16 * 1024;

enum class HelloState : unsigned char {
  incomplete,  // a beginning of one
  whole,
  not_tls,    // something else, such as HTTP
  no_memory,  // to keep it
  too_long,   // more than client_hello_bytes_max, with what follows it: nothing may, before it is answered
};

struct Hello {
  HelloState state = HelloState::incomplete;
  std::size_t bytes = 0;  // of a whole one: up to its end
};

/// Judges what a client sent first, or in answer to a HelloRetryRequest, when a change_cipher_spec may stand before it.
Hello judge_client_hello(ByteView bytes);

}  // namespace ringgate::tls
