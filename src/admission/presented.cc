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
  const http::QueryParameter found = http::query_parameter(request.query(), "access_token");
  if (found.presence == Presence::absent) return;
  if (found.presence == Presence::conflicting) carried.is_repeated = true;
  std::string token(found.value.size(), '\0');
  token.resize(http::percent_decode(found.value, token).value_or(0));  // an empty token is a wrong one
  add_bearer(carried, std::move(token));
}

/// The form of the compact serialization (RFC 7515 section 3.1): a header, a JSON object in base64url, and two dots.
bool looks_like_jwt(std::string_view token) {
  return (token.starts_with("ey") || token.starts_with("ew")) && std::ranges::count(token, '.') == 2;
}

bool is_present(Kind kind, std::span<const Kind> kinds, const Carried& carried, const http::RequestView& request,
                bool has_client_certificate) {
  switch (kind) {
    case Kind::token: return carried.bearer && !(takes(kinds, Kind::jwt) && looks_like_jwt(*carried.bearer));
    case Kind::jwt: return carried.bearer && !(takes(kinds, Kind::token) && !looks_like_jwt(*carried.bearer));
    case Kind::basic: return carried.basic.has_value();
    case Kind::hmac: return http::query_parameter(request.query(), "signature").presence != Presence::absent;
    case Kind::mtls: return has_client_certificate;
    case Kind::none: break;
  }
  return false;
}

}  // namespace

std::expected<Presented, Refusal> find_credential(const http::RequestView& request, std::span<const Kind> kinds,
                                                  bool has_client_certificate) {
  Carried carried;
  const bool reads_bearer = takes(kinds, Kind::token) || takes(kinds, Kind::jwt);
  if (reads_bearer || takes(kinds, Kind::basic)) read_authorization(request, carried);
  if (reads_bearer) {
    read_subprotocols(request, carried);
    read_query(request, carried);
  }
  if (carried.is_repeated) return std::unexpected{Refusal{Rejection::credential_repeated}};
  for (const Kind kind : kinds) {
    if (!is_present(kind, kinds, carried, request, has_client_certificate)) continue;
    if (kind == Kind::basic) return Presented{kind, std::string(*carried.basic)};
    return Presented{kind, kind == Kind::token || kind == Kind::jwt ? std::move(*carried.bearer) : std::string{}};
  }
  if (carried.bearer || carried.basic || carried.has_other)
    return std::unexpected{Refusal{Rejection::credential_wrong}.because("kind_not_taken")};
  if (kinds.empty() || takes(kinds, Kind::none)) return Presented{};
  return std::unexpected{Refusal{Rejection::credential_missing}};
}

}  // namespace ringgate::admission
