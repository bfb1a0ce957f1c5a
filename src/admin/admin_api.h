// What the admin port offers: each request goes to the endpoint its path and method name, which answers now
// or turns later.
//
// Knows nothing of connections: a request comes whole, the answer goes to a Responder. One per shard; owner
// shard. Files: routes.cc (path and method to endpoint), push_endpoints.cc, device_endpoints.cc, listing.cc,
// health_endpoints.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin_settings.h"
#include "admin/device_id_segment.h"
#include "admin/request_reader.h"
#include "admin/responder.h"
#include "base/counters.h"
#include "dispatch/gate_state.h"
#include "dispatch/push_service.h"

namespace ringgate::admin {

/// A request on its way to an endpoint. `request` is borrowed for the call, the responder is kept until the
/// answer.
struct Call {
  Request& request;
  DeviceIdSegment device_id;  // of the path; empty where it has none
  Responder responder;
};

/// What may happen to the requests behind one on its connection before its answer is there. Requests with unsafe methods take
/// effect in order (RFC 9112 section 9.3.2). Pushes keep it by themselves; a broadcast takes its turns over many devices, and
/// what is pushed behind it would overtake it.
enum class Followers : std::uint8_t { may_begin, wait };

class AdminApi {
 public:
  /// All arguments outlive the object; `all_counters`: those of every shard, for the metrics.
  AdminApi(const AdminSettings& settings, dispatch::GateState& gate, dispatch::PushService& push_service,
           std::span<const ShardCounters* const> all_counters)
      : settings_(settings), gate_(gate), push_service_(push_service), all_counters_(all_counters) {}

  /// Why whoever sent `request` is not served at all; nullopt if he may ask. A request of which nothing is known yet passes.
  std::optional<Answer> judge_caller(const Request& request) const;

  /// Why `request` will not be served, as far as its head tells; nullopt if an endpoint will decide.
  std::optional<Answer> judge_head(const Request& request) const;

  /// The same for a caller that sends its body only when asked to: it also hears at once that the device is not there.
  std::optional<Answer> judge_expectation(const Request& request) const;

  /// Serves a whole request. The responder is used exactly once, perhaps before the call returns.
  Followers serve(Request request, const Responder& responder);

  // -- Endpoints; called through the table of routes.cc
  void push_message(Call call);
  void broadcast_message(Call call);
  void show_device(Call call);
  void close_device(Call call);
  void list_devices(Call call);
  void show_health(Call call);
  void show_readiness(Call call);
  void show_metrics(Call call);

 private:
  bool is_host_allowed(const Request& request) const;

  struct Listing;  // listing.cc
  void start_listings();
  bool start(const std::shared_ptr<Listing>& listing);
  void finish(Listing& listing);

  const AdminSettings& settings_;
  dispatch::GateState& gate_;
  dispatch::PushService& push_service_;
  std::span<const ShardCounters* const> all_counters_;
  std::deque<std::shared_ptr<Listing>> listings_waiting_;  // bounded by requests in flight
  std::vector<std::size_t> listed_;                        // by shard: devices of unfinished pages that it was asked for
  bool listing_starts_ = false;                            // start_listings is at work
};

}  // namespace ringgate::admin
