#include "admission/admission.h"

#include <algorithm>
#include <optional>

#include "http/body.h"
#include "http/host_name.h"
#include "http/uri.h"
#include "ws/handshake.h"
#include "ws/handshake_offers.h"

namespace ringgate::admission {
namespace {

using http::Method;
using http::RequestView;

/// A request without a host passes: it is HTTP/1.0, which is refused for its version.
std::optional<Refusal> check_host(const RequestView& request, const GateView& gate) {
  if (gate.allowed_hosts.empty() || request.authority().empty()) return {};
  return http::is_listed(http::host_of(request.authority()), gate.allowed_hosts) ? std::optional<Refusal>{}
                                                                                 : http::Rejection::host_not_allowed;
}

std::optional<Refusal> check_protocol(const RequestView& request) {
  if (request.is_http10()) return ws::Rejection::http10_refused;
  const auto framing = http::body_framing(request);
  if (framing) {
    const auto expectation = http::expects_continue(request);
    return expectation ? std::optional<Refusal>{} : expectation.error();
  }
  // An upgrade must have no body, whatever its coding: check_handshake refuses it with that reason.
  const bool waits_for_upgrade_check = framing.error() == http::Rejection::transfer_encoding_unsupported &&
                                       request.method() == Method::get && ws::asks_for_upgrade(request);
  if (waits_for_upgrade_check) return {};
  return framing.error();
}

std::optional<Refusal> check_method(Method method) {
  if (method == Method::get) return {};
  return method == Method::unknown ? http::Rejection::method_unknown : http::Rejection::method_not_allowed;
}

std::optional<Refusal> check_capacity(const GateView& gate) {
  if (gate.is_draining) return Rejection::draining;
  if (gate.is_at_connection_limit) return Rejection::connection_limit;
  return {};
}

/// Who the request is from.
struct Identity {
  std::optional<DeviceIdText> device_id;
  std::optional<auth::Grant> grant;
};

/// Judges the credential, and whether it is for the claimed device. Only for a route that asks for credentials.
std::expected<Identity, Refusal> identify(const std::optional<DeviceIdText>& claimed, const ClaimedId& where,
                                          const RouteView& route, const GateView& gate) {
  const CallerView& caller = gate.caller;
  const auto presented = find_credential(where.request, route.credentials, caller.client_certificate != nullptr);
  if (!presented) return std::unexpected{presented.error()};
  if (presented->kind == auth::Kind::none) return Identity{claimed, std::nullopt};
  auto grant = check_credential(*presented, where.request, route.id_sources, caller);
  if (!grant) return std::unexpected{grant.error()};
  const auto id = resolve_device_id(claimed, *grant, where, route.id_sources, route.id_characters);
  if (!id) return std::unexpected{id.error()};
  const std::string_view device = *id ? (*id)->view() : std::string_view{};
  // A credential that is bound to devices never serves a nameless one.
  if (!*id && (!grant->device_ids.empty() || !grant->id_prefix.empty() || grant->covers_signed_ids_only))
    return std::unexpected{Refusal{Rejection::device_id_missing}};
  if (gate.denied != nullptr && gate.denied->is_revoked({device, grant->token_id, grant->issued_at}, caller.now_seconds))
    return std::unexpected{Refusal{Rejection::credential_revoked}};
  return Identity{*id, std::move(*grant)};
}

}  // namespace

std::optional<RouteMatch> find_route(std::span<const RouteView> routes, std::string_view path) {
  std::optional<RouteMatch> with_id;
  for (std::uint32_t i = 0; i < routes.size(); ++i) {
    const auto segment = routes[i].path.match(path);
    if (!segment) continue;
    if (!routes[i].path.has_id()) return RouteMatch{i, {}};
    if (!with_id) with_id = RouteMatch{i, *segment};
  }
  // Another spelling of a literal path must not reach a route with an id, past the rules of the literal one.
  const auto is_spelled_otherwise = [path](const RouteView& route) {
    return !route.path.has_id() && http::equal_when_decoded(route.path.text(), path);
  };
  if (with_id && path.contains('%') && std::ranges::any_of(routes, is_spelled_otherwise)) return std::nullopt;
  return with_id;
}

std::string_view claimed_device_id(const RequestView& request, std::span<const RouteView> routes) {
  if (request.target().empty()) return {};
  const auto route = find_route(routes, request.path());
  if (!route) return {};
  return claimed_device_id(ClaimedId{request, route->id_segment}, routes[route->index].id_sources);
}

bool is_about_credentials(Refusal refusal) {
  return refusal == Rejection::credential_repeated || refusal == Rejection::credential_missing ||
         refusal == Rejection::credential_wrong || refusal == Rejection::credential_expired ||
         refusal == Rejection::credential_revoked || refusal == Rejection::device_not_covered ||
         refusal == Rejection::device_id_missing || refusal == Rejection::device_id_malformed ||
         refusal == Rejection::device_id_reserved;
}

std::expected<Admission, Refusal> admit(const RequestView& request, const GateView& gate, AnonymousIdSeed anonymous_seed) {
  if (const auto refusal = check_host(request, gate)) return std::unexpected{*refusal};
  if (const auto refusal = check_protocol(request)) return std::unexpected{*refusal};
  if (gate.source_refusal) return std::unexpected{*gate.source_refusal};
  if (const auto refusal = check_method(request.method())) return std::unexpected{*refusal};
  const auto match = find_route(gate.routes, request.path());
  if (!match) return std::unexpected{http::Rejection::path_unknown};
  const RouteView& route = gate.routes[match->index];
  const auto key = ws::check_handshake(request);
  if (!key) return std::unexpected{key.error()};
  if (const auto origin = check_origin(request, route.origin); !origin) return std::unexpected{origin.error()};
  if (const auto refusal = check_capacity(gate)) return std::unexpected{*refusal};
  const ClaimedId where{request, match->id_segment};
  auto claimed = read_device_id(where, route.id_sources, route.id_characters);
  if (!claimed) return std::unexpected{claimed.error()};
  std::optional<DeviceIdText>& id = *claimed;
  if (!id && gate.device_id_required && std::ranges::all_of(route.id_sources, &IdSource::is_claimed))
    return std::unexpected{Rejection::device_id_missing};
  std::optional<auth::Grant> grant;
  std::optional<Refusal> let_in_for;
  if (!route.credentials.empty()) {
    auto identity = identify(id, where, route, gate);
    if (identity) {
      id = identity->device_id;
      grant = std::move(identity->grant);
    } else if (is_about_credentials(identity.error()) && !route.enforces_credentials) {
      let_in_for = identity.error();
    } else {
      return std::unexpected{identity.error()};
    }
  }
  if (!id && gate.device_id_required && !let_in_for) return std::unexpected{Rejection::device_id_missing};
  if (id && gate.denied != nullptr && gate.denied->banned_until(id->view(), gate.caller.now_seconds))
    return std::unexpected{Rejection::banned};
  return Admission{.route_index = match->index,
                   .is_anonymous = !id.has_value(),
                   .device_id = id ? *id : anonymous_device_id(anonymous_seed),
                   .grant = std::move(grant),
                   .let_in_for = let_in_for,
                   .websocket_key = *key,
                   .subprotocol = ws::choose_subprotocol(request, route.subprotocols)};
}

}  // namespace ringgate::admission
