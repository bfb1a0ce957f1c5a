// The table from method and path to the endpoint, and the checks before it in their order.
#include <array>

#include "admin/admin_api.h"
#include "admin/content_type.h"
#include "http/host_name.h"

namespace ringgate::admin {
namespace {

using http::Method;
using Endpoint = void (AdminApi::*)(Call);

struct Service {
  Method method = Method::unknown;
  Endpoint endpoint = nullptr;
  Followers followers = Followers::may_begin;
  bool takes_message = false;  // the body is a message to devices
};

struct Route {
  std::string_view before_id;  // the path up to the device id; the whole path if it has none
  bool has_id;
  std::string_view after_id;
  std::string_view allow;  // the Allow field line of a 405
  std::array<Service, 3> services;
};

constexpr std::string_view allow_get = "Allow: GET, HEAD\r\n";
constexpr std::string_view allow_post = "Allow: POST\r\n";
constexpr std::string_view allow_all = "Allow: GET, HEAD, POST, PUT, DELETE\r\n";  // for a target that is not a path
constexpr std::string_view allow_get_and_delete = "Allow: GET, HEAD, DELETE\r\n";

// clang-format off
constexpr std::array<Route, 10> routes{{
    {"/v1/devices/", true, "/messages", allow_post, {{{Method::post, &AdminApi::push_message, Followers::may_begin, true}, {}}}},
    {"/v1/devices/", true, "/credential", "Allow: PUT\r\n", {{{Method::put, &AdminApi::extend_credential}, {}, {}}}},
    {"/v1/bans/", true, "", "Allow: GET, HEAD, PUT, DELETE\r\n", {{{Method::get, &AdminApi::show_ban}, {Method::put, &AdminApi::ban_device}, {Method::delete_, &AdminApi::lift_ban}}}},
    {"/v1/revocations", false, "", "Allow: PUT\r\n", {{{Method::put, &AdminApi::revoke}, {}, {}}}},
    {"/v1/devices/", true, "", allow_get_and_delete, {{{Method::get, &AdminApi::show_device}, {Method::delete_, &AdminApi::close_device}}}},
    {"/v1/devices", false, "", allow_get, {{{Method::get, &AdminApi::list_devices}, {}}}},
    {"/v1/broadcast", false, "", allow_post, {{{Method::post, &AdminApi::broadcast_message, Followers::wait, true}, {}}}},
    {"/healthz", false, "", allow_get, {{{Method::get, &AdminApi::show_health}, {}}}},
    {"/readyz", false, "", allow_get, {{{Method::get, &AdminApi::show_readiness}, {}}}},
    {"/metrics", false, "", allow_get, {{{Method::get, &AdminApi::show_metrics}, {}}}},
}};
// clang-format on

/// The segment of the id, empty for a route without one; nullopt if `path` does not match the route.
std::optional<std::string_view> match(const Route& route, std::string_view path) {
  if (!route.has_id) return path == route.before_id ? std::optional<std::string_view>{""} : std::nullopt;
  if (!path.starts_with(route.before_id)) return std::nullopt;
  path.remove_prefix(route.before_id.size());
  if (!path.ends_with(route.after_id)) return std::nullopt;
  path.remove_suffix(route.after_id.size());
  return path.find('/') == std::string_view::npos ? std::optional{path} : std::nullopt;
}

struct Match {
  const Route* route = nullptr;  // null: nothing is served at this path
  std::string_view id_segment;
};

Match find_route(std::string_view path) {
  for (const Route& route : routes)
    if (const auto segment = match(route, path)) return {&route, *segment};
  return {};
}

/// The service for a method; null if there is none. HEAD is served wherever GET is (RFC 9110 section 9.3.2).
const Service* find_service(const Route& route, Method method) {
  if (method == Method::head) method = Method::get;
  for (const Service& service : route.services)
    if (service.endpoint != nullptr && service.method == method) return &service;
  return nullptr;
}

}  // namespace

// The first check, so that a page in a browser learns nothing: neither a page whose host name resolves to our address (DNS
// rebinding), nor one that asks across sites.
std::optional<Answer> AdminApi::judge_caller(const Request& request) const {
  if (!is_host_allowed(request)) return Answer::refuse(Refusal::host_not_allowed);
  if (request.is_from_web_page) return Answer::refuse(Refusal::origin_forbidden);
  return std::nullopt;
}

std::optional<Answer> AdminApi::judge_head(const Request& request) const {
  if (auto refusal = judge_caller(request)) return refusal;
  if (request.method == Method::unknown) return Answer::refuse(Refusal::method_unknown);
  if (request.asks_for_websocket) return Answer::refuse(Refusal::upgrade_unserved);
  if (!request.path.starts_with('/')) return Answer::refuse(Refusal::method_not_allowed, allow_all);  // OPTIONS *, CONNECT h:80
  const Match found = find_route(request.path);
  if (found.route == nullptr) return Answer::refuse(Refusal::path_unknown);
  const Service* service = find_service(*found.route, request.method);
  if (service == nullptr) return Answer::refuse(Refusal::method_not_allowed, found.route->allow);
  if (found.route->has_id && !DeviceIdSegment::decode(found.id_segment, settings_.id_characters))
    return Answer::refuse(Refusal::bad_id);
  if (!service->takes_message) return std::nullopt;
  if (request.is_encoded) return Answer::refuse(Refusal::content_encoding);
  if (!request.content_type || !message_type_of(*request.content_type)) return Answer::refuse(Refusal::content_type);
  return std::nullopt;
}

/// HTTP/1.0 may name no host; browsers always do.
bool AdminApi::is_host_allowed(const Request& request) const {
  if (!settings_.judges_host || request.authority.empty()) return true;
  const std::string_view host = http::host_of(request.authority);
  return http::is_loopback_name(host) || http::is_ip_literal(host) || http::is_listed(host, settings_.allowed_hosts);
}

std::optional<Answer> AdminApi::judge_expectation(const Request& request) const {
  if (auto refusal = judge_head(request)) return refusal;
  const Match found = find_route(request.path);
  if (!found.route->has_id || !find_service(*found.route, request.method)->takes_message) return std::nullopt;
  const auto id = DeviceIdSegment::decode(found.id_segment, settings_.id_characters);
  if (push_service_.map().find(gate_.hash(id->view()))) return std::nullopt;
  return Answer::refuse(Refusal::unknown_device);
}

Followers AdminApi::serve(Request request, const Responder& responder) {
  if (auto refusal = judge_head(request)) {
    responder.answer(std::move(*refusal));
    return Followers::may_begin;
  }
  const Match found = find_route(request.path);
  const Service& service = *find_service(*found.route, request.method);
  const DeviceIdSegment id = found.route->has_id
                                 ? DeviceIdSegment::decode(found.id_segment, settings_.id_characters).value_or(DeviceIdSegment{})
                                 : DeviceIdSegment{};
  (this->*service.endpoint)({request, id, responder});
  return service.followers;
}

}  // namespace ringgate::admin
