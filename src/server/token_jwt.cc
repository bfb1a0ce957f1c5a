// The actions of `ringgate token` about JSON Web Tokens: one to try a route with, and keys for it. Issuers of real tokens have programs of
// their own; the gate itself never signs.
#include <cjose/cjose.h>
#include <jansson.h>

#include <cstdlib>
#include <istream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "auth/expiry.h"
#include "auth/jwt_algorithm.h"
#include "auth/openssl_owner.h"
#include "auth/secret_file.h"
#include "auth/strict_json.h"
#include "server/token_actions.h"

namespace ringgate::server {
namespace {

using auth::Owned;
using JwkOwner = Owned<cjose_jwk_t, cjose_jwk_release>;
using HeaderOwner = Owned<cjose_header_t, cjose_header_release>;
using JwsOwner = Owned<cjose_jws_t, cjose_jws_release>;
using CText = Owned<char, std::free>;

constexpr std::size_t jwk_file_bytes_max = 64 * 1024;

std::unexpected<StartError> bad_key(std::string cause) {
  return std::unexpected(StartError{ExitCode::bad_configuration, std::move(cause), "`ringgate token keys jwt-ec` makes a key"});
}

JwkOwner import_key(std::string_view text) { return JwkOwner(cjose_jwk_import(text.data(), text.size(), nullptr)); }

std::expected<JwkOwner, StartError> read_key(const std::string& file) {
  if (file.empty()) return std::unexpected(token_usage("--key names no file"));
  const auto read = auth::read_secret_file(file, jwk_file_bytes_max);
  if (!read) return bad_key(read.error());
  JwkOwner key = import_key(read->content.text());
  if (!key) return bad_key(file + " is not one JSON Web Key");
  return key;
}

/// The claims with `iat`, and `exp` if there is an end, unless they say so themselves.
std::expected<std::string, StartError> complete_claims(const TokenFlags& flags, std::int64_t now, std::int64_t expires_at) {
  const auto claims = auth::parse_object(flags.claims);
  if (!claims) return std::unexpected(token_usage("--claims is not a JSON object, or names a member twice"));
  const auto add = [&claims](const char* name, std::int64_t value) {
    if (json_object_get(claims->get(), name) == nullptr) json_object_set_new(claims->get(), name, json_integer(value));
  };
  add("iat", now);
  if (expires_at != auth::never) add("exp", expires_at);
  const CText text(json_dumps(claims->get(), JSON_COMPACT));
  return std::string(text.get());
}

std::optional<std::string> sign(const cjose_jwk_t* key, const std::string& algorithm, const std::string& claims) {
  cjose_err fault{};
  const HeaderOwner header(cjose_header_new(&fault));
  if (!header || !cjose_header_set(header.get(), CJOSE_HDR_ALG, algorithm.c_str(), &fault)) return std::nullopt;
  const char* const kid = cjose_jwk_get_kid(key, &fault);
  if (kid != nullptr && !cjose_header_set(header.get(), CJOSE_HDR_KID, kid, &fault)) return std::nullopt;
  const ByteView bytes = bytes_of(claims);
  const JwsOwner token(cjose_jws_sign(key, header.get(), bytes.data(), bytes.size(), &fault));
  const char* text = nullptr;
  if (!token || !cjose_jws_export(token.get(), &text, &fault)) return std::nullopt;
  return text;
}

enum class Part : std::uint8_t { whole, public_part };

std::string print_key(const cjose_jwk_t* key, Part part) {
  const CText text(cjose_jwk_to_json(key, part == Part::whole, nullptr));
  return text ? std::string(text.get()) + "\n" : std::string();
}

}  // namespace

TokenResult make_jwt(const TokenFlags& flags, const TokenSources& sources) {
  if (!auth::jwt_algorithm_named(flags.algorithm))
    return std::unexpected(token_usage("--alg is none of RS, PS, ES and HS with 256, 384 or 512"));
  const auto expires_at = read_lifetime(flags, sources);
  if (!expires_at) return std::unexpected(expires_at.error());
  const auto claims = complete_claims(flags, sources.now, *expires_at);
  if (!claims) return std::unexpected(claims.error());
  const auto key = read_key(flags.key);
  if (!key) return std::unexpected(key.error());
  const auto token = sign(key->get(), flags.algorithm, *claims);
  if (!token) return bad_key("the key of --key is not private or shared, or not one for --alg");
  return *token + "\n";
}

TokenResult make_jwt_key(const TokenFlags& flags, const TokenSources& sources) {
  if (!flags.append.empty()) return std::unexpected(token_usage("--append is for hmac keys; redirect stdout instead"));
  if (flags.kind == "public") {
    const std::string text{std::istreambuf_iterator<char>(sources.in), {}};
    const JwkOwner key = import_key(text);
    if (!key || cjose_jwk_get_kty(key.get(), nullptr) == CJOSE_JWK_KTY_OCT) {
      return std::unexpected(token_usage("stdin is not a private JSON Web Key"));
    }
    return print_key(key.get(), Part::public_part);
  }
  constexpr std::size_t secret_bits = 256;
  const JwkOwner key(flags.kind == "jwt-oct" ? cjose_jwk_create_oct_random(secret_bits, nullptr)
                                             : cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, nullptr));
  const std::string kid = flags.name.empty() ? "key-1" : flags.name;
  if (!key || !cjose_jwk_set_kid(key.get(), kid.data(), kid.size(), nullptr)) {
    return std::unexpected(StartError{ExitCode::fault, "the key cannot be made", "look for a fault of libcjose or OpenSSL"});
  }
  return print_key(key.get(), Part::whole);
}

}  // namespace ringgate::server
