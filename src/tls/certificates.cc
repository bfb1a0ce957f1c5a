#include "tls/certificates.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>

#include "tls/dates.h"
#include "tls/pem_file.h"

namespace ringgate::tls {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view text_of_string(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

/// The DNS names of the extension; the common name only if there is none (RFC 6125 section 6.4.4).
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) names.push_back(lower(text_of_string(name->d.dNSName)));
  }
  if (!names.empty()) return names;
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const int position = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (position >= 0) names.push_back(lower(text_of_string(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, position)))));
  return names;
}

std::expected<void, std::string> read_chain(Identity& identity) {
  auto read = read_certificates(identity.file);
  if (!read) return std::unexpected(std::move(read.error()));
  identity.certificate = std::move(read->front());
  read->erase(read->begin());
  identity.chain = std::move(*read);
  return {};
}

std::expected<void, std::string> check_chain(const Identity& identity) {
  X509* issued = identity.certificate.get();
  for (const CertificatePtr& issuer : identity.chain) {
    if (X509_check_issued(issuer.get(), issued) != X509_V_OK)
      return std::unexpected(identity.file + ": " + subject_of(issuer.get()) + " did not issue " + subject_of(issued) +
                             "; put each certificate before the one that issued it");
    issued = issuer.get();
  }
  return {};
}

std::expected<void, std::string> check_dates(const Identity& identity, std::int64_t now) {
  const std::int64_t begins = unix_time_of(X509_get0_notBefore(identity.certificate.get()));
  if (identity.expires <= now) return std::unexpected(identity.file + " expired on " + date_of(identity.expires));
  if (begins > now) return std::unexpected(identity.file + " is not valid before " + date_of(begins));
  return {};
}

std::expected<void, std::string> read_key(Identity& identity, const std::string& key_file) {
  auto read = read_private_key(key_file);
  if (!read) return std::unexpected(std::move(read.error()));
  identity.key = std::move(*read);
  if (X509_check_private_key(identity.certificate.get(), identity.key.get()) == 1) return {};
  ERR_clear_error();
  return std::unexpected(key_file + " is not the key of " + identity.file);
}

}  // namespace

std::expected<Identity, std::string> load_identity(const std::string& certificate_file, const std::string& key_file,
                                                   std::int64_t now) {
  Identity identity;
  identity.file = certificate_file;
  if (const auto read = read_chain(identity); !read) return std::unexpected(read.error());
  identity.names = names_of(identity.certificate.get());
  identity.expires = unix_time_of(X509_get0_notAfter(identity.certificate.get()));
  if (const auto read = read_key(identity, key_file); !read) return std::unexpected(read.error());
  if (const auto good = check_chain(identity); !good) return std::unexpected(good.error());
  if (const auto good = check_dates(identity, now); !good) return std::unexpected(good.error());
  return identity;
}

bool matches_name(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with("*.")) return pattern == name;
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && pattern.substr(1) == name.substr(dot);
}

}  // namespace ringgate::tls
