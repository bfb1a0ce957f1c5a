// The settings of the admin listener. Made by the server from the configuration, constant afterwards; any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "base/cluster_counters.h"
#include "base/time.h"
#include "base/webhook_counters.h"
#include "http/request_head_parser.h"
#include "ringgate/config.h"

namespace ringgate::admin {

struct AdminSettings {
  bool judges_host = false;  // 421 unless the Host is a loopback name, an IP address or one of `allowed_hosts`
  std::vector<std::string> allowed_hosts;
  std::size_t connections_max = 256;                  // admin.max_connections: over all shards
  std::size_t body_bytes_max = 1024 * 1024;           // limits.max_push: decoded bytes of one request's body
  IdCharacters id_characters = IdCharacters::strict;  // the widest alphabet of any route
  http::HeadRules head_rules;
  DurationNs head_timeout = 10 * nanoseconds_per_second;  // from the opening, later from the first byte, to the end of the head
  DurationNs idle_timeout = 60 * nanoseconds_per_second;  // between requests
  DurationNs send_timeout = 10 * nanoseconds_per_second;  // while output waits and the peer takes no byte; 0: off
  std::string port_name = "loopback";                     // in the log, for callers that need no credential
  TimeNs started_at = 0;                                  // by the ring's clock
  std::string version;                                    // labels of ringgate_build_info; an empty one is left out
  std::string liburing_version;
  std::string openssl_version;
  const std::deque<WebhookCounters>* webhooks = nullptr;  // outlives the shards; null: none
  const ClusterCounters* cluster = nullptr;               // likewise
  std::vector<std::string> listener_binds;                // labels, as configured: by listener of the devices
  std::vector<std::string> route_paths;                   // the same, by route
  std::uint64_t authenticating_max = 0;                   // limits.max_authenticating
};

/// The settings of the admin port in `config`.
AdminSettings settings_of(const Config& config, std::string version);

}  // namespace ringgate::admin
