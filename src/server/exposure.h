// What a configuration shows to others on the network: credentials that travel without encryption, and routes that ask for none.
// Not faults: a start warns of them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringgate/config.h"

namespace ringgate::server {

/// A warning: `cause` is literal, `path` the route's (empty: it is about a whole listener), `address` the listener's.
struct Exposure {
  std::string_view cause;
  std::string path;
  std::string address;
};

/// Listeners on loopback and on Unix sockets show nothing. Behind a trusted proxy the way from the client is the proxy's to encrypt.
std::vector<Exposure> exposures_of(const Config& config);

}  // namespace ringgate::server
