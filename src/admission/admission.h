// Admission: may this request become a device's connection? Works on a parsed head. Touches no socket and no device map: a
// takeover of an id that is online comes later. Pure; any thread.
//
// Invariant: one order of checks, so that one input has one answer: host, HTTP version, framing, expectation, source, method, path,
// upgrade fields, origin, drain and limit, claimed device id, credential, its device, revocation, ban.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "admission/credential.h"
#include "admission/identity.h"
#include "admission/origin.h"
#include "admission/path_pattern.h"
#include "admission/refusal.h"
#include "auth/deny_list.h"
#include "http/request_head.h"
#include "ws/deflate_negotiation.h"

namespace ringgate::admission {

/// One route. Borrows from the configuration.
struct RouteView {
  PathPattern path;
  std::span<const IdSource> id_sources = {};
  IdCharacters id_characters = IdCharacters::strict;
  std::span<const auth::Kind> credentials = {};  // in the order in which they are looked for; empty: none is asked for
  bool enforces_credentials = true;
  std::string_view challenges = {};  // WWW-Authenticate field lines of a 401, each ending in CRLF
  OriginRule origin = {};
  std::span<const std::string_view> subprotocols = {};  // the preferred one first
  ws::DeflatePolicy deflate = {};
};

/// The settings and the present state of the gate. Borrows from the configuration.
struct GateView {
  std::span<const RouteView> routes;
  std::span<const std::string> allowed_hosts = {};  // empty: any
  CallerView caller = {};
  const auth::DenyList* denied = nullptr;  // null: nobody is denied
  bool device_id_required = true;
  bool is_draining = false;
  bool is_at_connection_limit = false;
  std::optional<Refusal> source_refusal = {};  // of a limit on this source or on the rate of handshakes
};

struct Admission {
  std::uint32_t route_index = 0;
  bool is_anonymous = false;
  DeviceIdText device_id;
  std::optional<auth::Grant> grant;   // nullopt: without a credential
  std::optional<Refusal> let_in_for;  // without RouteView::enforces_credentials: why it would have been refused
  std::string_view websocket_key;     // borrowed from the request; for ws::append_switching_protocols
  std::string_view subprotocol;       // borrowed from the configuration; empty: none
};

/// The route that serves a path, and what the path says of the device.
struct RouteMatch {
  std::uint32_t index = 0;
  std::string_view id_segment;  // in the place of `{id}`, not decoded; empty without one
};

/// A route without `{id}` comes before one with it; of two of the same sort the first one counts. nullopt if none matches.
std::optional<RouteMatch> find_route(std::span<const RouteView> routes, std::string_view path);

/// The text in the place of the id as it was sent, valid or not; empty if there is none, or no route. For logs.
std::string_view claimed_device_id(const http::RequestView& request, std::span<const RouteView> routes);

/// Whether a route that does not enforce credentials lets in a request with this fault.
bool is_about_credentials(Refusal refusal);

/// Admits or refuses `request`. `anonymous_seed`: 26 unpredictable bytes, used only if the request names no device and need not.
/// Allocates only for a credential.
std::expected<Admission, Refusal> admit(const http::RequestView& request, const GateView& gate, AnonymousIdSeed anonymous_seed);

}  // namespace ringgate::admission
