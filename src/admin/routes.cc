// The table from method and path to the endpoint, and the checks before it in their order.
#include <array>

#include "admin/admin_api.h"
#include "admin/content_type.h"
#include "admin/message_options.h"
#include "http/host_name.h"

namespace ringgate::admin {

using auth::Scope;
using http::Method;

/// What is done for a method of a path, and for whom.
struct AdminApi::Service {
  Method method = Method::unknown;
  void (AdminApi::*endpoint)(Call) = nullptr;
  std::optional<Scope> scope;          // nullopt: for everybody
  log::Level audit = log::Level::off;  // of the line that the call leaves; off: it changes nothing
  bool concerns_all = false;           // callers whose token is restricted to some devices are refused
  bool takes_message = false;          // the body is a message to devices
  bool takes_options = false;          // of PushOptions
  Followers followers = Followers::may_begin;
  bool reads_in_pieces = false;  // answers with a stream, or a refusal, before the body is there
  bool opens_websocket = false;  // and nothing else
};

struct AdminApi::Route {
  std::string_view before_id;  // the path up to the device id; the whole path if it has none
  bool has_id;
  std::string_view after_id;
  std::string_view allow;  // the Allow field line of a 405
  std::array<Service, 3> services;
  std::string_view before_group = {};  // the path up to a group's name, with which the path then begins; empty if it has none
};

struct AdminApi::Match {
  const Route* route = nullptr;  // null: nothing is served at this path
  std::string_view id_segment;
  std::string_view group_segment;
};

namespace {

using Service = AdminApi::Service;
using Route = AdminApi::Route;
using Match = AdminApi::Match;

constexpr std::string_view allow_get = "Allow: GET, HEAD\r\n";
constexpr std::string_view allow_post = "Allow: POST\r\n";
constexpr std::string_view allow_all = "Allow: GET, HEAD, POST, PUT, DELETE\r\n";  // for a target that is not a path
constexpr std::string_view allow_get_and_delete = "Allow: GET, HEAD, DELETE\r\n";

// A push to one device is written at debug only: there may be thousands a second (decision 0022).
constexpr Service push{.method = Method::post,
                       .endpoint = &AdminApi::push_message,
                       .scope = Scope::push,
                       .audit = log::Level::debug,
                       .takes_message = true,
                       .takes_options = true};
constexpr Service show{.method = Method::get, .endpoint = &AdminApi::show_device, .scope = Scope::read};
constexpr Service close{
    .method = Method::delete_, .endpoint = &AdminApi::close_device, .scope = Scope::admin, .audit = log::Level::info};
constexpr Service list{.method = Method::get, .endpoint = &AdminApi::list_devices, .scope = Scope::read};
constexpr Service close_devices{.method = Method::delete_,
                                .endpoint = &AdminApi::close_devices,
                                .scope = Scope::admin,
                                .audit = log::Level::info,
                                .followers = Followers::wait};
constexpr Service presence{.method = Method::post, .endpoint = &AdminApi::show_presence, .scope = Scope::read};
// As a push.
constexpr Service request_device{.method = Method::post,
                                 .endpoint = &AdminApi::request_of_device,
                                 .scope = Scope::push,
                                 .audit = log::Level::debug,
                                 .takes_message = true};
// Each of its pushes is one; the call is one line.
constexpr Service batch{.method = Method::post,
                        .endpoint = &AdminApi::push_batch,
                        .scope = Scope::push,
                        .audit = log::Level::debug,
                        .followers = Followers::wait,
                        .reads_in_pieces = true};
constexpr Service broadcast{.method = Method::post,
                            .endpoint = &AdminApi::broadcast_message,
                            .scope = Scope::push,
                            .audit = log::Level::info,
                            .takes_message = true,
                            .followers = Followers::wait};
// As a push to one device; each is one line at debug.
constexpr Service message_group{.method = Method::post,
                                .endpoint = &AdminApi::message_group,
                                .scope = Scope::push,
                                .audit = log::Level::debug,
                                .takes_message = true,
                                .followers = Followers::wait};
constexpr Service show_group{.method = Method::get, .endpoint = &AdminApi::show_group, .scope = Scope::read};
constexpr Service join_group{
    .method = Method::put, .endpoint = &AdminApi::join_group, .scope = Scope::admin, .audit = log::Level::info};
constexpr Service leave_group{
    .method = Method::delete_, .endpoint = &AdminApi::leave_group, .scope = Scope::admin, .audit = log::Level::info};
constexpr Service health{.method = Method::get, .endpoint = &AdminApi::show_health};
constexpr Service readiness{.method = Method::get, .endpoint = &AdminApi::show_readiness};
constexpr Service metrics{.method = Method::get, .endpoint = &AdminApi::show_metrics, .scope = Scope::read, .concerns_all = true};

constexpr Service reload{.method = Method::post,
                         .endpoint = &AdminApi::reload,
                         .scope = Scope::admin,
                         .audit = log::Level::info,
                         .concerns_all = true,
                         .followers = Followers::wait};
constexpr Service stats{.method = Method::get, .endpoint = &AdminApi::show_stats, .scope = Scope::read, .concerns_all = true};
constexpr Service openapi{.method = Method::get, .endpoint = &AdminApi::show_openapi, .scope = Scope::read};

constexpr Service events_stream{.method = Method::get, .endpoint = &AdminApi::stream_events, .scope = Scope::read};
constexpr Service backend_stream{
    .method = Method::get, .endpoint = &AdminApi::open_stream, .scope = Scope::read, .opens_websocket = true};

constexpr Service extend{
    .method = Method::put, .endpoint = &AdminApi::extend_credential, .scope = Scope::admin, .audit = log::Level::info};
constexpr Service show_ban{.method = Method::get, .endpoint = &AdminApi::show_ban, .scope = Scope::read};
constexpr Service ban{.method = Method::put, .endpoint = &AdminApi::ban_device, .scope = Scope::admin, .audit = log::Level::info};
constexpr Service lift_ban{
    .method = Method::delete_, .endpoint = &AdminApi::lift_ban, .scope = Scope::admin, .audit = log::Level::info};
constexpr Service revoke{
    .method = Method::put, .endpoint = &AdminApi::revoke, .scope = Scope::admin, .audit = log::Level::info, .concerns_all = true};
constexpr Service lift_revocation{.method = Method::delete_,
                                  .endpoint = &AdminApi::lift_revocation,
                                  .scope = Scope::admin,
                                  .audit = log::Level::info,
                                  .concerns_all = true};

constexpr std::array routes{
    Route{"/v1/devices/", true, "/messages", allow_post, {push}},
    Route{"/v1/devices/", true, "/requests", allow_post, {request_device}},
    Route{"/v1/devices/", true, "/credential", "Allow: PUT\r\n", {extend}},
    Route{"/v1/bans/", true, "", "Allow: GET, HEAD, PUT, DELETE\r\n", {show_ban, ban, lift_ban}},
    Route{"/v1/revocations", false, "", "Allow: PUT, DELETE\r\n", {revoke, lift_revocation}},
    Route{"/v1/devices/", true, "", allow_get_and_delete, {show, close}},
    Route{"/v1/devices", false, "", allow_get_and_delete, {list, close_devices}},
    Route{"/v1/devices:presence", false, "", allow_post, {presence}},
    Route{"/v1/messages:batch", false, "", allow_post, {batch}},
    Route{"/devices/", true, "", "Allow: PUT, DELETE\r\n", {join_group, leave_group}, "/v1/groups/"},
    Route{"/messages", false, "", allow_post, {message_group}, "/v1/groups/"},
    Route{"", false, "", allow_get, {show_group}, "/v1/groups/"},
    Route{"/v1/broadcast", false, "", allow_post, {broadcast}},
    Route{"/v1/events", false, "", allow_get, {events_stream}},
    Route{"/v1/stream", false, "", allow_get, {backend_stream}},
    Route{"/v1/reload", false, "", allow_post, {reload}},
    Route{"/v1/stats", false, "", allow_get, {stats}},
    Route{"/v1/openapi.yaml", false, "", allow_get, {openapi}},
    Route{"/healthz", false, "", allow_get, {health}},
    Route{"/readyz", false, "", allow_get, {readiness}},
    Route{"/metrics", false, "", allow_get, {metrics}},
};

// What a caller without the scope is told, by scope (RFC 6750 section 3).
constexpr std::array<std::string_view, auth::scope_words.size()> scope_fields{
    "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"insufficient_scope\", scope=\"push\"\r\n",
    "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"insufficient_scope\", scope=\"read\"\r\n",
    "WWW-Authenticate: Bearer realm=\"ringgate\", error=\"insufficient_scope\", scope=\"admin\"\r\n",
};
/// The segment of the id, empty for a route without one; nullopt if `path` does not match the route.
std::optional<std::string_view> match(const Route& route, std::string_view path) {
  if (!route.has_id) return path == route.before_id ? std::optional<std::string_view>{""} : std::nullopt;
  if (!path.starts_with(route.before_id)) return std::nullopt;
  path.remove_prefix(route.before_id.size());
  if (!path.ends_with(route.after_id)) return std::nullopt;
  path.remove_suffix(route.after_id.size());
  return path.find('/') == std::string_view::npos ? std::optional{path} : std::nullopt;
}

/// Takes the name of the group, and what stands before it, off `path`; nullopt if `path` has none there.
std::optional<std::string_view> take_group(const Route& route, std::string_view& path) {
  if (route.before_group.empty()) return std::string_view{};
  if (!path.starts_with(route.before_group)) return std::nullopt;
  path.remove_prefix(route.before_group.size());
  const std::string_view group = path.substr(0, path.find('/'));
  path.remove_prefix(group.size());
  return group;
}

Match find_route(std::string_view path) {
  for (const Route& route : routes) {
    std::string_view rest = path;
    const auto group = take_group(route, rest);
    if (!group) continue;
    if (const auto segment = match(route, rest)) return {&route, *segment, *group};
  }
  return {};
}

/// The service for a method; null if there is none. HEAD is served wherever GET is (RFC 9110 section 9.3.2).
const Service* find_service(const Route& route, Method method) {
  if (method == Method::head) method = Method::get;
  for (const Service& service : route.services)
    if (service.endpoint != nullptr && service.method == method) return &service;
  return nullptr;
}

bool opens_websocket(const Request& request, const Match& found) {
  const Service* service = found.route == nullptr ? nullptr : find_service(*found.route, request.method);
  return service != nullptr && service->opens_websocket && request.method == Method::get;
}

/// "DELETE /v1/devices/{id}"
std::string name_of(const Route& route, Method method) {
  constexpr std::array<std::string_view, 5> names{"GET", "HEAD", "POST", "PUT", "DELETE"};  // in the order of `Method`
  return std::string(names[static_cast<std::size_t>(method)])
      .append(" ")
      .append(route.before_group)
      .append(route.before_group.empty() ? "" : "{group}")
      .append(route.before_id)
      .append(route.has_id ? "{id}" : "")
      .append(route.after_id);
}

}  // namespace

// The first check, so that a page in a browser learns nothing: neither a page whose host name resolves to our address (DNS
// rebinding), nor one that asks across sites.
std::optional<Answer> AdminApi::judge_caller(const Request& request) const {
  if (!is_host_allowed(request)) return Answer::refuse(Refusal::host_not_allowed);
  if (request.is_from_web_page) return Answer::refuse(Refusal::origin_forbidden);
  return std::nullopt;
}

bool AdminApi::reads_in_pieces(const Request& head) {
  const Match found = find_route(head.path);
  const Service* service = found.route == nullptr ? nullptr : find_service(*found.route, head.method);
  return service != nullptr && service->reads_in_pieces;
}

bool AdminApi::is_public(const Request& request) {
  const Match found = find_route(request.path);
  return found.route != nullptr && !found.route->services.front().scope;
}

std::optional<Answer> AdminApi::judge_head(const Request& request, const Caller& caller, const Match& found) const {
  if (request.method == Method::unknown) return Answer::refuse(Refusal::method_unknown);
  if (request.asks_for_websocket && !opens_websocket(request, found)) return Answer::refuse(Refusal::upgrade_unserved);
  if (!request.path.starts_with('/')) return Answer::refuse(Refusal::method_not_allowed, allow_all);  // OPTIONS *, CONNECT h:80
  if (found.route == nullptr) return Answer::refuse(Refusal::path_unknown);
  const Service* service = find_service(*found.route, request.method);
  if (service == nullptr) return Answer::refuse(Refusal::method_not_allowed, found.route->allow);
  if (service->scope && !caller.may(*service->scope))
    return Answer::refuse(Refusal::scope, scope_fields[static_cast<std::size_t>(*service->scope)]);
  if (service->concerns_all && caller.is_restricted()) return Answer::refuse(Refusal::not_covered);
  if (found.route->has_id) {
    const auto id = DeviceIdSegment::decode(found.id_segment, settings_.id_characters);
    if (!id) return Answer::refuse(Refusal::bad_id);
    if (!caller.covers_id(id->view())) return Answer::refuse(Refusal::not_covered);
  }
  if (!found.route->before_group.empty() && !GroupSegment::decode(found.group_segment)) return Answer::refuse(Refusal::bad_group);
  const bool changes_something = service->method != Method::get;
  if (!service->takes_options && changes_something && has_message_fields(request))
    return Answer::refuse(Refusal::option_unserved);
  if (!service->takes_message) return std::nullopt;
  if (request.is_encoded) return Answer::refuse(Refusal::content_encoding);
  if (!request.content_type || !message_type_of(*request.content_type)) return Answer::refuse(Refusal::content_type);
  if (!service->takes_options || !may_have_message_options(request)) return std::nullopt;
  if (const auto options = read_message_options(request); !options) return Answer::refuse(options.error());
  return std::nullopt;
}

/// HTTP/1.0 may name no host; browsers always do.
bool AdminApi::is_host_allowed(const Request& request) const {
  if (!settings_.judges_host || request.authority.empty()) return true;
  const std::string_view host = http::host_of(request.authority);
  return http::is_loopback_name(host) || http::is_ip_literal(host) || http::is_listed(host, settings_.allowed_hosts);
}

/// The line that a call leaves; nullopt if it is not written.
std::optional<AuditNote> AdminApi::note_of(const Match& found, const Request& request, const CallerRef& caller,
                                           const Remote& remote) const {
  const Service* service = found.route == nullptr ? nullptr : find_service(*found.route, request.method);
  if (service == nullptr || !log::enabled(service->audit)) return std::nullopt;
  const auto id = found.route->has_id ? DeviceIdSegment::decode(found.id_segment, settings_.id_characters) : std::nullopt;
  AuditNote note{service->audit, caller, remote, name_of(*found.route, request.method), std::string(id ? id->view() : ""), {}};
  // Two such fields count as none (W3C Trace Context, section 3.2).
  if (request.count_fields("traceparent") == 1) note.trace_parent = *request.field("traceparent");
  return note;
}

std::optional<Answer> AdminApi::judge_expectation(const Request& request, const CallerRef& caller, const Remote& remote) const {
  const Match found = find_route(request.path);
  auto refusal = judge_head(request, *caller, found);
  if (!refusal) refusal = judge_device(request, found);
  if (!refusal) return std::nullopt;
  if (const auto note = note_of(found, request, caller, remote)) AuditTrail::write(*note, *refusal);
  return refusal;
}

/// Of a request that judge_head lets pass.
std::optional<Answer> AdminApi::judge_device(const Request& request, const Match& found) const {
  if (!found.route->has_id || !find_service(*found.route, request.method)->takes_message) return std::nullopt;
  const auto id = DeviceIdSegment::decode(found.id_segment, settings_.id_characters);
  if (push_service_.map().find(gate_.hash(id->view()))) return std::nullopt;
  return Answer::refuse(Refusal::unknown_device);
}

Followers AdminApi::serve(Request request, const CallerRef& caller, const Remote& remote, const Responder& unaudited) {
  const Match found = find_route(request.path);
  const Service* service = found.route == nullptr ? nullptr : find_service(*found.route, request.method);
  const DeviceIdSegment id = found.route != nullptr && found.route->has_id
                                 ? DeviceIdSegment::decode(found.id_segment, settings_.id_characters).value_or(DeviceIdSegment{})
                                 : DeviceIdSegment{};
  const GroupSegment group = GroupSegment::decode(found.group_segment).value_or(GroupSegment{});
  Responder responder = unaudited;
  if (auto note = note_of(found, request, caller, remote)) responder = audit_.follow(unaudited, std::move(*note));
  if (auto refusal = judge_head(request, *caller, found)) {
    responder.answer(std::move(*refusal));
    return Followers::may_begin;
  }
  if (found.route->has_id && caller->depends_on_connection()) {
    serve_if_covered(*service, std::move(request), caller, id, group, responder, remote);
    return Followers::wait;
  }
  (this->*service->endpoint)({request, *caller, id, group, responder, remote});
  return service->followers;
}

/// Asks first which route and groups the device has. It may be replaced by another connection behind that answer.
void AdminApi::serve_if_covered(const Service& service, Request request, const CallerRef& caller, const DeviceIdSegment& id,
                                const GroupSegment& group, const Responder& responder, const Remote& remote) {
  push_service_.describe(id.view(), [this, &service, request = std::move(request), caller, id, group, responder,
                                     remote](const dispatch::DescribeResult& result) mutable {
    switch (result.outcome) {
      case dispatch::DescribeOutcome::unknown_device: return responder.refuse(Refusal::unknown_device);
      case dispatch::DescribeOutcome::unavailable: return responder.refuse(Refusal::unavailable);
      case dispatch::DescribeOutcome::found: break;
    }
    if (!caller->covers(*result.device)) return responder.refuse(Refusal::not_covered);
    (this->*service.endpoint)({request, *caller, id, group, responder, remote});
  });
}

}  // namespace ringgate::admin
