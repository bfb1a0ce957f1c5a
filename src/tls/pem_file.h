// PEM files as the operator gives them. Reads files, so for start and reload only, off the shards.
//
// Errors are sentences for the operator that begin with the file's name.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace ringgate::tls {

/// All certificates of a file, in its order; at least one.
std::expected<std::vector<CertificatePtr>, std::string> read_certificates(const std::string& file);
/// All revocation lists of a file; at least one.
std::expected<std::vector<RevocationListPtr>, std::string> read_revocation_lists(const std::string& file);
/// The first private key of a file. It must not need a password.
std::expected<PrivateKeyPtr, std::string> read_private_key(const std::string& file);

/// The subject of a certificate on one line, for messages.
std::string subject_of(const X509* certificate);

}  // namespace ringgate::tls
