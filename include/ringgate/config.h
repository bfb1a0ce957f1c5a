// Every setting of the gate, as plain values with their defaults. Reading them from files, the environment and flags, their
// ranges and their spelling are src/config/table.cc's; an embedder fills these structs directly.
//
// Units are in the names: `_bytes` are bytes, `_ns` nanoseconds. A duration of 0 means "off" where the comment says so.
// Values copy; nothing here borrows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringgate {

struct ServerConfig {
  std::uint64_t shards_count = 0;   // 0: one per CPU of `cpus`, or of the machine
  std::vector<std::uint32_t> cpus;  // shards are pinned to these in turn; empty: all, not pinned

  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};

struct ListenerConfig {
  std::string bind = "127.0.0.1:8080";   // "ADDRESS:PORT", IPv6 in brackets; port 0: the kernel picks
  bool dual_stack = false;               // an IPv6 address, such as [::], takes IPv4 connections too
  std::string health_path = "/healthz";  // answered 200 or, while the gate is not ready, 503; "off": not served

  friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

struct AdminConfig {
  std::string bind = "127.0.0.1:8081";     // "off": no admin listener
  bool dual_stack = false;                 // an IPv6 address, such as [::], takes IPv4 connections too
  std::vector<std::string> allowed_hosts;  // of the Host field, without port; beside loopback names and IP literals
  std::uint64_t connections_max = 256;     // over all shards; a request beyond them is answered 503

  friend bool operator==(const AdminConfig&, const AdminConfig&) = default;
};

enum class OriginPolicy : std::uint8_t {
  same_host,  // the Origin's authority equals Host; case is ignored, and a default port equals none
  list,       // the Origin is one of `allowed_origins`
  off,        // not looked at
};

/// permessage-deflate (RFC 7692) on one route.
struct DeflateConfig {
  bool enabled = false;
  bool context_takeover = false;          // both sides remember earlier messages: smaller, at the price of memory per connection
  std::uint64_t window_bits = 15;         // 9 to 15: the most, either way
  std::uint64_t memory_level = 8;         // 1 to 9, of a compressor with context takeover, as zlib counts
  std::uint64_t message_bytes_min = 256;  // a shorter message is sent as it is

  friend bool operator==(const DeflateConfig&, const DeflateConfig&) = default;
};

struct RouteConfig {
  std::string path = "/ws";  // compared byte by byte with the request's path
  std::string handler = "echo";
  OriginPolicy origin = OriginPolicy::same_host;
  std::vector<std::string> allowed_origins;  // "https://example.org", "null", "file://"; only with OriginPolicy::list
  std::vector<std::string> subprotocols;     // the first of these that the client offers is taken; none: no subprotocol
  DeflateConfig deflate;

  friend bool operator==(const RouteConfig&, const RouteConfig&) = default;
};

struct DeviceConfig {
  bool required = true;  // false: a connection without an id gets an anonymous one
  // "query:NAME" or "header:NAME". All of them are asked; those that are there must agree.
  std::vector<std::string> id_from{"query:deviceId", "query:deviceID"};
  std::vector<std::string> allowed_hosts;  // of the Host field, without port; empty: any

  friend bool operator==(const DeviceConfig&, const DeviceConfig&) = default;
};

struct LimitsConfig {
  std::uint64_t connections_max = 100'000;  // over all shards
  std::uint64_t message_bytes_max = 1024 * 1024;
  std::uint64_t fragments_max = 16'384;      // per message
  std::uint64_t head_bytes_max = 16 * 1024;  // of a request, on either port; 4 to 63 KiB
  std::uint64_t fields_max = 100;            // field lines of a request head
  std::uint64_t send_queue_bytes_max = 256 * 1024;
  std::uint64_t push_bytes_max = 1024 * 1024;              // the loader makes it message_bytes_max unless it is set
  std::uint64_t reassembly_bytes_max = 256 * 1024 * 1024;  // unfinished messages of all connections; shards have equal parts
  std::uint64_t heads_bytes_max = 64 * 1024 * 1024;        // unfinished request heads of all devices; shards have equal parts
  std::uint64_t output_bytes_max = 256 * 1024 * 1024;      // what waits for slow devices, all together; shards have equal parts
  std::uint64_t held_bytes_max = 64 * 1024 * 1024;         // input that waits for paused handlers; shards have equal parts
  std::uint64_t deflate_bytes_max = 256 * 1024 * 1024;     // what all connections with context takeover may hold for it
  std::uint64_t inflate_cpu_percent = 20;                  // of a core, for one connection: inflating alone
  std::uint64_t accept_backlog = 4096;
  std::uint64_t send_timeout_ns = 10'000'000'000;       // without a byte taken by the peer; 0: off
  std::uint64_t handshake_timeout_ns = 10'000'000'000;  // never off
  std::uint64_t ping_interval_ns = 25'000'000'000;      // 0: off
  std::uint64_t pong_timeout_ns = 10'000'000'000;       // 0: off
  std::uint64_t idle_timeout_ns = 0;                    // without a data message; 0: off
  std::uint64_t message_timeout_ns = 60'000'000'000;    // from a message's first byte to its last; 0: off
  std::uint64_t close_timeout_ns = 5'000'000'000;       // never off
  std::uint64_t tcp_user_timeout_ns = 30'000'000'000;   // 0: off

  friend bool operator==(const LimitsConfig&, const LimitsConfig&) = default;
};

/// Whether a feature of io_uring is used: if the probe found it, or not at all.
enum class FeatureUse : std::uint8_t { automatic, off };

struct RingConfig {
  FeatureUse multishot_receive = FeatureUse::automatic;
  FeatureUse direct_descriptors = FeatureUse::automatic;
  FeatureUse silent_sends = FeatureUse::automatic;
  FeatureUse incremental_buffers = FeatureUse::automatic;
  FeatureUse message_ring = FeatureUse::automatic;
  FeatureUse zero_copy_sends = FeatureUse::automatic;
  std::uint64_t busy_poll_ns = 0;                // 0: off
  std::uint64_t gather_ns = 50'000;              // 0: off
  std::uint64_t cold_after_ns = 10'000'000'000;  // without a byte from a device; 0: never
  std::uint64_t buffers_count = 2;               // a power of two
  std::uint64_t buffer_bytes = 512 * 1024;
  std::uint64_t whole_buffers_count = 256;  // without incremental buffers: each receive takes a whole one; a power of two
  std::uint64_t whole_buffer_bytes = 2 * 1024;
  std::uint64_t zero_copy_bytes = 32 * 1024;  // of a message
  std::uint64_t bulk_bytes = 32 * 1024;       // received at a time, from which a device is bulk

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
  std::uint64_t grace_ns = 0;  // still accepting; 0: none
  std::uint64_t duration_ns = 30'000'000'000;
  std::uint64_t closes_per_second = 1000;

  friend bool operator==(const DrainConfig&, const DrainConfig&) = default;
};

struct Config {
  ServerConfig server;
  std::vector<ListenerConfig> listeners{ListenerConfig{}};
  AdminConfig admin;
  std::vector<RouteConfig> routes;  // empty: what is mounted, and only if nothing is, the echo on /ws
  DeviceConfig device;
  LimitsConfig limits;
  RingConfig ring;
  LogConfig log;
  DrainConfig drain;

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace ringgate
