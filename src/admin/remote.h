// Who is at the other end of a request, as far as the network and the kernel tell: for the log, and for counting wrong tokens. A value.
//
// Not who the caller is: that is a Caller (access.h).
#pragma once

#include <optional>

#include "ring/ring.h"

namespace ringgate::admin {

struct Remote {
  ring::PeerAddress peer;                         // the client, if proxies have named one
  std::optional<ring::PeerProcess> process = {};  // at the other end of a Unix socket, if it is known
};

}  // namespace ringgate::admin
