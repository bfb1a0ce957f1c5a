// Every setting of the gate, as plain values with their defaults. An embedder fills these structs directly. The binary fills them
// from files, the environment and flags; src/config/table.cc holds the range, the spelling and the meaning of each.
//
// Names carry units: `_bytes` or `bytes_` is a size in bytes, `_ns` a duration in nanoseconds. A duration of 0 means "off" where
// the comment says so. Values copy; nothing here borrows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ringgate/device_id.h"

namespace ringgate {

/// Of a number that a route may set: the route uses the gate's.
inline constexpr std::uint64_t inherited = UINT64_MAX;

struct ServerConfig {
  std::uint64_t shards_count = 0;   // 0: one per CPU of `cpus`, or of the machine
  std::vector<std::uint32_t> cpus;  // shards are pinned to these CPUs in turn; empty: shards are not pinned

  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};

enum class TlsProfile : std::uint8_t {
  modern,  // TLS 1.2 and 1.3 with forward secrecy
  ocpp,    // also the ciphers without it that OCPP's security profiles 2 and 3 demand
};

enum class ClientCertificates : std::uint8_t {
  off,       // none is asked for
  optional,  // a client may show none; one that it shows must be good
  required,  // a client without a good one is refused
};

/// TLS on a listener; without certificates it speaks plain TCP.
struct TlsConfig {
  // PEM files, read at the start: certificates with their chains, and the key of each, in the same order. The first certificate is
  // for clients that name no host, or another one.
  std::vector<std::string> certificate_files;
  std::vector<std::string> key_files;
  std::string
      ticket_secret_file;  // at least 32 bytes, the same for all gates that resume each other's sessions; empty: one of its own
  TlsProfile profile = TlsProfile::modern;
  ClientCertificates client = ClientCertificates::off;
  std::vector<std::string> client_authority_files;   // PEM files, read at the start: who issues the certificates of clients
  std::vector<std::string> client_revocation_files;  // PEM files with lists of revoked ones, one of each authority; or none

  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

enum class ProxyProtocol : std::uint8_t { off, v1, v2, automatic };  // automatic: the header may be of either version

/// The field in which trusted proxies name the client of a request.
enum class ForwardedField : std::uint8_t {
  automatic,  // either; a request with both must mean the same client
  x_forwarded_for,
  forwarded,  // RFC 7239
  off,
};

/// The proxies in front of a listener; without any, a connection's peer is the client.
struct ProxyConfig {
  ProxyProtocol protocol = ProxyProtocol::off;  // else connections of others than trusted proxies are refused
  std::vector<std::string> trusted;             // "10.0.0.0/8", "2001:db8::7", "unix": all peers of a Unix socket
  ForwardedField forwarded = ForwardedField::automatic;

  friend bool operator==(const ProxyConfig&, const ProxyConfig&) = default;
};

struct ListenerConfig {
  std::string bind = "127.0.0.1:8080";   // "ADDRESS:PORT", IPv6 in brackets; port 0: the kernel picks; or "unix:/PATH"
  bool dual_stack = false;               // an IPv6 address, such as [::], takes IPv4 connections too
  std::string health_path = "/healthz";  // answered 200 while the gate is ready, else 503; "off": not served
  TlsConfig tls;
  ProxyConfig proxy;

  friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

struct AdminConfig {
  std::string bind = "127.0.0.1:8081";     // "off": no admin listener
  bool dual_stack = false;                 // an IPv6 address, such as [::], takes IPv4 connections too
  std::vector<std::string> allowed_hosts;  // in the Host field, without port; loopback names and IP literals are always allowed
  std::uint64_t connections_max = 256;     // over all shards; a request on one more is answered 503
  std::vector<std::string> token_files;    // hashes of bearer tokens; empty: none is asked for
  TlsConfig tls;
  ProxyConfig proxy;

  friend bool operator==(const AdminConfig&, const AdminConfig&) = default;
};

enum class OriginPolicy : std::uint8_t {
  same_host,  // the Origin's authority equals Host; case is ignored, and a default port equals none
  list,       // the Origin is one of `allowed_origins`
  off,        // the Origin is not checked
};

/// JSON Web Tokens (RFC 7519).
struct JwtConfig {
  std::vector<std::string> key_files;        // JWK, JWK Set, or public keys in PEM; empty: no token is good
  std::vector<std::string> issuers;          // `iss` is one of them; empty: any
  std::vector<std::string> audiences;        // `aud` names one of them; empty: a token with `aud` is refused
  std::string id_claim = "sub";              // holds the device id; "off": a token is good for every device
  bool expiry_required = true;               // a token without `exp` is refused
  std::uint64_t leeway_ns = 60'000'000'000;  // by which clocks may differ, in each direction

  friend bool operator==(const JwtConfig&, const JwtConfig&) = default;
};

/// What credentials are checked against. All texts are paths of files; empty: none.
struct AuthConfig {
  std::string token_file;     // of hashes of device tokens
  std::string password_file;  // of users and hashes of passwords
  std::string url_key_file;   // of keys that sign URLs
  JwtConfig jwt;
  std::uint64_t expiry_notice_ns = 30'000'000'000;  // before a credential ends, this is announced; 0: not
  std::uint64_t expiry_grace_ns = 25'000'000'000;   // after a credential has ended, its device is closed with 4401

  friend bool operator==(const AuthConfig&, const AuthConfig&) = default;
};

/// What happens when a device connects whose id is online.
enum class DuplicatePolicy : std::uint8_t {
  replace,  // the older connection is closed with 4409
  reject,   // the newer one is answered 409
  allow,    // both stay, up to RouteConfig::connections_max; pushes go to all
};

/// What becomes of a message that a sink has no room for.
enum class OverflowPolicy : std::uint8_t {
  drop,   // it is dropped and counted
  pause,  // the device is not read from while a sink of its route is more than half full
};

/// What becomes of pushes to a device that reads more slowly than they come.
enum class SlowPolicy : std::uint8_t {
  close,     // its output waits as bytes up to send_queue, a push beyond that is refused; limits.send_timeout ends the device
  drop_new,  // they wait as messages, and one beyond send_queue is refused
  drop_old,  // they wait as messages, and the oldest are dropped for one that has no room
  coalesce,  // as drop_old; besides, of pushes with one coalesce key, and of those without any, only the newest waits
};

/// The same for one route, which may use the gate's.
enum class RouteSlowPolicy : std::uint8_t { inherit, close, drop_new, drop_old, coalesce };

/// permessage-deflate (RFC 7692) on one route.
struct DeflateConfig {
  bool enabled = false;
  bool context_takeover = false;          // messages may refer to earlier ones: smaller, but more memory per connection
  std::uint64_t window_bits = 15;         // 9 to 15: the largest window in either direction, as a power of two
  std::uint64_t memory_level = 8;         // 1 to 9: zlib's memLevel of a compressor with context takeover
  std::uint64_t message_bytes_min = 256;  // a shorter message is sent as it is

  friend bool operator==(const DeflateConfig&, const DeflateConfig&) = default;
};

/// Limits of the connections of one route. No size may exceed the gate's.
struct RouteLimitsConfig {
  std::uint64_t message_bytes_max = inherited;
  std::uint64_t send_queue_bytes_max = inherited;
  std::uint64_t idle_timeout_ns = inherited;  // 0: off, as the others
  std::uint64_t message_timeout_ns = inherited;
  std::uint64_t ping_interval_ns = inherited;
  std::uint64_t pong_timeout_ns = inherited;
  RouteSlowPolicy slow_policy = RouteSlowPolicy::inherit;

  friend bool operator==(const RouteLimitsConfig&, const RouteLimitsConfig&) = default;
};

/// What becomes of an opening handshake if the connect hook gives no verdict in time.
enum class ConnectHookFailure : std::uint8_t {
  refuse,  // it is answered 503
  allow,   // the device connects as if the hook had accepted it without conditions
};

struct RouteConfig {
  std::string path = "/ws";           // compared byte by byte with the request's path; the segment `{id}` stands for a device id
  std::string handler = "echo";       // "echo", "drop", or the name of a mounted one
  std::vector<std::string> upstream;  // sinks of the same messages: "events", "webhook:NAME"
  OverflowPolicy on_overflow = OverflowPolicy::drop;
  OriginPolicy origin = OriginPolicy::same_host;
  std::vector<std::string> allowed_origins;  // "https://example.org", "null", "file://"; only with OriginPolicy::list
  std::vector<std::string> id_from;          // as DeviceConfig::id_from, for this route alone; empty: those of DeviceConfig
  IdCharacters id_characters = IdCharacters::strict;
  // Kinds of credential, in the order in which they are looked for: "token", "basic", "hmac", "jwt", "mtls", "none". Empty: as "none",
  // but only for listeners on loopback.
  std::vector<std::string> auth;
  bool enforce = true;                                   // false: whoever has no good credential is let in, and counted
  DuplicatePolicy duplicate = DuplicatePolicy::replace;  // the route of the newer connection decides
  std::uint64_t connections_max = 4;                     // of one device, with DuplicatePolicy::allow
  std::vector<std::string> groups;                       // that devices of this route join when they connect
  std::string correlation;  // where its messages carry an id that a reply repeats, as a JSON pointer; empty: nowhere
  std::vector<std::string> subprotocols;  // the gate takes the first of these that the client offers
  // The webhook that is asked whether a device may connect; empty: none. See docs/webhooks.md.
  std::string connect_hook;
  ConnectHookFailure connect_hook_failure = ConnectHookFailure::refuse;
  std::vector<std::string> connect_hook_fields;  // names of request fields that it is told
  DeflateConfig deflate;
  RouteLimitsConfig limits;
  std::uint64_t messages_per_second = inherited;  // from one device; 0: off
  std::uint64_t bytes_per_second = inherited;     // from one device; 0: off
  std::uint64_t lifetime_ns = 0;                  // of a connection, spread by up to a tenth either way; 0: off

  friend bool operator==(const RouteConfig&, const RouteConfig&) = default;
};

/// Whether a receiver must agree to be sent to, by OPTIONS (CloudEvents HTTP 1.1 Web Hooks, section 4).
enum class WebhookValidation : std::uint8_t {
  off,       // it is not asked
  warn,      // it is asked at the start; if it does not agree, the log says so, and it is sent to nevertheless
  required,  // nothing is sent before it has agreed
};

/// A backend that is called by HTTP: sent events, or asked about opening handshakes.
struct WebhookConfig {
  std::string name = "default";  // for routes, logs and metrics; different for each
  std::string url;               // "https://backend.example.org/events"
  // Types of events, such as "device.connected", of all routes. Messages are sent if their route's `upstream` names the webhook.
  std::vector<std::string> events;
  std::vector<std::string> secret_files;  // one or two keys that sign; empty: nothing is signed
  std::string authority_file;             // PEM file with the authorities that are trusted; empty: the system's
  bool local_allowed = false;             // the receiver may have a loopback or link-local address
  std::string origin;                     // what WebHook-Request-Origin says, and `source`; empty: this machine's name
  WebhookValidation validation = WebhookValidation::warn;
  std::uint64_t lanes_count = 16;  // requests in flight; each device has one lane, by its id
  std::uint64_t queue_messages_max = 10'000;
  std::uint64_t queue_bytes_max = 16 * 1024 * 1024;
  std::uint64_t batch_count_max = 1;            // 1: each event is a request; more: up to so many in one
  std::uint64_t timeout_ns = 5'000'000'000;     // of a request, from its start to the last byte of its answer
  std::uint64_t retry_min_ns = 500'000'000;     // the longest wait before the second attempt; doubled for each further one
  std::uint64_t retry_max_ns = 30'000'000'000;  // the longest wait of all
  std::uint64_t attempts_max = 20;              // then the event is dropped
  std::uint64_t age_max_ns = 600'000'000'000;   // an older event is not tried again
  std::uint64_t flush_ns = 5'000'000'000;       // how long the end waits for what is queued

  friend bool operator==(const WebhookConfig&, const WebhookConfig&) = default;
};

struct DeviceConfig {
  bool required = true;  // false: a connection without an id gets an anonymous one
  // Each is "query:NAME" or "header:NAME". All that are present must name the same id. A route with an id in its path, or with
  // credentials that name devices, may have its own (RouteConfig::id_from).
  std::vector<std::string> id_from{"query:deviceId", "query:deviceID"};
  std::vector<std::string> allowed_hosts;  // in the Host field, without port; empty: any

  friend bool operator==(const DeviceConfig&, const DeviceConfig&) = default;
};

/// What becomes of a device that sends more than its rate allows.
enum class RatePolicy : std::uint8_t {
  pause,  // it is not read from until it may send again
  close,  // with 4429
};

struct LimitsConfig {
  std::uint64_t connections_max = 100'000;  // over all shards
  std::uint64_t message_bytes_max = 1024 * 1024;
  std::uint64_t fragments_max = 16'384;      // per message
  std::uint64_t head_bytes_max = 16 * 1024;  // of a request, on either port; 4 to 63 KiB
  std::uint64_t fields_max = 100;            // field lines of a request head
  std::uint64_t send_queue_bytes_max = 256 * 1024;
  SlowPolicy slow_policy = SlowPolicy::close;
  std::uint64_t idempotency_window_ns = 120'000'000'000;    // how long the id of a push is remembered; 0: not at all
  std::uint64_t push_bytes_max = 1024 * 1024;               // the loader sets it to message_bytes_max unless a source sets it
  std::uint64_t reassembly_bytes_max = 256 * 1024 * 1024;   // unfinished messages of all devices; shards have equal parts
  std::uint64_t heads_bytes_max = 64 * 1024 * 1024;         // unfinished request heads of all devices; shards have equal parts
  std::uint64_t output_bytes_max = 256 * 1024 * 1024;       // output that waits for all slow devices; shards have equal parts
  std::uint64_t held_bytes_max = 64 * 1024 * 1024;          // received input that waits for a later turn; shards have equal parts
  std::uint64_t deflate_bytes_max = 256 * 1024 * 1024;      // memory for context takeover of all connections
  std::uint64_t inflate_cpu_percent = 20;                   // of a core, to inflate the messages of one connection
  std::uint64_t accept_backlog = 4096;                      // per listener and shard
  std::uint64_t send_timeout_ns = 10'000'000'000;           // output waits and the peer takes no byte; 0: off
  std::uint64_t handshake_timeout_ns = 10'000'000'000;      // never off
  std::uint64_t authentication_timeout_ns = 5'000'000'000;  // for a handler that decides later; never off
  std::uint64_t authenticating_max = 4096;                  // handshakes that wait for such a decision, over all shards
  std::uint64_t ping_interval_ns = 25'000'000'000;          // 0: off
  std::uint64_t pong_timeout_ns = 10'000'000'000;           // 0: off
  std::uint64_t idle_timeout_ns = 0;                        // the device sends no data message; 0: off
  std::uint64_t message_timeout_ns = 60'000'000'000;        // from a message's first byte to its last; 0: off
  std::uint64_t close_timeout_ns = 5'000'000'000;           // never off
  std::uint64_t tcp_user_timeout_ns = 30'000'000'000;       // 0: off
  // By source: the peer's IPv4 address, or the /64 of its IPv6 address. 0: off.
  std::uint64_t connections_per_prefix = 0;     // at the same time
  std::uint64_t handshakes_per_prefix = 0;      // per minute
  std::uint64_t auth_failures_per_prefix = 30;  // per minute
  std::uint64_t accepts_per_second = 0;         // opening handshakes of the whole gate; 0: off
  // A device id that connects more often than this in one window is answered 429 for the time of the ban. 0: off.
  std::uint64_t flap_connects = 15;
  std::uint64_t flap_connects_per_prefix = 0;  // the same for a source; 0: off
  std::uint64_t flap_window_ns = 60'000'000'000;
  std::uint64_t flap_ban_ns = 300'000'000'000;
  std::uint64_t departed_devices_max = 16'384;     // of which the gate remembers how they left; 0: none
  std::uint64_t sticky_memberships_max = 100'000;  // in groups, that outlive connections; 0: none
  // What one device may send, unless its route or its credential says otherwise. 0: off.
  std::uint64_t messages_per_second = 0;
  std::uint64_t bytes_per_second = 0;           // on its connection, after TLS and before decompression
  std::uint64_t rate_burst_ns = 1'000'000'000;  // how much of a rate a silent device saves up
  RatePolicy rate_policy = RatePolicy::pause;

  friend bool operator==(const LimitsConfig&, const LimitsConfig&) = default;
};

/// `automatic`: the gate uses the feature of io_uring if the probe finds it.
enum class FeatureUse : std::uint8_t { automatic, off };

struct RingConfig {
  FeatureUse multishot_receive = FeatureUse::automatic;
  FeatureUse direct_descriptors = FeatureUse::automatic;
  FeatureUse silent_sends = FeatureUse::automatic;
  FeatureUse incremental_buffers = FeatureUse::automatic;
  FeatureUse message_ring = FeatureUse::automatic;
  FeatureUse zero_copy_sends = FeatureUse::automatic;
  FeatureUse unacked_command = FeatureUse::automatic;
  std::uint64_t busy_poll_ns = 0;                // 0: off
  std::uint64_t gather_ns = 50'000;              // 0: off
  std::uint64_t cold_after_ns = 10'000'000'000;  // the device sends no byte; 0: never
  std::uint64_t buffers_count = 2;               // incremental receive buffers per shard; a power of two
  std::uint64_t buffer_bytes = 512 * 1024;       // a power of two
  std::uint64_t whole_buffers_count = 256;       // per shard, used without incremental buffers; a power of two
  std::uint64_t whole_buffer_bytes = 2 * 1024;   // a power of two
  std::uint64_t zero_copy_bytes = 32 * 1024;     // the smallest message that is sent without a copy
  std::uint64_t bulk_bytes = 32 * 1024;          // a device that delivers this much in one receive is bulk

  friend bool operator==(const RingConfig&, const RingConfig&) = default;
};

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };
enum class LogFormat : std::uint8_t { automatic, logfmt, json };  // automatic: logfmt on a terminal, else JSON

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;

  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct DrainConfig {
  std::uint64_t grace_ns = 0;  // the gate is not ready but still accepts; 0: none
  std::uint64_t duration_ns = 30'000'000'000;
  std::uint64_t closes_per_second = 1000;

  friend bool operator==(const DrainConfig&, const DrainConfig&) = default;
};

/// The event stream: what devices do and say, for backends.
struct EventsConfig {
  std::uint64_t ring_bytes = 4 * 1024 * 1024;   // of each shard, up to the merger; a power of two
  std::uint64_t log_bytes = 64 * 1024 * 1024;   // events kept for readers that fall behind or come back
  std::uint64_t readers_max = 64;               // of the stream, at the same time
  std::uint64_t heartbeat_ns = 15'000'000'000;  // a reader that gets nothing else gets a sign of life

  friend bool operator==(const EventsConfig&, const EventsConfig&) = default;
};

/// What gates of a cluster reach each other by.
enum class ClusterEngine : std::uint8_t {
  none,  // the gate is alone
  nats,
};

/// Other gates, so that a push reaches its device whichever gate has it.
struct ClusterConfig {
  ClusterEngine engine = ClusterEngine::none;
  std::vector<std::string> servers{"nats://127.0.0.1:4222"};
  std::string name = "default";            // gates of one name are one cluster
  std::string node;                        // this gate's, its own for each; empty: this machine's name
  std::uint64_t timeout_ns = 250'000'000;  // for another gate's answer
  bool required = false;                   // without the engine the gate is not ready
  std::string user;
  std::string password_file;
  std::string credentials_file;  // of NATS (a JWT and its seed)
  std::string authority_file;    // PEM file with the authorities that are trusted; empty: the system's
  std::string certificate_file;  // this gate's, with its chain
  std::string key_file;

  friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
};

struct Config {
  ServerConfig server;
  std::vector<ListenerConfig> listeners{ListenerConfig{}};
  AdminConfig admin;
  std::vector<WebhookConfig> webhooks;
  std::vector<RouteConfig> routes;  // empty: only mounted handlers; without any of those, the echo on /ws
  DeviceConfig device;
  AuthConfig auth;
  LimitsConfig limits;
  RingConfig ring;
  LogConfig log;
  DrainConfig drain;
  EventsConfig events;
  ClusterConfig cluster;

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace ringgate
