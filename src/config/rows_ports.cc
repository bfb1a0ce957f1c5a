// Rows of the table of settings: the gate's threads, and the ports that devices and backends connect to ([server], [[listener]], [admin]).
#include <array>
#include <string_view>

#include "base/limits.h"
#include "config/row.h"
#include "config/rows.h"
#include "config/shape.h"

namespace ringgate::config {
namespace {

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 2> profile_words{"modern", "ocpp"};
constexpr std::array<std::string_view, 3> client_words{"off", "optional", "required"};
constexpr std::array<std::string_view, 4> proxy_words{"off", "v1", "v2", "auto"};
constexpr std::array<std::string_view, 4> forwarded_words{"auto", "x_forwarded_for", "forwarded", "off"};

using C = Config;
constexpr auto live = Reload::live;

}  // namespace

// clang-format off
std::vector<Key> rows_of_ports() {
  return {
    row<&C::server, &ServerConfig::shards_count>("server.shards", CountRule{0, limits::shards_max},
        "Serving threads, each with its own ring. 0: one per CPU, but no more than the CPU quota of the control group allows."),
    row<&C::server, &ServerConfig::cpus>("server.cpus", CpuListRule{},
        "CPUs that shards are pinned to, in turn. `all`: shards are not pinned."),
    row<&C::listeners, &ListenerConfig::bind>("listener.bind", TextRule{listen_address},
        "Address and port where devices connect. With port 0 the kernel picks the port. `unix:/PATH`: a Unix socket there, for the "
        "gate's user and group (mode 0660)."),
    row<&C::listeners, &ListenerConfig::dual_stack>("listener.dual_stack", FlagRule{},
        "Whether an IPv6 address such as `[::]` accepts IPv4 connections too."),
    row<&C::listeners, &ListenerConfig::health_path>("listener.health_path", TextRule{route_path_or_off},
        "Path where load balancers ask this listener for its health: 200 while the gate is ready, else 503. `off`: no such "
        "path."),
    row<&C::listeners, &ListenerConfig::tls, &TlsConfig::certificate_files>("listener.tls.cert", ListRule{file_path, 0, 16},
        "PEM files, each with a certificate and then its chain. With one or more the listener speaks TLS, and nothing else. The "
        "first is for clients that name no host.", live),
    row<&C::listeners, &ListenerConfig::tls, &TlsConfig::key_files>("listener.tls.key", ListRule{file_path, 0, 16},
        "PEM files with the keys of `tls.cert`, in the same order, without passwords.", live),
    row<&C::listeners, &ListenerConfig::tls, &TlsConfig::ticket_secret_file>("listener.tls.ticket_keys", TextRule{file_path_or_none},
        "File with a secret of 32 bytes or more, from which the keys of session tickets are derived, a new one each hour. Gates with "
        "the same file resume each other's sessions, also after a restart. Empty: a secret of this process.", live),
    row<&C::listeners, &ListenerConfig::tls, &TlsConfig::profile>("listener.tls.profile", WordRule{profile_words},
        "`modern`: TLS 1.2 and 1.3, forward secrecy only. `ocpp`: also the RSA ciphers that chargers with OCPP's security profiles "
        "2 and 3 may need.", live),
    row<&C::listeners, &ListenerConfig::tls, &TlsConfig::client>("listener.tls.client", WordRule{client_words},
        "Certificates of clients (mutual TLS). `off`: none is asked for. `optional`: a client may show none, but a bad one is refused. "
        "`required`: a client without a good one is refused.", live),
    row<&C::listeners, &ListenerConfig::tls, &TlsConfig::client_authority_files>("listener.tls.client_ca", ListRule{file_path, 0, 16},
        "PEM files with the authorities that issue the certificates of clients, roots among them.", live),
    row<&C::listeners, &ListenerConfig::tls, &TlsConfig::client_revocation_files>("listener.tls.crl", ListRule{file_path, 0, 16},
        "PEM files with revocation lists. With one or more, each authority in a client's chain needs a list that is up to date.", live),
    row<&C::listeners, &ListenerConfig::proxy, &ProxyConfig::protocol>("listener.proxy_protocol", WordRule{proxy_words},
        "Version of the PROXY header that must begin each connection, before TLS. `auto`: either. A connection from outside "
        "`trusted_proxies` is then reset.", live),
    row<&C::listeners, &ListenerConfig::proxy, &ProxyConfig::trusted>("listener.trusted_proxies",
        ListRule{cidr, 0, limits::trusted_proxies_max},
        "Addresses of the proxies that may say who the client is: prefixes such as `10.0.0.0/8`, single addresses, or `unix` for all "
        "peers of a Unix socket. Nobody else is believed.", live),
    row<&C::listeners, &ListenerConfig::proxy, &ProxyConfig::forwarded>("listener.forwarded", WordRule{forwarded_words},
        "Field in which the trusted proxies name the client of a request: `x_forwarded_for`, `forwarded` (RFC 7239), or `auto`: either, "
        "and a request with both must name one client. Name the one that your proxies write.", live),
    row<&C::admin, &AdminConfig::bind>("admin.bind", TextRule{listen_address_or_off},
        "Address and port for backends and metrics. `unix:/PATH`: a Unix socket, as for `listener.bind`. `off`: no admin listener."),
    row<&C::admin, &AdminConfig::dual_stack>("admin.dual_stack", FlagRule{},
        "Whether an IPv6 address such as `[::]` accepts IPv4 connections too."),
    row<&C::admin, &AdminConfig::allowed_hosts>("admin.allowed_hosts", ListRule{host_name, 0, 64},
        "Host names that the admin port serves beside loopback names and IP addresses. A request for another Host is answered "
        "421. "
        "If `admin.bind` is not a loopback address, an empty list allows every Host."),
    row<&C::admin, &AdminConfig::connections_max>("admin.max_connections", CountRule{1, 65536},
        "Admin connections over all shards. A request on a further connection is answered 503."),
    row<&C::admin, &AdminConfig::token_files>("admin.tokens", ListRule{file_path, 0, 16},
        "Files with the hashes of bearer tokens (`ringgate token`). With one or more, every request but health checks must carry "
        "`Authorization: Bearer TOKEN`. Without, `admin.bind` must be a loopback address, or `admin.tls.client` be `required`.", live),
    row<&C::admin, &AdminConfig::tls, &TlsConfig::certificate_files>("admin.tls.cert", ListRule{file_path, 0, 16},
        "PEM files, each with a certificate and then its chain. With one or more the listener speaks TLS, and nothing else. The "
        "first is for clients that name no host.", live),
    row<&C::admin, &AdminConfig::tls, &TlsConfig::key_files>("admin.tls.key", ListRule{file_path, 0, 16},
        "PEM files with the keys of `tls.cert`, in the same order, without passwords.", live),
    row<&C::admin, &AdminConfig::tls, &TlsConfig::ticket_secret_file>("admin.tls.ticket_keys", TextRule{file_path_or_none},
        "File with a secret of 32 bytes or more, from which the keys of session tickets are derived, a new one each hour. Gates with "
        "the same file resume each other's sessions, also after a restart. Empty: a secret of this process.", live),
    row<&C::admin, &AdminConfig::tls, &TlsConfig::profile>("admin.tls.profile", WordRule{profile_words},
        "`modern`: TLS 1.2 and 1.3, forward secrecy only. `ocpp`: also the RSA ciphers that chargers with OCPP's security profiles "
        "2 and 3 may need.", live),
    row<&C::admin, &AdminConfig::tls, &TlsConfig::client>("admin.tls.client", WordRule{client_words},
        "Certificates of clients (mutual TLS). `off`: none is asked for. `optional`: a client may show none, but a bad one is refused. "
        "`required`: a client without a good one is refused.", live),
    row<&C::admin, &AdminConfig::tls, &TlsConfig::client_authority_files>("admin.tls.client_ca", ListRule{file_path, 0, 16},
        "PEM files with the authorities that issue the certificates of clients, roots among them.", live),
    row<&C::admin, &AdminConfig::tls, &TlsConfig::client_revocation_files>("admin.tls.crl", ListRule{file_path, 0, 16},
        "PEM files with revocation lists. With one or more, each authority in a client's chain needs a list that is up to date.", live),
    row<&C::admin, &AdminConfig::proxy, &ProxyConfig::protocol>("admin.proxy_protocol", WordRule{proxy_words},
        "As `listener.proxy_protocol`.", live),
    row<&C::admin, &AdminConfig::proxy, &ProxyConfig::trusted>("admin.trusted_proxies",
        ListRule{cidr, 0, limits::trusted_proxies_max},
        "Addresses of the proxies that may say who the client is, as `listener.trusted_proxies`.", live),
    row<&C::admin, &AdminConfig::proxy, &ProxyConfig::forwarded>("admin.forwarded", WordRule{forwarded_words},
        "Field in which the trusted proxies name the client of a request, as `listener.forwarded`.", live),
  };
}
// clang-format on

}  // namespace ringgate::config
