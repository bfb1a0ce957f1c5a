// Other protocols that arrive where plain HTTP is spoken, told by their first bytes: so that a wrong scheme, port or load
// balancer's setting has a name in the answer, the log and the metrics.
#pragma once

#include <optional>

#include "http/rejection.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// What the bytes of a head that the parser has rejected are: a TLS record, a PROXY protocol header (either version), the preface
/// of HTTP/2 or an SSH banner; nullopt if none of them. `bytes`: from the start of the request, as many as have come. Pure.
std::optional<Rejection> foreign_protocol(ByteView bytes);

}  // namespace ringgate::http
