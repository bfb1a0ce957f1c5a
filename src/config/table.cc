#include "config/table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "config/shape.h"

namespace ringgate::config {
namespace {

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t MiB = 1024 * KiB;
constexpr std::uint64_t us = nanoseconds_per_microsecond;
constexpr std::uint64_t ms = nanoseconds_per_millisecond;
constexpr std::uint64_t s = nanoseconds_per_second;
constexpr std::uint64_t minute = 60 * s;
constexpr std::uint64_t hour = 60 * minute;

// In the order of the enumerators in ringgate/config.h.
constexpr std::array<std::string_view, 3> origin_words{"same_host", "list", "off"};
constexpr std::array<std::string_view, 3> id_characters_words{"strict", "ocpp", "printable"};
constexpr std::array<std::string_view, 3> duplicate_words{"replace", "reject", "allow"};
constexpr std::array<std::string_view, 2> overflow_words{"drop", "pause"};
constexpr std::array<std::string_view, 4> slow_words{"close", "drop_new", "drop_old", "coalesce"};
constexpr std::array<std::string_view, 5> route_slow_words{"inherit", "close", "drop_new", "drop_old", "coalesce"};
constexpr std::array<std::string_view, 2> profile_words{"modern", "ocpp"};
constexpr std::array<std::string_view, 3> client_words{"off", "optional", "required"};
constexpr std::array<std::string_view, 4> proxy_words{"off", "v1", "v2", "auto"};
constexpr std::array<std::string_view, 4> forwarded_words{"auto", "x_forwarded_for", "forwarded", "off"};
constexpr std::array<std::string_view, 2> switch_words{"off", "on"};
constexpr std::array<std::string_view, 2> feature_words{"auto", "off"};
constexpr std::array<std::string_view, 2> rate_policy_words{"pause", "close"};
constexpr std::array<std::string_view, 2> hook_failure_words{"refuse", "allow"};
constexpr std::array<std::string_view, 3> validation_words{"off", "warn", "required"};
constexpr std::array<std::string_view, 5> level_words{"debug", "info", "warning", "error", "off"};
constexpr std::array<std::string_view, 3> format_words{"auto", "logfmt", "json"};

template <auto Section, auto... Members, typename AnyConfig>
auto& member_of(AnyConfig& config, std::size_t index) {
  // clang-format off
  if constexpr (requires { (config.*Section)[index]; }) return ((config.*Section)[index].* ... .*Members);
  else return ((config.*Section).* ... .*Members);
  // clang-format on
}

/// The value that the rule judges: an enumerator becomes the index of its word.
template <typename KindOfRule, typename Member>
decltype(auto) ruled_value(const Member& member) {
  if constexpr (std::is_same_v<KindOfRule, WordRule>) return static_cast<std::size_t>(member);
  else return (member);
}

/// A row of the table. It connects a path and its rule with a member of a section of Config, or with a member of that member.
template <auto Section, auto... Members, typename KindOfRule>
Key row(std::string_view path, KindOfRule rule, std::string_view meaning, Reload reload = Reload::restart) {
  return {path,
          rule,
          meaning,
          [](const Key& key, Config& config, std::size_t index, const RawValue& value) -> Read<void> {
            auto& member = member_of<Section, Members...>(config, index);
            auto read_value = read(std::get<KindOfRule>(key.rule), value);
            if (!read_value) return std::unexpected(std::move(read_value.error()));
            member = static_cast<std::remove_reference_t<decltype(member)>>(std::move(*read_value));
            return {};
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            const auto& rule_of_key = std::get<KindOfRule>(key.rule);
            return config::print(rule_of_key, ruled_value<KindOfRule>(member));
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            return config::show(std::get<KindOfRule>(key.rule), ruled_value<KindOfRule>(member));
          },
          [](const Key& key, const Config& config, std::size_t index) {
            const auto& member = member_of<Section, Members...>(config, index);
            return config::check(std::get<KindOfRule>(key.rule), ruled_value<KindOfRule>(member));
          },
          [](const Config& from, Config& to, std::size_t index) {
            member_of<Section, Members...>(to, index) = member_of<Section, Members...>(from, index);
          },
          reload};
}

using C = Config;
using D = DeflateConfig;
using L = LimitsConfig;
using R = RingConfig;
using RL = RouteLimitsConfig;
using W = WebhookConfig;
constexpr auto off = Off::allowed;
constexpr auto live = Reload::live;
constexpr auto inherit = Off::inherit;
constexpr auto off_or_inherit = Off::or_inherit;

// Sections stay together, in the order in which print-config shows them. A row is two lines: the setting, then its meaning.
// clang-format off
const std::array table{
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
    row<&C::webhooks, &W::name>("webhook.name", TextRule{webhook_name},
        "Name of the webhook in routes, logs and metrics."),
    row<&C::webhooks, &W::url>("webhook.url", TextRule{webhook_url},
        "Where events are sent, and where a connect hook asks.", live),
    row<&C::webhooks, &W::events>("webhook.events", ListRule{event_type, 0, 5},
        "Types of events that are sent. Messages are sent from routes whose `upstream` names the webhook.", live),
    row<&C::webhooks, &W::secret_files>("webhook.secret_files", ListRule{file_path, 0, 2},
        "Files with the keys that sign requests: each at least 32 bytes, written as `whsec_BASE64` or as they are. With two, each "
        "request has both signatures, so that a key can be replaced. Empty: nothing is signed.", live),
    row<&C::webhooks, &W::authority_file>("webhook.ca", TextRule{file_path_or_none},
        "PEM file with the authorities that issue the receiver's certificate. Empty: the system's.", live),
    row<&C::webhooks, &W::local_allowed>("webhook.allow_local", FlagRule{},
        "Whether the receiver may have a loopback or link-local address. If not, such addresses are refused after DNS, too.", live),
    row<&C::webhooks, &W::origin>("webhook.origin", TextRule{host_name_or_none},
        "Who sends: the value of `WebHook-Request-Origin`, and, as `//ORIGIN`, each event's `source`. Empty: this machine's name.", live),
    row<&C::webhooks, &W::validation>("webhook.validation", WordRule{validation_words},
        "Whether the receiver is asked by OPTIONS if it agrees to be sent to. `warn`: if it does not, the log says so. `required`: "
        "nothing is sent before it agrees.", live),
    row<&C::webhooks, &W::lanes_count>("webhook.lanes", CountRule{1, limits::webhook_lanes_max},
        "Requests in flight. A device's events have one lane, so they arrive in order. Also the questions of a connect hook in flight."),
    row<&C::webhooks, &W::queue_messages_max>("webhook.queue_messages", CountRule{1, 1'000'000},
        "Events that may wait. Beyond it, the oldest is dropped. Also the questions of a connect hook that may wait.", live),
    row<&C::webhooks, &W::queue_bytes_max>("webhook.queue_bytes", SizeRule{64 * KiB, 4096 * MiB},
        "Memory of events that wait. Beyond it, the oldest is dropped.", live),
    row<&C::webhooks, &W::batch_count_max>("webhook.batch", CountRule{1, 1000},
        "Events in one request. 1: in binary mode. More: in batches, whose answers hold no replies.", live),
    row<&C::webhooks, &W::timeout_ns>("webhook.timeout", DurationRule{100 * ms, minute},
        "How long a request may take, the answer included.", live),
    row<&C::webhooks, &W::retry_min_ns>("webhook.retry_min", DurationRule{10 * ms, hour},
        "Longest wait before the second attempt. It doubles with each further one; the wait is a random part of it.", live),
    row<&C::webhooks, &W::retry_max_ns>("webhook.retry_max", DurationRule{10 * ms, hour},
        "Longest wait between attempts, but for a receiver that asks for more with `Retry-After`, at most an hour.", live),
    row<&C::webhooks, &W::attempts_max>("webhook.max_attempts", CountRule{1, 1000},
        "Attempts to deliver an event; then it is dropped.", live),
    row<&C::webhooks, &W::age_max_ns>("webhook.max_age", DurationRule{s, 24 * hour},
        "How old an event may be when it is tried once more; then it is dropped.", live),
    row<&C::webhooks, &W::flush_ns>("webhook.flush", DurationRule{0, minute},
        "How long the gate's end waits for events that are queued.", live),
    row<&C::routes, &RouteConfig::path>("route.path", TextRule{route_path_pattern},
        "Path of the opening handshake, compared byte by byte. One whole segment may be `{id}`: the device id stands there, "
        "percent-encoded."),
    row<&C::routes, &RouteConfig::handler>("route.handler", TextRule{handler_name},
        "Handler of the messages on this path. `echo` sends each back, `drop` answers nothing; other names are those of an embedding "
        "program."),
    row<&C::routes, &RouteConfig::upstream>("route.upstream", ListRule{sink_name, 0, 16},
        "Sinks that the messages on this path go to as well: `events` (the event stream), `webhook:NAME`. A device never waits for a "
        "sink: a message that finds no room is dropped, counted and announced.", live),
    row<&C::routes, &RouteConfig::on_overflow>("route.on_overflow", WordRule{overflow_words},
        "What becomes of a device while a sink of its route is more than half full. `drop`: nothing, and messages may be dropped. "
        "`pause`: it is not read from.", live),
    row<&C::routes, &RouteConfig::id_from>("route.id_from", ListRule{route_id_source, 0, 8},
        "As `device.id_from`, for this path alone. Empty: those of `device.id_from`. `path`: the segment `{id}`, which always counts. "
        "`basic:user`, `jwt:CLAIM`, `tls:cn` and `tls:san`: the id that the device's credential proves.", live),
    row<&C::routes, &RouteConfig::id_characters>("route.id_characters", WordRule{id_characters_words},
        "Characters of device ids. `strict`: letters, digits and `. _ ~ : @ -`. `ocpp`: also `* = + |` and space. `printable`: all "
        "printable ASCII but `/ ? # %` and quotes."),
    row<&C::routes, &RouteConfig::auth>("route.auth", ListRule{auth_kind, 0, 6},
        "Credentials that this path takes: `token`, `basic`, `hmac` (signed URL), `jwt`, `mtls`, `none`. The first one in this list that "
        "a request has decides; `none` counts only for a request without any. Empty: as `none`, on loopback only.", live),
    row<&C::routes, &RouteConfig::enforce>("route.enforce", FlagRule{},
        "Whether a request without a good credential is refused. If not, it is let in, and the log and a metric tell of it.", live),
    row<&C::routes, &RouteConfig::duplicate>("route.duplicate", WordRule{duplicate_words},
        "What happens if a device connects whose id is online. `replace`: the older connection is closed with 4409. `reject`: the newer "
        "one is answered 409. `allow`: both stay, up to `max_per_device`, and pushes go to all. The newer one's route decides.", live),
    row<&C::routes, &RouteConfig::connections_max>("route.max_per_device", CountRule{1, 64},
        "Connections that one device may have at once with `duplicate = \"allow\"`. One more is answered 409.", live),
    row<&C::routes, &RouteConfig::groups>("route.groups", ListRule{group_name, 0, limits::groups_per_route_max},
        "Groups that a device of this path joins when it connects, beside those of its credential.", live),
    row<&C::routes, &RouteConfig::correlation>("route.correlation", TextRule{correlation},
        "Where messages of this path carry an id that a reply repeats, as a JSON pointer (OCPP: `/1`): for requests of backends that "
        "are answered by the device. Empty: there are none.", live),
    row<&C::routes, &RouteConfig::origin>("route.origin", WordRule{origin_words},
        "Which Origin a browser may send. `same_host`: the host in its Host field. `list`: one of `allowed_origins`. `off`: "
        "any.", live),
    row<&C::routes, &RouteConfig::allowed_origins>("route.allowed_origins", ListRule{web_origin, 0, 256},
        "Origins accepted if `origin` is `list`. A default port equals no port. `null` and `file://` are valid entries.", live),
    row<&C::routes, &RouteConfig::subprotocols>("route.subprotocols", ListRule{subprotocol_name, 0, 64},
        "Subprotocols of this path. The gate picks the first one that the client offers."),
    row<&C::routes, &RouteConfig::connect_hook>("route.connect_hook", TextRule{webhook_name_or_none},
        "Webhook that is asked whether a device may connect, after the checks of the gate. Empty: none."),
    row<&C::routes, &RouteConfig::connect_hook_failure>("route.connect_hook_failure", WordRule{hook_failure_words},
        "What becomes of a handshake if the connect hook gives no verdict in time. `refuse`: it is answered 503. `allow`: the device "
        "connects."),
    row<&C::routes, &RouteConfig::connect_hook_fields>("route.connect_hook_fields", ListRule{field_name, 0, 32},
        "Fields of the request that the connect hook is told."),
    row<&C::routes, &RouteConfig::deflate, &D::enabled>("route.deflate.mode", WordRule{switch_words},
        "Whether the gate accepts an offer of permessage-deflate."),
    row<&C::routes, &RouteConfig::deflate, &D::context_takeover>("route.deflate.context_takeover", FlagRule{},
        "Whether a message may refer back to earlier ones. Messages get smaller, each device costs more memory."),
    row<&C::routes, &RouteConfig::deflate, &D::window_bits>("route.deflate.window_bits", CountRule{9, 15},
        "Largest compression window in either direction: 2^N bytes."),
    row<&C::routes, &RouteConfig::deflate, &D::memory_level>("route.deflate.memory_level", CountRule{1, 9},
        "Memory of a compressor with context takeover: 2^(N + 9) bytes beside its window."),
    row<&C::routes, &RouteConfig::deflate, &D::message_bytes_min>("route.deflate.min_size", SizeRule{1, 256 * MiB},
        "Shorter messages are sent uncompressed."),
    row<&C::routes, &RouteConfig::limits, &RL::message_bytes_max>("route.limits.max_message", SizeRule{125, 256 * MiB, false, inherit},
        "Largest message from a device of this path, decompressed; at most `limits.max_message`. `inherit`: that."),
    row<&C::routes, &RouteConfig::limits, &RL::send_queue_bytes_max>("route.limits.send_queue", SizeRule{4 * KiB, 256 * MiB, false, inherit},
        "Output that may wait for one device of this path; at most `limits.send_queue`. `inherit`: that."),
    row<&C::routes, &RouteConfig::limits, &RL::idle_timeout_ns>("route.limits.idle_timeout", DurationRule{100 * ms, 720 * hour, off_or_inherit},
        "How long a device of this path may send no data message before it is closed with 4408. `inherit`: `limits.idle_timeout`."),
    row<&C::routes, &RouteConfig::limits, &RL::message_timeout_ns>("route.limits.message_timeout", DurationRule{100 * ms, 24 * hour, off_or_inherit},
        "How long a message of this path may take from its first byte to its last. `inherit`: `limits.message_timeout`."),
    row<&C::routes, &RouteConfig::limits, &RL::ping_interval_ns>("route.limits.ping_interval", DurationRule{100 * ms, 24 * hour, off_or_inherit},
        "How long a device of this path may be silent before it is pinged. `inherit`: `limits.ping_interval`."),
    row<&C::routes, &RouteConfig::limits, &RL::pong_timeout_ns>("route.limits.pong_timeout", DurationRule{100 * ms, hour, off_or_inherit},
        "How long a pinged device of this path may stay silent before it is closed with 4408. `inherit`: `limits.pong_timeout`."),
    row<&C::routes, &RouteConfig::limits, &RL::slow_policy>("route.limits.slow_policy", WordRule{route_slow_words},
        "What becomes of pushes to a device of this path that reads too slowly. `inherit`: as `limits.slow_policy`."),
    row<&C::routes, &RouteConfig::messages_per_second>("route.message_rate", CountRule{1, 1'000'000, false, Off::or_inherit},
        "Messages per second that one device of this route may send. `inherit`: as `limits.message_rate`.", live),
    row<&C::routes, &RouteConfig::bytes_per_second>("route.byte_rate", SizeRule{1, limits::rate_per_second_max, false, Off::or_inherit},
        "Bytes per second that one device of this route may send. `inherit`: as `limits.byte_rate`.", live),
    row<&C::routes, &RouteConfig::lifetime_ns>("route.max_lifetime", DurationRule{s, 720 * hour, off},
        "How long a connection lasts before it is closed with 4440, spread by up to a tenth either way.", live),
    row<&C::device, &DeviceConfig::required>("device.required", FlagRule{},
        "Whether a connection without a device id is refused. If not, it gets an anonymous id.", live),
    row<&C::device, &DeviceConfig::id_from>("device.id_from", ListRule{id_source, 1, 8},
        "Places in the request that may hold the device id. If several hold one, all must name the same device.", live),
    row<&C::device, &DeviceConfig::allowed_hosts>("device.allowed_hosts", ListRule{host_name, 0, 64},
        "Names and addresses that devices may use in the Host field, with any port. Others are answered 421. Empty: any.", live),
    row<&C::auth, &AuthConfig::token_file>("auth.token.tokens", TextRule{file_path_or_none},
        "File of hashes of device tokens, as `ringgate token device` prints them.", live),
    row<&C::auth, &AuthConfig::password_file>("auth.basic.users", TextRule{file_path_or_none},
        "File of users and hashes of their passwords, as `ringgate token basic` prints them.", live),
    row<&C::auth, &AuthConfig::url_key_file>("auth.hmac.keys", TextRule{file_path_or_none},
        "File of keys that sign URLs: lines `NAME:BASE64`.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::key_files>("auth.jwt.keys", ListRule{file_path, 0, 16},
        "Files with the keys that verify JSON Web Tokens: JWK, JWK Set, or public keys in PEM.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::issuers>("auth.jwt.issuer", ListRule{claim_text, 0, 16},
        "Values of `iss` that are accepted. Empty: any.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::audiences>("auth.jwt.audience", ListRule{claim_text, 0, 16},
        "A token's `aud` must name one of these. Empty: a token with `aud` is refused, because it is meant for somebody else.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::id_claim>("auth.jwt.claim", TextRule{claim_name},
        "Claim that holds the device id. `off`: a token is good for every device.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::expiry_required>("auth.jwt.require_exp", FlagRule{},
        "Whether a token without `exp` is refused.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::leeway_ns>("auth.jwt.leeway", DurationRule{0, hour},
        "By how much the clocks of issuer and gate may differ.", live),
    row<&C::auth, &AuthConfig::expiry_notice_ns>("auth.expiry_notice", DurationRule{s, 24 * hour, off},
        "How long before its end a connected device's credential is announced as ending.", live),
    row<&C::auth, &AuthConfig::expiry_grace_ns>("auth.expiry_grace", DurationRule{0, 24 * hour},
        "How long after the end of its credential a connected device is closed with 4401.", live),
    row<&C::limits, &L::connections_max>("limits.max_connections",
        CountRule{1, std::uint64_t{limits::shards_max} * limits::slots_per_shard_max},
        "Device connections over all shards. Unless set, the number is lowered to what the descriptor limit allows."),
    row<&C::limits, &L::message_bytes_max>("limits.max_message", SizeRule{125, 256 * MiB},
        "Largest message from a device, decompressed."),
    row<&C::limits, &L::fragments_max>("limits.max_fragments", CountRule{1, 1 << 20},
        "Frames that one message may consist of."),
    row<&C::limits, &L::head_bytes_max>("limits.max_head", SizeRule{limits::head_bytes_least, limits::head_bytes_most},
        "Largest request head, on either port. One field line may fill it."),
    row<&C::limits, &L::fields_max>("limits.max_fields", CountRule{16, 1000},
        "Field lines of a request head, on either port."),
    row<&C::limits, &L::send_queue_bytes_max>("limits.send_queue", SizeRule{4 * KiB, 256 * MiB},
        "Output that may wait for one device. A push beyond it is refused."),
    row<&C::limits, &L::slow_policy>("limits.slow_policy", WordRule{slow_words},
        "What becomes of pushes to a device that reads too slowly. `close`: its output waits up to `send_queue`, a push beyond that is "
        "refused. The others keep pushes as messages, which can be withdrawn; one beyond `send_queue` is refused (`drop_new`) or takes the "
        "place of the oldest (`drop_old`). `coalesce`: as `drop_old`, and only the newest push of each coalesce key waits."),
    row<&C::limits, &L::idempotency_window_ns>("limits.idempotency_window", DurationRule{s, 24 * hour, off},
        "How long a push's `Idempotency-Key` is remembered: a repeat is not sent, and gets the first one's answer."),
    row<&C::limits, &L::push_bytes_max>("limits.max_push", SizeRule{125, 256 * MiB},
        "Largest message pushed to a device. Unless set, it equals `max_message`."),
    row<&C::limits, &L::reassembly_bytes_max>("limits.reassembly_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for unfinished messages of all devices. Each shard has an equal part, at least `max_message` plus 1 MiB. Beyond "
        "it, "
        "the device with the oldest unfinished message is closed with 1013."),
    row<&C::limits, &L::heads_bytes_max>("limits.heads_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for unfinished request heads of all devices. Each shard has an equal part, at least 512 KiB. Beyond it, the "
        "request "
        "with the oldest unfinished head is answered 503."),
    row<&C::limits, &L::output_bytes_max>("limits.output_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for output that waits for slow devices. Each shard has an equal part, at least twice the sum of `send_queue` and "
        "`max_push`. Beyond it, the connection with the most waiting output is reset (close code 4430 in the log)."),
    row<&C::limits, &L::held_bytes_max>("limits.held_memory", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for received messages that wait for their device's turn. Each shard has an equal part, at least 2 MiB. While "
        "more than "
        "half of it is used, devices whose messages waited are not read from. A device beyond it is closed with 1013."),
    row<&C::limits, &L::deflate_bytes_max>("limits.deflate_memory", SizeRule{0, 1024 * 1024 * MiB},
        "Memory for context takeover of all devices. Once it is used up, new devices get no context takeover."),
    row<&C::limits, &L::inflate_cpu_percent>("limits.inflate_cpu", CountRule{1, 100},
        "Percent of one core that decompression for one device may take, over about a second. Beyond it, the device is closed "
        "with "
        "1008."),
    row<&C::limits, &L::accept_backlog>("limits.accept_backlog", CountRule{1, 65535},
        "Connections that may wait to be accepted, per listener and shard."),
    row<&C::limits, &L::send_timeout_ns>("limits.send_timeout", DurationRule{100 * ms, hour, off},
        "How long output may wait while the device takes no byte. Then the connection is reset (close code 4430 in the log)."),
    row<&C::limits, &L::handshake_timeout_ns>("limits.handshake_timeout", DurationRule{100 * ms, hour},
        "How long the opening handshake may take."),
    row<&C::limits, &L::authentication_timeout_ns>("limits.authentication_timeout", DurationRule{100 * ms, hour},
        "How long a handler that decides later about an opening handshake may take. Then it is answered 504."),
    row<&C::limits, &L::authenticating_max>("limits.max_authenticating", CountRule{1, 1'000'000},
        "Opening handshakes that may wait for such a decision, over all shards. One more is answered 503."),
    row<&C::limits, &L::ping_interval_ns>("limits.ping_interval", DurationRule{100 * ms, 24 * hour, off},
        "How long a device may be silent before it is pinged. Any byte received is a sign of life."),
    row<&C::limits, &L::pong_timeout_ns>("limits.pong_timeout", DurationRule{100 * ms, hour, off},
        "How long a pinged device may stay silent before it is closed with 4408. Any byte received is a sign of life, not only a "
        "pong."),
    row<&C::limits, &L::idle_timeout_ns>("limits.idle_timeout", DurationRule{100 * ms, 720 * hour, off},
        "How long a device may send no data message before it is closed with 4408."),
    row<&C::limits, &L::message_timeout_ns>("limits.message_timeout", DurationRule{100 * ms, 24 * hour, off},
        "How long a message may take from its first byte to its last before the device is closed with 1008."),
    row<&C::limits, &L::close_timeout_ns>("limits.close_timeout", DurationRule{100 * ms, hour},
        "How long the closing handshake may take before the connection is dropped."),
    row<&C::limits, &L::tcp_user_timeout_ns>("limits.tcp_user_timeout", DurationRule{ms, 24 * hour, off},
        "How long sent bytes may stay unacknowledged by TCP before the connection is dropped (TCP_USER_TIMEOUT)."),
    row<&C::limits, &L::connections_per_prefix>("limits.connections_per_prefix", CountRule{1, 1'000'000, false, off},
        "Device connections of one source at the same time: of an IPv4 address, or of the /64 of an IPv6 address. Others are "
        "answered 429.", live),
    row<&C::limits, &L::handshakes_per_prefix>("limits.handshakes_per_prefix", CountRule{1, 1'000'000, false, off},
        "Opening handshakes per minute of one source, as many at once. Others are answered 429. With TLS, handshakes of TLS, which are "
        "reset before they cost anything.", live),
    row<&C::limits, &L::auth_failures_per_prefix>("limits.auth_failures", CountRule{1, 1'000'000, false, off},
        "Wrong credentials per minute of one source, as many at once. Beyond it, every handshake of the source is answered 429, also one with "
        "a good credential.", live),
    row<&C::limits, &L::accepts_per_second>("limits.accept_rate", CountRule{1, 1'000'000, false, off},
        "Opening handshakes per second of the whole gate, as many at once. Others are answered 503.", live),
    row<&C::limits, &L::flap_connects>("limits.flap_connects", CountRule{1, 1'000'000, false, off},
        "How often one device id may connect in `flap_window`. An id that connects more often is answered 429 for the time of "
        "`flap_ban`.", live),
    row<&C::limits, &L::flap_connects_per_prefix>("limits.flap_connects_per_prefix", CountRule{1, 1'000'000, false, off},
        "The same for one source: how often its devices together may connect in `flap_window`.", live),
    row<&C::limits, &L::flap_window_ns>("limits.flap_window", DurationRule{s, 24 * hour},
        "The time in which connections are counted for `flap_connects`, from the first on.", live),
    row<&C::limits, &L::flap_ban_ns>("limits.flap_ban", DurationRule{s, 24 * hour},
        "How long an id or a source that connects too often is answered 429.", live),
    row<&C::limits, &L::departed_devices_max>("limits.departed_devices", CountRule{1, 10'000'000, false, off},
        "Devices that left lately of which the gate remembers when and how: `GET /v1/devices/{id}` tells it with its 404."),
    row<&C::limits, &L::sticky_memberships_max>("limits.sticky_memberships", CountRule{1, 10'000'000, false, off},
        "Memberships in groups that a backend may make to outlive connections, of all devices together."),
    row<&C::limits, &L::messages_per_second>("limits.message_rate", CountRule{1, 1'000'000, false, off},
        "Messages per second that one device may send, over time.", live),
    row<&C::limits, &L::bytes_per_second>("limits.byte_rate", SizeRule{1, limits::rate_per_second_max, false, off},
        "Bytes per second that one device may send, over time: as they arrive, after TLS, compressed as they are.", live),
    row<&C::limits, &L::rate_burst_ns>("limits.rate_burst", DurationRule{100 * ms, limits::rate_burst_seconds_max * s},
        "How much of `message_rate` and `byte_rate` a silent device saves up and may send at once.", live),
    row<&C::limits, &L::rate_policy>("limits.rate_policy", WordRule{rate_policy_words},
        "What becomes of a device beyond its rate. `pause`: it is not read from until it may send again. `close`: it is closed with "
        "4429.", live),
    row<&C::ring, &R::multishot_receive>("ring.multishot_recv", WordRule{feature_words},
        "Receive with one operation that stays armed."),
    row<&C::ring, &R::direct_descriptors>("ring.direct_descriptors", WordRule{feature_words},
        "Keep sockets in the ring's own descriptor table."),
    row<&C::ring, &R::silent_sends>("ring.silent_sends", WordRule{feature_words},
        "Use sends that complete only when they fail."),
    row<&C::ring, &R::incremental_buffers>("ring.incremental_buffers", WordRule{feature_words},
        "Let the kernel fill receive buffers piece by piece (Linux 6.12)."),
    row<&C::ring, &R::message_ring>("ring.msg_ring", WordRule{feature_words},
        "Wake other shards through their rings."),
    row<&C::ring, &R::zero_copy_sends>("ring.zero_copy_sends", WordRule{feature_words},
        "Send large pushed messages to other machines from registered memory, without a copy in the kernel."),
    row<&C::ring, &R::unacked_command>("ring.unacked_command", WordRule{feature_words},
        "Ask through the ring what peers have not acknowledged (Linux 6.7). Without it, pushes cannot wait for `acked`."),
    row<&C::ring, &R::zero_copy_bytes>("ring.zero_copy_from", SizeRule{4 * KiB, 256 * MiB},
        "Smallest message that is sent without a copy."),
    row<&C::ring, &R::busy_poll_ns>("ring.busy_poll", DurationRule{us, 10 * ms, off},
        "How long a shard spins for work before it sleeps."),
    row<&C::ring, &R::gather_ns>("ring.gather", DurationRule{us, 10 * ms, off},
        "How long a busy shard waits for more messages before it wakes. A longer wait means fewer wakes and later answers."),
    row<&C::ring, &R::cold_after_ns>("ring.cold_after", DurationRule{100 * ms, 24 * hour, off},
        "How long a device may be silent before it waits with a poll instead of a receive. A poll holds about 500 bytes less of "
        "kernel "
        "memory."),
    row<&C::ring, &R::buffers_count>("ring.buffers", CountRule{2, 1024, true},
        "Incremental receive buffers per shard."),
    row<&C::ring, &R::buffer_bytes>("ring.buffer_size", SizeRule{4 * KiB, MiB, true},
        "Size of each incremental receive buffer."),
    row<&C::ring, &R::whole_buffers_count>("ring.whole_buffers", CountRule{16, 32768, true},
        "Receive buffers per shard without `incremental_buffers`: each receive takes a whole buffer."),
    row<&C::ring, &R::whole_buffer_bytes>("ring.whole_buffer_size", SizeRule{KiB, MiB, true},
        "Size of each whole receive buffer."),
    row<&C::ring, &R::bulk_bytes>("ring.bulk_receive", SizeRule{4 * KiB, 16 * MiB},
        "Devices that deliver at least this much per receive are received from one after the other. Each is answered while its "
        "bytes "
        "are in the cache. Above `ring.buffer_size`: no device."),
    row<&C::log, &LogConfig::level>("log.level", WordRule{level_words},
        "Lowest level that is written.", live),
    row<&C::log, &LogConfig::format>("log.format", WordRule{format_words},
        "`auto`: logfmt on a terminal, JSON otherwise."),
    row<&C::drain, &DrainConfig::grace_ns>("drain.grace", DurationRule{0, hour},
        "How long the listeners stay open after SIGTERM while /readyz already fails."),
    row<&C::drain, &DrainConfig::duration_ns>("drain.duration", DurationRule{s, hour},
        "How long closing all devices may take. The drain ends at most `limits.close_timeout` later."),
    row<&C::drain, &DrainConfig::closes_per_second>("drain.rate", CountRule{1, 1'000'000},
        "Devices closed per second, over all shards. More are closed if `drain.duration` requires it."),
    row<&C::events, &EventsConfig::ring_bytes>("events.ring", SizeRule{64 * KiB, 1024 * MiB, true},
        "Ring of each shard for events on their way to the stream and to webhooks. At least twice the largest message of a route with "
        "`upstream`. An event that finds it full is dropped, counted and announced."),
    row<&C::events, &EventsConfig::log_bytes>("events.log", SizeRule{MiB, 1024 * 1024 * MiB},
        "Memory for the latest events, for readers that fall behind or come back with `Last-Event-ID`. A reader that falls further "
        "behind is cut."),
    row<&C::events, &EventsConfig::readers_max>("events.readers", CountRule{1, 4096},
        "Readers of the event stream at the same time, over all shards. One more is answered 503."),
    row<&C::events, &EventsConfig::heartbeat_ns>("events.heartbeat", DurationRule{s, hour},
        "How long a reader may get no event before it gets a sign of life."),
};
// clang-format on

template <auto Section>
constexpr RepeatedSection repeated(std::string_view name, std::size_t entries_max) {
  return {name, entries_max, [](const Config& config) { return (config.*Section).size(); },
          [](Config& config, std::size_t count) { (config.*Section).resize(count); }};
}

constexpr std::array repeated_table{repeated<&C::listeners>("listener", limits::listeners_max),
                                    repeated<&C::webhooks>("webhook", limits::webhooks_max),
                                    repeated<&C::routes>("route", limits::routes_max)};

std::optional<std::size_t> read_index(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return index;
}

const Key* find_plain(std::string_view section, std::string_view name) {
  const auto key = std::ranges::find_if(table, [&](const Key& k) { return k.section() == section && k.name() == name; });
  return key == table.end() ? nullptr : &*key;
}

/// Levenshtein's distance; both texts are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row_before(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row_before[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row_now(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = row_before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row_now[j] = std::min({replace, row_before[j] + 1, row_now[j - 1] + 1});
    }
    row_before = std::move(row_now);
  }
  return row_before.back();
}

/// The index in a mistyped path: "listener.2.bnd" -> 2; 0 if it has none.
std::size_t index_in(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return 0;
  const std::string_view rest = path.substr(dot + 1);
  return read_index(rest.substr(0, rest.find('.'))).value_or(0);
}

}  // namespace

Config default_config() {
  Config config;
  config.routes.emplace_back();
  return config;
}

Config config_of_each_section() {
  Config config = default_config();
  for (const RepeatedSection& section : repeated_table)
    if (section.count(config) == 0) section.resize(config, 1);
  return config;
}

std::span<const Key> keys() { return table; }
std::span<const RepeatedSection> repeated_sections() { return repeated_table; }

const RepeatedSection* find_repeated(std::string_view name) {
  const auto section = std::ranges::find(repeated_table, name, &RepeatedSection::name);
  return section == repeated_table.end() ? nullptr : &*section;
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(
      table, [&](const Key& key) { return key.path.starts_with(name) && key.path.substr(name.size()).starts_with('.'); });
}

std::optional<KeyPlace> find_key(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view section = path.substr(0, dot);
  std::string_view name = path.substr(dot + 1);
  std::size_t index = 0;
  if (find_repeated(section) != nullptr) {
    const std::size_t index_end = name.find('.');
    if (index_end == std::string_view::npos) return std::nullopt;
    const auto read = read_index(name.substr(0, index_end));
    if (!read) return std::nullopt;
    index = *read;
    name = name.substr(index_end + 1);
  }
  const Key* key = find_plain(section, name);
  if (key == nullptr) return std::nullopt;
  return KeyPlace{key, index};
}

std::string path_of(const KeyPlace& place) {
  const std::string section(place.key->section());
  if (find_repeated(section) == nullptr) return std::string(place.key->path);
  return section + '.' + std::to_string(place.index) + '.' + std::string(place.key->name());
}

std::optional<std::string> nearest_key(std::string_view path) {
  constexpr std::size_t path_bytes_max = 64;  // a longer path is not a typing error
  if (path.size() > path_bytes_max) return std::nullopt;
  constexpr std::size_t part_chars_min = 4;
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, path.size() / 4) + 1;
  for (const Key& key : table) {
    const std::string candidate = path_of({&key, index_in(path)});
    // The right name in the wrong section is nearer than any typing error.
    const std::string_view last = path.substr(path.rfind('.') + 1);
    // Nearer still is a key of the same section that has it as a part: "deflate.level" means deflate.memory_level.
    const bool is_part = last.size() >= part_chars_min && last.size() < path.size() && key.name().contains(last) &&
                         candidate.starts_with(path.substr(0, path.size() - last.size()));
    const std::size_t d = is_part ? 0 : last == key.name() ? 1 : distance(path, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace ringgate::config
