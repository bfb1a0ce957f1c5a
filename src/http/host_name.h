// Which host a request names: what a list of allowed hosts is compared with (RFC 9110 section 7.2).
//
// A page that rebinds its own name to an address of ours (DNS rebinding) still sends that name. Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ringgate::http {

/// The host of a valid authority: without its port, and without the dot that may end a full name.
std::string_view host_of(std::string_view authority);

/// `localhost` and names that end in `.localhost` (RFC 6761 section 6.3); case ignored.
bool is_loopback_name(std::string_view host);

/// An IPv4 address, or an IPv6 address in brackets: no name, so nothing that could be bound again.
bool is_ip_literal(std::string_view host);

/// True if `host` is one of `hosts`: case, a dot at the end of a listed name and the spelling of an IPv6 address do not matter.
bool is_listed(std::string_view host, std::span<const std::string> hosts);

}  // namespace ringgate::http
