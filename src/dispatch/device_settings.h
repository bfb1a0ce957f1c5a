// The settings of the device sessions: routes, limits, and what credentials are checked against. Built at start and for each reload, then
// constant. Each shard has its own and replaces it as a whole, between two turns: all of a handshake is judged by one state.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "admission/admission.h"
#include "auth/verifiers.h"
#include "base/time.h"
#include "dispatch/connect_judge.h"
#include "dispatch/correlation.h"
#include "http/request_head_parser.h"
#include "limit/rules.h"
#include "ringgate/config.h"
#include "ringgate/handler.h"
#include "ws/frame_reader.h"

namespace ringgate::dispatch {

/// A password is derived, a JSON Web Token's signature verified: up to milliseconds. The others take microseconds.
bool takes_long_to_check(std::span<const auth::Kind> credentials);

/// Its views borrow from `config`, so it does not move.
struct DeviceSettings {
  struct Mount {
    std::string path;
    Handler* handler = nullptr;
    ConnectJudge* judge = nullptr;  // decides about opening handshakes in place of Handler::on_upgrade; null: none
  };

  /// What holds for the connections of one route, as far as it is looked up for each receive or deadline.
  struct alignas(64) RouteLimits {
    ws::ReaderRules rules;
    ws::ReaderRules compressing_rules;  // of connections that agreed on permessage-deflate
    std::uint64_t send_queue_bytes_max = 0;
    DurationNs idle_timeout = 0;  // 0: off, as the others
    DurationNs message_timeout = 0;
    DurationNs ping_interval = 0;
    DurationNs pong_timeout = 0;
    DurationNs lifetime = 0;
    std::uint64_t sinks = 0;  // of its messages; see upstream.h
    bool waits_for_sinks = false;
    SlowPolicy slow_policy = SlowPolicy::close;
    bool is_echo = false;  // the handler is the built-in echo, and there is no sink
  };

  /// `mounts[i]` serves `config.routes[i]`. `keys`: see the member.
  DeviceSettings(const Config& settings, std::vector<Mount> handlers, std::shared_ptr<const auth::Verifiers> keys = nullptr);
  DeviceSettings(const DeviceSettings&) = delete;
  DeviceSettings& operator=(const DeviceSettings&) = delete;

  const Config config;
  const http::HeadRules head_rules;  // for opening handshakes
  const limit::Rules limit_rules;
  const std::shared_ptr<const auth::Verifiers> verifiers;  // what credentials are checked against; null: no files are configured
  std::vector<Mount> mounts;
  std::vector<admission::RouteView> routes;
  std::vector<RouteLimits> limits;                              // by route
  std::vector<std::optional<CorrelationPointer>> correlations;  // likewise
  std::deque<std::vector<admission::IdSource>> id_sources;      // borrowed by `routes`
  std::deque<std::vector<auth::Kind>> credentials;              // borrowed by `routes`
  std::deque<std::string> challenges;                           // borrowed by `routes`
  bool lets_in = false;                                         // some route does not enforce credentials
  bool asks_for_credentials = false;                            // some route does
  bool verifies = false;                                        // some route takes credentials that take long to check
  std::deque<std::vector<std::string_view>> lists;              // allowed origins and subprotocols, borrowed by `routes`
};

}  // namespace ringgate::dispatch
