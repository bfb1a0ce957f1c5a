#include "admission/credential.h"

#include <algorithm>
#include <vector>

#include "auth/basic.h"
#include "http/byte_class.h"

namespace ringgate::admission {
namespace {

using auth::Grant;
using auth::Kind;
using Verdict = std::expected<Grant, Refusal>;

std::unexpected<Refusal> wrong(std::string_view cause) {
  return std::unexpected{Refusal{Rejection::credential_wrong}.because(cause)};
}
std::unexpected<Refusal> expired(std::string_view cause) {
  return std::unexpected{Refusal{Rejection::credential_expired}.because(cause)};
}

std::unexpected<Refusal> refusal_of(auth::Fault fault) {
  const std::string_view reason = auth::facts_of(fault).reason;
  const bool is_expired =
      fault == auth::Fault::token_expired || fault == auth::Fault::password_expired || fault == auth::Fault::url_expired;
  return is_expired ? expired(reason) : wrong(reason);
}

std::unexpected<Refusal> refusal_of(auth::JwtFault fault) {
  const std::string_view reason = auth::facts_of(fault).reason;
  return fault == auth::JwtFault::expired ? expired(reason) : wrong(reason);
}

std::vector<std::string> list_of(std::string_view text) {
  return text.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::string(text)};
}

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

Verdict check_token(std::string_view text, const CallerView& caller) {
  if (caller.verifiers->tokens == nullptr) return wrong("no_tokens_configured");
  const auto token = caller.verifiers->tokens->find(text, caller.now_seconds);
  if (!token) return refusal_of(token.error());
  return Grant{.kind = Kind::token,
               .device_ids = list_of(token->device),
               .id_prefix = std::string(token->prefix),
               .token_id = std::string(token->name),
               .groups = list_of(token->group),
               .expires_at = token->expires_at};
}

Verdict check_basic(std::string_view field, const CallerView& caller) {
  if (caller.verifiers->passwords == nullptr) return wrong("no_users_configured");
  auth::BasicCredential credential;
  if (const auto parsed = auth::parse_basic(field, credential); !parsed) return refusal_of(parsed.error());
  const auto user = caller.verifiers->passwords->check(credential.user(), credential.password(), caller.now_seconds);
  if (!user) return refusal_of(user.error());
  return Grant{.kind = Kind::basic,
               .device_ids = list_of(user->device),
               .token_id = std::string(user->user),
               .groups = list_of(user->group),
               .expires_at = user->expires_at};
}

Verdict check_signed_url(const http::RequestView& request, const CallerView& caller) {
  if (caller.verifiers->url_keys == nullptr) return wrong("no_url_keys_configured");
  const auto url = caller.verifiers->url_keys->verify(request.path(), request.query(), caller.now_seconds);
  if (!url) return refusal_of(url.error());
  return Grant{
      .kind = Kind::hmac, .covers_signed_ids_only = true, .token_id = std::string(url->key_name), .expires_at = url->expires_at};
}

/// The claim that holds the id: that of the route's source `jwt:CLAIM`, else the one of the settings.
auth::JwtRules rules_for(const auth::JwtRules& rules, std::span<const IdSource> id_sources) {
  const auto source = std::ranges::find(id_sources, IdSource::Kind::jwt_claim, &IdSource::kind);
  auth::JwtRules chosen = rules;
  if (source != id_sources.end()) chosen.id_claim = source->name;
  return chosen;
}

Verdict check_jwt(std::string_view text, std::span<const IdSource> id_sources, const CallerView& caller) {
  if (!caller.verifiers->jwt_keys) return wrong("no_jwt_keys_configured");
  auth::JwtRules rules = rules_for(caller.verifiers->jwt_rules, id_sources);
  const bool binds = rules.id_claim != jwt_claim_off;
  if (!binds) rules.id_claim = "sub";
  auto claims = auth::verify(text, *caller.verifiers->jwt_keys, rules, caller.now_seconds);
  if (!claims) return refusal_of(claims.error());
  // A token without the claim would be good for every device.
  if (claims->id.empty() && binds) return wrong("jwt_names_no_device");
  Grant grant{.kind = Kind::jwt, .device_ids = list_of(claims->id), .token_id = std::move(claims->token_id)};
  if (!binds) grant.device_ids.clear();
  grant.groups = std::move(claims->groups);
  // A token counts until its end plus the leeway, so a device that comes within the leeway is not closed at once.
  if (claims->expires_at) grant.expires_at = *claims->expires_at + rules.leeway_seconds;
  grant.issued_at = claims->issued_at;
  grant.message_rate = claims->limits.message_rate;
  grant.byte_rate = claims->limits.byte_rate;
  return grant;
}

bool names(std::span<const IdSource> id_sources, IdSource::Kind kind) {
  return std::ranges::find(id_sources, kind, &IdSource::kind) != id_sources.end();
}

/// DNS names have no case (RFC 4343), ids have: the device is called by the name in small letters, or as it is written.
void add_dns_name(std::vector<std::string>& ids, const std::string& name) {
  std::string& small = ids.emplace_back(name);
  std::ranges::transform(small, small.begin(), http::ascii_lower);
  if (small != name) ids.push_back(name);
}

/// The names of a certificate that count: those that the route's sources name, else all of them.
Verdict check_certificate(std::span<const IdSource> id_sources, const CallerView& caller) {
  const tls::ClientIdentity& identity = *caller.client_certificate;
  if (identity.expires <= caller.now_seconds) return expired("certificate_expired");
  const bool by_common_name = names(id_sources, IdSource::Kind::tls_common_name);
  const bool by_alternative = names(id_sources, IdSource::Kind::tls_alternative_name);
  Grant grant{.kind = Kind::mtls, .expires_at = identity.expires};
  if (by_common_name || !by_alternative) grant.device_ids = list_of(identity.common_name);
  if (by_alternative || !by_common_name) {
    for (const std::string& name : identity.san_dns) add_dns_name(grant.device_ids, name);
    grant.device_ids.insert(grant.device_ids.end(), identity.san_uris.begin(), identity.san_uris.end());
  }
  if (grant.device_ids.empty()) return wrong("certificate_names_no_device");
  grant.token_id = hexadecimal(identity.fingerprint);
  return grant;
}

/// True if the claimed id stands where a signature of the URL covers it.
bool is_signed(const DeviceIdText& claimed, const ClaimedId& request, std::span<const IdSource> id_sources,
               IdCharacters characters) {
  std::vector<IdSource> of_url;
  std::ranges::copy_if(id_sources, std::back_inserter(of_url),
                       [](const IdSource& source) { return source.is_claimed() && source.kind != IdSource::Kind::header; });
  const auto id = read_device_id(request, of_url, characters);
  return id && *id && **id == claimed;
}

/// The id that the grant proves, if the route takes ids from that kind of credential.
std::string_view proven_id(const Grant& grant, std::span<const IdSource> id_sources) {
  using Source = IdSource::Kind;
  if (grant.device_ids.empty()) return {};
  switch (grant.kind) {
    case Kind::basic: return names(id_sources, Source::basic_user) ? grant.device_ids.front() : std::string_view{};
    case Kind::jwt: return names(id_sources, Source::jwt_claim) ? grant.device_ids.front() : std::string_view{};
    case Kind::mtls:
      return names(id_sources, Source::tls_common_name) || names(id_sources, Source::tls_alternative_name)
                 ? grant.device_ids.front()
                 : std::string_view{};
    case Kind::token:
    case Kind::hmac:
    case Kind::none: break;
  }
  return {};
}

}  // namespace

Verdict check_credential(const Presented& presented, const http::RequestView& request, std::span<const IdSource> id_sources,
                         const CallerView& caller) {
  if (presented.kind == Kind::none) return Grant{};
  if (presented.kind == Kind::mtls) return check_certificate(id_sources, caller);
  if (caller.verifiers == nullptr) return wrong("nothing_configured");
  switch (presented.kind) {
    case Kind::token: return check_token(presented.text, caller);
    case Kind::basic: return check_basic(presented.text, caller);
    case Kind::hmac: return check_signed_url(request, caller);
    case Kind::jwt: return check_jwt(presented.text, id_sources, caller);
    case Kind::mtls:
    case Kind::none: break;
  }
  return Grant{};
}

std::expected<std::optional<DeviceIdText>, Refusal> resolve_device_id(const std::optional<DeviceIdText>& claimed,
                                                                      const Grant& grant, const ClaimedId& request,
                                                                      std::span<const IdSource> id_sources,
                                                                      IdCharacters characters) {
  const auto not_covered = [](std::string_view cause) {
    return std::unexpected{Refusal{Rejection::device_not_covered}.because(cause)};
  };
  if (claimed) {
    if (!grant.covers(claimed->view())) return not_covered("other_device");
    if (grant.covers_signed_ids_only && !is_signed(*claimed, request, id_sources, characters))
      return not_covered("id_not_signed");
    return claimed;
  }
  const std::string_view proven = proven_id(grant, id_sources);
  if (proven.empty()) return std::optional<DeviceIdText>{};
  if (!is_valid_device_id(proven, characters))
    return std::unexpected{Refusal{Rejection::device_id_malformed}.because("proven_id")};
  if (proven.starts_with(anonymous_id_prefix))
    return std::unexpected{Refusal{Rejection::device_id_reserved}.because("proven_id")};
  return std::optional(DeviceIdText{proven});
}

}  // namespace ringgate::admission
