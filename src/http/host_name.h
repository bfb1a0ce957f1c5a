// The host that a request names, to compare it with a list of allowed hosts (RFC 9110 section 7.2).
//
// This stops DNS rebinding: a page that gives its own name an address of the gate still sends that name. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ringgate::http {

/// The host of a valid authority, without its port and without a dot at its end. Borrows `authority`.
std::string_view host_of(std::string_view authority);

/// True for `localhost` and names that end in `.localhost` (RFC 6761 section 6.3); ignores case.
bool is_loopback_name(std::string_view host);

/// True for an IPv4 address, and for an IPv6 address in brackets: nobody can rebind those.
bool is_ip_literal(std::string_view host);

/// True if `host` is one of `hosts`. Ignores case, a dot at the end of a listed name, and the spelling of an IPv6 address.
bool is_listed(std::string_view host, std::span<const std::string> hosts);

}  // namespace ringgate::http
