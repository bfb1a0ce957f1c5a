// The admin API: path and method of a request select an endpoint, which answers at once or some turns later.
//
// Knows nothing of connections: it gets whole requests and gives answers to a Responder. One per shard, owned by the admin
// session; owner shard. Invariant: each request gets exactly one answer.
//
// Files: routes.cc (path and method to endpoint), push_endpoints.cc, group_endpoints.cc, device_endpoints.cc, credential_endpoints.cc, listing.cc,
// health_endpoints.cc, gate_endpoints.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/access.h"
#include "admin/admin_settings.h"
#include "admin/audit_trail.h"
#include "admin/device_id_segment.h"
#include "admin/group_segment.h"
#include "admin/request_reader.h"
#include "admin/responder.h"
#include "admin/services.h"
#include "base/counters.h"
#include "dispatch/gate_state.h"
#include "dispatch/push_service.h"

namespace ringgate::admin {

/// A request for an endpoint. `request` and `caller` are borrowed for the call; the endpoint keeps the responder until the answer.
struct Call {
  Request& request;
  const Caller& caller;
  DeviceIdSegment device_id;  // from the path; empty if the route has none
  GroupSegment group;         // likewise
  Responder responder;
  const Remote& remote;  // for the log
};

/// Whether later requests of a connection may begin before the answer to this one. Requests with unsafe methods must take effect
/// in order (RFC 9112 section 9.3.2). Pushes do anyway. A broadcast takes several turns, so a later push could overtake it.
enum class Followers : std::uint8_t { may_begin, wait };

class AdminApi {
 public:
  // routes.cc
  struct Service;
  struct Route;
  struct Match;

  /// All arguments outlive the object. `all_counters`: of every shard, for the metrics.
  AdminApi(const AdminSettings& settings, dispatch::GateState& gate, dispatch::PushService& push_service,
           std::span<const ShardCounters* const> all_counters, const Services& services = {})
      : settings_(settings), gate_(gate), push_service_(push_service), all_counters_(all_counters), services_(services) {}

  /// The refusal for a caller that is not served at all; nullopt if it may ask. An empty request passes.
  std::optional<Answer> judge_caller(const Request& request) const;

  /// Whether `request` is served to callers that are not known: a health check.
  static bool is_public(const Request& request);

  /// Whether the body of `head` goes to its endpoint's stream as it arrives: RequestReader::InPieces.
  static bool reads_in_pieces(const Request& head);

  /// The refusal for a caller that waits for 100 Continue: it learns at once that the device is unknown. A refusal of a call that
  /// changes something leaves its line in the log.
  std::optional<Answer> judge_expectation(const Request& request, const CallerRef& caller, const Remote& remote) const;

  /// Serves a whole request that `judge_caller` lets pass. Uses the responder exactly once, perhaps before the call returns.
  /// `remote`: for the log.
  Followers serve(Request request, const CallerRef& caller, const Remote& remote, const Responder& responder);

  // -- Endpoints, called through the table in routes.cc
  void push_message(Call call);
  void broadcast_message(Call call);
  void message_group(Call call);
  void show_group(Call call);
  void join_group(Call call);
  void leave_group(Call call);
  void show_device(Call call);
  void close_device(Call call);
  void list_devices(Call call);
  void close_devices(Call call);
  void show_presence(Call call);
  void push_batch(Call call);
  void request_of_device(Call call);
  void extend_credential(Call call);
  void ban_device(Call call);
  void show_ban(Call call);
  void lift_ban(Call call);
  void revoke(Call call);
  void lift_revocation(Call call);
  void show_health(Call call);
  void show_readiness(Call call);
  void show_metrics(Call call);
  void reload(Call call);
  void show_stats(Call call);
  void stream_events(Call call);
  void open_stream(Call call);
  void show_openapi(Call call);

 private:
  bool is_host_allowed(const Request& request) const;
  /// The refusal that the head of `request` and its caller already decide; nullopt if an endpoint decides.
  std::optional<Answer> judge_head(const Request& request, const Caller& caller, const Match& found) const;
  void wake_shards();
  void send_to_all(Call& call, dispatch::Selection selection);
  std::optional<Refusal> reserve_reader();
  void answer_absent(device::IdKey key, const Responder& responder);
  void count_devices(Call& call, const DeviceFilter& filter);
  void show_presence_of_covered(Call& call, std::vector<std::string> ids);
  void rank_devices(Call& call, const DeviceFilter& filter, std::string_view sort);
  void serve_if_covered(const Service& service, Request request, const CallerRef& caller, const DeviceIdSegment& id,
                        const GroupSegment& group, const Responder& responder, const Remote& remote);

  struct Listing;  // listing.cc
  void start_listings();
  bool start(const std::shared_ptr<Listing>& listing);
  void finish(Listing& listing);
  static void answer(Listing& listing);
  std::optional<AuditNote> note_of(const Match& found, const Request& request, const CallerRef& caller,
                                   const Remote& remote) const;
  std::optional<Answer> judge_device(const Request& request, const Match& found) const;

  const AdminSettings& settings_;
  dispatch::GateState& gate_;
  dispatch::PushService& push_service_;
  std::span<const ShardCounters* const> all_counters_;
  const Services services_;
  AuditTrail audit_;
  std::deque<std::shared_ptr<Listing>> listings_waiting_;  // bounded by requests in flight
  std::vector<std::size_t> listed_;                        // by shard: devices that it was asked for by unfinished pages
  bool listing_starts_ = false;                            // start_listings is running
};

}  // namespace ringgate::admin
