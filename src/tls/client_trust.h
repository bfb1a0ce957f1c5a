// Whose certificates a listener accepts from clients: authorities, and lists of what they revoked (RFC 5280).
//
// Read from PEM files and judged before they are used. Immutable; every shard may use it.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace ringgate::tls {

enum class ClientCertificates : std::uint8_t {
  off,       // none is asked for
  optional,  // a client may show none; one that it shows must be good
  required,  // a client without a good one is refused
};

/// Ceilings: certificates and lists of one listener, and the names that a client is told.
inline constexpr std::size_t authorities_max = 256;
inline constexpr std::size_t revocation_lists_max = 256;
inline constexpr std::size_t told_names_bytes_max = 8 * 1024;
/// Authorities between a client's certificate and the root that it ends in.
inline constexpr int intermediates_max = 6;

/// A file of authorities or of lists.
struct TrustFile {
  std::string file;
  std::int64_t expires = 0;               // Unix time in seconds: of what ends first and has not ended yet
  std::array<std::uint8_t, 32> digest{};  // SHA-256 over its contents
};

class ClientTrust {
 public:
  struct Loaded;
  /// Refused are: a file without such contents; a certificate that is no authority's, and a file whose authorities have all expired at
  /// `now` (Unix time in seconds); authorities without any root; a list that is out of date, or that is signed by another key than
  /// its issuer's, if that is among the authorities.
  static Loaded load(std::span<const std::string> authority_files, std::span<const std::string> revocation_files,
                     std::int64_t now);

  /// What verifies chains; null if there is no memory. Takes milliseconds for large lists. Each shard has its own: it has a lock.
  StorePtr new_store() const;
  /// The names of the authorities for the client, which chooses its certificate by them; null if there are too many: then it chooses by
  /// itself.
  NamesPtr new_names() const;
  /// SHA-256 over the digests of all files.
  std::array<std::uint8_t, 32> digest() const;
  const std::vector<TrustFile>& authority_files() const { return authority_files_; }
  const std::vector<TrustFile>& revocation_files() const { return revocation_files_; }
  /// When the first list is out of date (Unix time in seconds), and clients under it are refused; the far future without lists.
  std::int64_t lists_end() const { return lists_end_; }

 private:
  ClientTrust() = default;
  std::expected<void, std::string> add_authorities(const std::string& file, std::int64_t now);
  std::expected<void, std::string> add_lists(const std::string& file, std::int64_t now);
  std::expected<void, std::string> check_list(const std::string& file, X509_CRL* list) const;
  bool has_root() const;

  std::vector<CertificatePtr> authorities_;
  std::vector<RevocationListPtr> lists_;
  std::vector<TrustFile> authority_files_;
  std::vector<TrustFile> revocation_files_;
  std::int64_t lists_end_ = INT64_MAX;
};

/// Trust, or every fault: sentences for the operator that begin with the file's name.
struct ClientTrust::Loaded {
  std::shared_ptr<const ClientTrust> trust;  // null if there are faults
  std::vector<std::string> authority_faults;
  std::vector<std::string> revocation_faults;
};

}  // namespace ringgate::tls
