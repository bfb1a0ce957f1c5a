#include "tls/client_trust.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "tls/dates.h"
#include "tls/pem_file.h"

namespace ringgate::tls {
namespace {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 of the fixed-length digests of all objects, so that no two sequences look alike. All zeros without memory, which no other
/// digest equals.
template <auto DigestOne, typename Pointer>
Digest digest_of(const std::vector<Pointer>& objects) {
  std::vector<std::uint8_t> all;
  for (const Pointer& each : objects) {
    Digest one{};
    if (DigestOne(each.get(), EVP_sha256(), one.data(), nullptr) != 1) return {};
    all.insert(all.end(), one.begin(), one.end());
  }
  Digest result{};
  if (EVP_Digest(all.data(), all.size(), result.data(), nullptr, EVP_sha256(), nullptr) != 1) return {};
  return result;
}

bool is_self_issued(const X509* certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
}

}  // namespace

ClientTrust::Loaded ClientTrust::load(std::span<const std::string> authority_files, std::span<const std::string> revocation_files,
                                      std::int64_t now) {
  Loaded loaded;
  std::shared_ptr<ClientTrust> trust(new ClientTrust);
  for (const std::string& file : authority_files)
    if (auto added = trust->add_authorities(file, now); !added) loaded.authority_faults.push_back(std::move(added.error()));
  if (loaded.authority_faults.empty() && !trust->has_root())
    loaded.authority_faults.push_back(authority_files.front() +
                                      " holds no root, a certificate that issued itself: chains end in one");
  for (const std::string& file : revocation_files)
    if (auto added = trust->add_lists(file, now); !added) loaded.revocation_faults.push_back(std::move(added.error()));
  if (!loaded.authority_faults.empty() || !loaded.revocation_faults.empty()) return loaded;
  loaded.trust = std::move(trust);
  return loaded;
}

std::expected<void, std::string> ClientTrust::add_authorities(const std::string& file, std::int64_t now) {
  auto read = read_certificates(file);
  if (!read) return std::unexpected(std::move(read.error()));
  const Digest digest = digest_of<X509_digest>(*read);
  std::int64_t first_end = INT64_MAX;
  for (CertificatePtr& certificate : *read) {
    if (X509_check_ca(certificate.get()) == 0)
      return std::unexpected(file + ": " + subject_of(certificate.get()) + " is no authority's certificate");
    const std::int64_t end = unix_time_of(X509_get0_notAfter(certificate.get()));
    if (end > now) first_end = std::min(first_end, end);
    authorities_.push_back(std::move(certificate));
  }
  if (first_end == INT64_MAX) return std::unexpected(file + ": every authority has expired");
  if (authorities_.size() > authorities_max)
    return std::unexpected(file + ": more than " + std::to_string(authorities_max) + " authorities");
  authority_files_.push_back({file, first_end, digest});
  return {};
}

std::expected<void, std::string> ClientTrust::add_lists(const std::string& file, std::int64_t now) {
  auto read = read_revocation_lists(file);
  if (!read) return std::unexpected(std::move(read.error()));
  const Digest digest = digest_of<X509_CRL_digest>(*read);
  std::int64_t first_end = INT64_MAX;
  for (RevocationListPtr& list : *read) {
    if (const auto good = check_list(file, list.get()); !good) return good;
    if (const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(list.get()); next != nullptr)
      first_end = std::min(first_end, unix_time_of(next));
    lists_.push_back(std::move(list));
  }
  if (first_end <= now)
    return std::unexpected(file + " is out of date since " + date_of(first_end) + ": all that it could revoke would be refused");
  if (lists_.size() > revocation_lists_max)
    return std::unexpected(file + ": more than " + std::to_string(revocation_lists_max) + " revocation lists");
  revocation_files_.push_back({file, first_end, digest});
  lists_end_ = std::min(lists_end_, first_end);
  return {};
}

std::expected<void, std::string> ClientTrust::check_list(const std::string& file, X509_CRL* list) const {
  bool is_known = false;
  for (const CertificatePtr& authority : authorities_) {
    if (X509_NAME_cmp(X509_get_subject_name(authority.get()), X509_CRL_get_issuer(list)) != 0) continue;
    is_known = true;
    const bool is_signer = X509_CRL_verify(list, X509_get0_pubkey(authority.get())) == 1;
    ERR_clear_error();
    if (is_signer) return {};
  }
  // The list of an authority that only clients send is checked when one comes.
  if (!is_known) return {};
  return std::unexpected(file + " is not signed by the key of its issuer");
}

bool ClientTrust::has_root() const {
  return std::ranges::any_of(authorities_, [](const CertificatePtr& each) { return is_self_issued(each.get()); });
}

std::array<std::uint8_t, 32> ClientTrust::digest() const {
  std::vector<std::uint8_t> all;
  for (const auto* files : {&authority_files_, &revocation_files_})
    for (const TrustFile& each : *files) all.insert(all.end(), each.digest.begin(), each.digest.end());
  all.push_back(static_cast<std::uint8_t>(authority_files_.size()));  // where the lists begin
  Digest result{};
  EVP_Digest(all.data(), all.size(), result.data(), nullptr, EVP_sha256(), nullptr);
  return result;
}

StorePtr ClientTrust::new_store() const {
  StorePtr store(X509_STORE_new());
  if (!store) return nullptr;
  for (const CertificatePtr& each : authorities_)
    if (X509_STORE_add_cert(store.get(), each.get()) != 1) return nullptr;
  for (const RevocationListPtr& each : lists_)
    if (X509_STORE_add_crl(store.get(), each.get()) != 1) return nullptr;
  // With lists, each certificate of a chain needs one: a revoked authority must not let anybody in.
  if (!lists_.empty()) X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return store;
}

NamesPtr ClientTrust::new_names() const {
  NamesPtr names(sk_X509_NAME_new_null());
  std::size_t bytes = 0;
  for (const CertificatePtr& each : authorities_) {
    X509_NAME* const name = X509_NAME_dup(X509_get_subject_name(each.get()));
    if (name == nullptr) return nullptr;
    bytes += static_cast<std::size_t>(std::max(i2d_X509_NAME(name, nullptr), 0));
    if (sk_X509_NAME_push(names.get(), name) <= 0) {
      X509_NAME_free(name);
      return nullptr;
    }
  }
  if (bytes > told_names_bytes_max) return nullptr;
  return names;
}

}  // namespace ringgate::tls
