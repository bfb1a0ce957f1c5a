#include "admission/presented.h"

#include <algorithm>
#include <optional>

#include "http/byte_class.h"
#include "http/uri.h"

namespace ringgate::admission {
namespace {

using auth::Kind;
using Presence = http::QueryParameter::Presence;

/// What a request carries, by the places where credentials may stand.
struct Carried {
  std::optional<std::string> bearer;      // of any of its three places
  std::optional<std::string_view> basic;  // the whole value of the field
  bool has_other = false;                 // an Authorization field of another scheme
  bool is_repeated = false;               // two of one sort: no choice between them is safe
};

bool takes(std::span<const Kind> kinds, Kind kind) { return std::ranges::find(kinds, kind) != kinds.end(); }

void add_bearer(Carried& carried, std::string token) {
  if (carried.bearer) carried.is_repeated = true;
  carried.bearer = std::move(token);
}

void read_authorization(const http::RequestView& request, Carried& carried) {
  const auto value = request.field("Authorization");
  if (!value) return;
  if (request.count_fields("Authorization") > 1) carried.is_repeated = true;
  const std::size_t space = value->find_first_of(" \t");
  const std::string_view scheme = value->substr(0, space);
  if (http::equals_ignoring_case(scheme, "Bearer")) {
    add_bearer(carried, std::string(space == std::string_view::npos ? std::string_view{} : http::trim(value->substr(space))));
  } else if (http::equals_ignoring_case(scheme, "Basic")) {
    carried.basic = *value;
  } else {
    carried.has_other = true;
  }
}

void read_subprotocols(const http::RequestView& request, Carried& carried) {
  http::ListReader offers(request, "Sec-WebSocket-Protocol");
  while (const auto offer = offers.next())
    if (offer->starts_with(token_subprotocol_prefix))
      add_bearer(carried, std::string(offer->substr(token_subprotocol_prefix.size())));
}

void read_query(const http::RequestView& request, Carried& carried) {
  for (std::string_view rest = request.query(); !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!http::equal_when_decoded(pair.substr(0, equals), "access_token")) continue;
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    std::string token(value.size(), '\0');
    token.resize(http::percent_decode(value, token).value_or(0));  // an empty token is a wrong one
    add_bearer(carried, std::move(token));
  }
}

/// The form of the compact serialization (RFC 7515 section 3.1): three parts between dots.
bool looks_like_jwt(std::string_view token) { return std::ranges::count(token, '.') == 2; }

bool has_signature(const http::RequestView& request) {
  return http::query_parameter(request.query(), "signature").presence != Presence::absent;
}

bool is_present(Kind kind, std::span<const Kind> kinds, const Carried& carried, const http::RequestView& request,
                bool has_client_certificate) {
  switch (kind) {
    case Kind::token: return carried.bearer && !(takes(kinds, Kind::jwt) && looks_like_jwt(*carried.bearer));
    case Kind::jwt: return carried.bearer && !(takes(kinds, Kind::token) && !looks_like_jwt(*carried.bearer));
    case Kind::basic: return carried.basic.has_value();
    case Kind::hmac: return has_signature(request);
    case Kind::mtls: return has_client_certificate;
    case Kind::none: break;
  }
  return false;
}

}  // namespace

std::expected<Presented, Refusal> find_credential(const http::RequestView& request, std::span<const Kind> kinds,
                                                  bool has_client_certificate) {
  if (std::ranges::all_of(kinds, [](Kind kind) { return kind == Kind::none; })) return Presented{};
  Carried carried;
  read_authorization(request, carried);
  read_subprotocols(request, carried);
  read_query(request, carried);
  if (carried.is_repeated) return std::unexpected{Refusal{Rejection::credential_repeated}};
  for (const Kind kind : kinds) {
    if (!is_present(kind, kinds, carried, request, has_client_certificate)) continue;
    if (kind == Kind::basic) return Presented{kind, std::string(*carried.basic)};
    return Presented{kind, kind == Kind::token || kind == Kind::jwt ? std::move(*carried.bearer) : std::string{}};
  }
  if (carried.bearer || carried.basic || carried.has_other || has_signature(request))
    return std::unexpected{Refusal{Rejection::credential_wrong}.because("kind_not_taken")};
  if (takes(kinds, Kind::none)) return Presented{};
  return std::unexpected{Refusal{Rejection::credential_missing}};
}

}  // namespace ringgate::admission
