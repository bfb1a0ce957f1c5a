// Rows of the table of settings: who a device is, and how it proves that ([device], [auth]).
#include "config/row.h"
#include "config/rows.h"
#include "config/shape.h"

namespace ringgate::config {
namespace {

using C = Config;
constexpr auto off = Off::allowed;
constexpr auto live = Reload::live;

}  // namespace

// clang-format off
std::vector<Key> rows_of_devices() {
  return {
    row<&C::device, &DeviceConfig::required>("device.required", FlagRule{},
        "Whether a connection without a device id is refused. If not, it gets an anonymous id.", live),
    row<&C::device, &DeviceConfig::id_from>("device.id_from", ListRule{id_source, 1, 8},
        "Places in the request that may hold the device id. If several hold one, all must name the same device.", live),
    row<&C::device, &DeviceConfig::allowed_hosts>("device.allowed_hosts", ListRule{host_name, 0, 64},
        "Names and addresses that devices may use in the Host field, with any port. Others are answered 421. Empty: any.", live),
    row<&C::auth, &AuthConfig::token_file>("auth.token.tokens", TextRule{file_path_or_none},
        "File of hashes of device tokens, as `ringgate token device` prints them.", live),
    row<&C::auth, &AuthConfig::password_file>("auth.basic.users", TextRule{file_path_or_none},
        "File of users and hashes of their passwords, as `ringgate token basic` prints them.", live),
    row<&C::auth, &AuthConfig::url_key_file>("auth.hmac.keys", TextRule{file_path_or_none},
        "File of keys that sign URLs: lines `NAME:BASE64`.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::key_files>("auth.jwt.keys", ListRule{file_path, 0, 16},
        "Files with the keys that verify JSON Web Tokens: JWK, JWK Set, or public keys in PEM.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::issuers>("auth.jwt.issuer", ListRule{claim_text, 0, 16},
        "Values of `iss` that are accepted. Empty: any.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::audiences>("auth.jwt.audience", ListRule{claim_text, 0, 16},
        "A token's `aud` must name one of these. Empty: a token with `aud` is refused, because it is meant for somebody else.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::id_claim>("auth.jwt.claim", TextRule{claim_name},
        "Claim that holds the device id. `off`: a token is good for every device.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::expiry_required>("auth.jwt.require_exp", FlagRule{},
        "Whether a token without `exp` is refused.", live),
    row<&C::auth, &AuthConfig::jwt, &JwtConfig::leeway_ns>("auth.jwt.leeway", DurationRule{0, hour},
        "By how much the clocks of issuer and gate may differ.", live),
    row<&C::auth, &AuthConfig::expiry_notice_ns>("auth.expiry_notice", DurationRule{s, 24 * hour, off},
        "How long before its end a connected device's credential is announced as ending.", live),
    row<&C::auth, &AuthConfig::expiry_grace_ns>("auth.expiry_grace", DurationRule{0, 24 * hour},
        "How long after the end of its credential a connected device is closed with 4401.", live),
  };
}
// clang-format on

}  // namespace ringgate::config
