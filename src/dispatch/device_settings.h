// The settings and routes that device sessions work by. Built once at start, then read by every shard.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "admission/admission.h"
#include "http/request_head_parser.h"
#include "ringgate/config.h"
#include "ringgate/handler.h"

namespace ringgate::dispatch {

/// Handlers by route. Views borrow from `config`, so the object does not move.
struct DeviceSettings {
  struct Mount {
    std::string path;
    Handler* handler = nullptr;
    bool is_echo = false;  // the handler is the built-in one
  };

  /// `mounts[i]` serves `config.routes[i]`.
  DeviceSettings(const Config& settings, std::vector<Mount> handlers);
  DeviceSettings(const DeviceSettings&) = delete;
  DeviceSettings& operator=(const DeviceSettings&) = delete;

  const Config config;
  const http::HeadRules head_rules;  // for opening handshakes
  std::vector<Mount> mounts;
  std::vector<admission::RouteView> routes;
  std::vector<admission::IdSource> id_sources;
  std::deque<std::vector<std::string_view>> lists;  // what the routes borrow: allowed origins, subprotocols
};

}  // namespace ringgate::dispatch
