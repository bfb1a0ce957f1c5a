#include "auth/signed_url.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <utility>

#include "auth/expiry.h"
#include "auth/openssl_owner.h"
#include "auth/text_coding.h"
#include "base/assert.h"
#include "base/limits.h"
#include "http/byte_class.h"
#include "http/uri.h"

namespace ringgate::auth {
namespace {

using MacContext = Owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;

constexpr std::string_view signature_mark = "signature=";

/// The parameters that matter, with how often each occurs.
struct Parameters {
  std::size_t signatures = 0, expiries = 0, keys = 0;
  std::string_view expiry, key;  // values, not decoded
};

Parameters parameters_of(std::string_view query) {
  Parameters found;
  while (!query.empty()) {
    const std::size_t ampersand = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, ampersand);
    query.remove_prefix(std::min(ampersand + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (http::equal_when_decoded(name, "signature")) {
      ++found.signatures;
    } else if (http::equal_when_decoded(name, "expires")) {
      ++found.expiries;
      found.expiry = value;
    } else if (http::equal_when_decoded(name, "key_id") || http::equal_when_decoded(name, "kid")) {
      ++found.keys;
      found.key = value;
    }
  }
  return found;
}

std::optional<Fault> complaint_about(const Parameters& parameters, std::string_view last) {
  if (parameters.signatures == 0) return Fault::signature_missing;
  if (parameters.signatures > 1) return Fault::signature_repeated;
  if (!last.starts_with(signature_mark)) return Fault::signature_not_last;
  if (parameters.expiries == 0) return Fault::url_expiry_missing;
  if (parameters.expiries > 1) return Fault::url_expiry_repeated;
  if (parameters.keys > 1) return Fault::url_key_repeated;
  return std::nullopt;
}

std::optional<Sha256> signature_of(std::string_view text) {
  Sha256 signature;
  if (decode_hex(text, signature)) return signature;
  if (decode_base64(text, Base64::url, signature) == signature.size()) return signature;
  return std::nullopt;
}

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::credential_name_bytes_max && std::ranges::all_of(name, [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return http::is_alpha(byte) || http::is_digit(byte) || std::string_view("._~-").find(c) != std::string_view::npos;
  });
}

}  // namespace

struct Hmac::Context {
  MacContext keyed;
};

Hmac::Hmac(ByteView key) {
  static const Owned<EVP_MAC, EVP_MAC_free> method(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  MacContext keyed(EVP_MAC_CTX_new(method.get()));
  // It fails only without memory, here and below; another signature would be a disaster.
  if (keyed == nullptr || EVP_MAC_init(keyed.get(), key.data(), key.size(), parameters) != 1) throw std::bad_alloc();
  context_ = std::make_shared<const Context>(std::move(keyed));
}

Sha256 Hmac::sign(std::string_view first, std::string_view second, std::string_view third) const {
  const MacContext context(EVP_MAC_CTX_dup(context_->keyed.get()));
  if (context == nullptr) throw std::bad_alloc();
  for (const std::string_view part : {first, second, third}) {
    if (!part.empty() && EVP_MAC_update(context.get(), bytes_of(part).data(), part.size()) != 1) throw std::bad_alloc();
  }
  Sha256 signature;
  std::size_t size = 0;
  if (EVP_MAC_final(context.get(), signature.data(), &size, signature.size()) != 1 || size != signature.size())
    throw std::bad_alloc();
  return signature;
}

std::expected<std::vector<UrlKey>, std::string> read_url_keys(CredentialLines& lines) {
  std::vector<UrlKey> keys;
  for (;;) {
    const auto said = lines.next();
    if (!said) return std::unexpected(said.error());
    if (!*said) break;
    const std::size_t colon = std::min((*said)->find(':'), (*said)->size());
    UrlKey key{std::string((*said)->substr(0, colon)), SecretBytes(limits::url_key_bytes_max)};
    if (!is_key_name(key.name))
      return std::unexpected(lines.fault("the line does not begin with NAME:, of letters, digits and . _ ~ -"));
    if (std::ranges::count(keys, key.name, &UrlKey::name) > 0) return std::unexpected(lines.fault("the name is repeated"));
    if (keys.size() == limits::url_keys_max) {
      return std::unexpected(lines.fault("there are more than " + std::to_string(limits::url_keys_max) + " keys"));
    }
    const auto size = decode_base64((*said)->substr(std::min(colon + 1, (*said)->size())), Base64::standard, key.secret.bytes());
    if (!size || *size < limits::url_key_bytes_min)
      return std::unexpected(lines.fault("the key is not 32 to 1024 bytes in base64"));
    key.secret.shrink(*size);
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return std::unexpected(lines.name() + " holds no key");
  return keys;
}

std::expected<std::shared_ptr<const UrlKeys>, std::string> UrlKeys::read(CredentialLines& lines) {
  auto read = read_url_keys(lines);
  if (!read) return std::unexpected(std::move(read.error()));
  auto keys = std::make_shared<UrlKeys>();
  keys->warning_ = lines.warning();
  for (UrlKey& key : *read) keys->keys_.push_back({std::move(key.name), Hmac(key.secret.bytes())});
  return keys;
}

std::expected<std::shared_ptr<const UrlKeys>, std::string> UrlKeys::load(const std::string& file) {
  auto lines = CredentialLines::open(file);
  if (!lines) return std::unexpected(std::move(lines.error()));
  return read(*lines);
}

std::expected<std::shared_ptr<const UrlKeys>, std::string> UrlKeys::parse(std::string_view text, const std::string& name) {
  CredentialLines lines(text, name);
  return read(lines);
}

std::expected<SignedUrl, Fault> UrlKeys::verify(std::string_view path, std::string_view raw_query, std::int64_t now) const {
  const std::size_t ampersand = raw_query.rfind('&');
  const std::string_view last = ampersand == std::string_view::npos ? raw_query : raw_query.substr(ampersand + 1);
  const std::string_view signed_query = ampersand == std::string_view::npos ? std::string_view{} : raw_query.substr(0, ampersand);
  const Parameters parameters = parameters_of(raw_query);
  if (const auto fault = complaint_about(parameters, last)) return std::unexpected(*fault);
  const auto signature = signature_of(last.substr(signature_mark.size()));
  if (!signature) return std::unexpected(Fault::signature_malformed);
  const auto expires_at = parse_unix_seconds(parameters.expiry);
  if (!expires_at) return std::unexpected(Fault::url_expiry_malformed);

  const Key* match = nullptr;
  bool is_known = parameters.keys == 0;
  for (const Key& key : keys_) {
    if (parameters.keys > 0 && key.name != parameters.key) continue;
    is_known = true;
    if (equal_in_constant_time(key.hmac.sign(path, "?", signed_query), *signature)) match = &key;
  }
  if (!is_known) return std::unexpected(Fault::url_key_unknown);
  if (match == nullptr) return std::unexpected(Fault::signature_wrong);
  if (now >= *expires_at) return std::unexpected(Fault::url_expired);
  return SignedUrl{*expires_at, match->name};
}

std::optional<std::string> sign_url(std::string_view path, std::string_view query, std::int64_t expires_at,
                                    std::string_view key_name, const Hmac& key) {
  const Parameters given = parameters_of(query);
  if (given.signatures + given.expiries + given.keys > 0) return std::nullopt;
  std::string whole(query);
  if (!whole.empty()) whole += '&';
  whole += "expires=" + std::to_string(expires_at);
  if (!key_name.empty()) whole += "&kid=" + std::string(key_name);
  const Sha256 signature = key.sign(path, "?", whole);
  return std::string(path) + "?" + whole + "&" + std::string(signature_mark) + encode_hex(signature);
}

}  // namespace ringgate::auth
