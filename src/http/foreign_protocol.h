// Recognises other protocols on a plain HTTP port by their first bytes, so that response, log and metrics name a wrong scheme,
// port or load balancer setting.
#pragma once

#include <optional>

#include "http/rejection.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// Recognises a rejected head as a TLS record, a PROXY protocol header (version 1 or 2), the preface of HTTP/2 or an SSH banner;
/// nullopt if it is none of them. `bytes`: all bytes since the start of the request. Any thread; does not allocate.
std::optional<Rejection> foreign_protocol(ByteView bytes);

}  // namespace ringgate::http
