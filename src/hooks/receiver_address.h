// Which addresses a webhook's receiver may have. Judged by the address that is connected to, after DNS, so that a name cannot lead to
// another one later. Pure; any thread.
#pragma once

#include <sys/socket.h>

namespace ringgate::hooks {

/// True for this machine, its links, and what is no single host: loopback, link-local, unspecified, multicast and broadcast addresses,
/// also as IPv4-mapped or NAT64 ones; and for what is neither IPv4 nor IPv6.
bool is_local(const sockaddr& address);

}  // namespace ringgate::hooks
