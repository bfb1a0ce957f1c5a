// Certificates for tests, made on the spot: a root of its own, and what it issues. Files live in a folder that goes with the maker.
#pragma once

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace ringgate::test {

struct SubjectPart {
  const char* field = "CN";
  std::string text;
  int kind = V_ASN1_UTF8STRING;  // written as it is, also if it is none of that kind
};

struct AlternativeName {
  int kind = GEN_URI;
  std::string text;
};

struct CertificateRequest {
  std::vector<std::string> names{"gate.test"};  // DNS
  bool is_rsa = false;                          // else P-256
  unsigned int rsa_bits = 2048;
  std::int64_t begins_in = -3600;             // seconds from now
  std::int64_t ends_in = 90 * 86'400;         // seconds from now
  std::vector<SubjectPart> subject;           // empty: the name that `make` was given, as CN
  std::vector<AlternativeName> alternatives;  // instead of `names`
  std::string purpose;                        // extended key usage, such as "clientAuth"; empty: any
  std::string issuer;                         // NAME of an authority; empty: the root
  bool is_authority = false;
  bool is_self_signed = false;
};

struct RevocationRequest {
  std::vector<std::string> revoked;  // NAMEs
  std::string issuer;                // NAME of an authority; empty: the root
  std::int64_t begins_in = -3600;    // seconds from now
  std::int64_t ends_in = 86'400;     // seconds from now
};

class CertificateMaker {
 public:
  CertificateMaker();
  ~CertificateMaker();
  CertificateMaker(const CertificateMaker&) = delete;
  CertificateMaker& operator=(const CertificateMaker&) = delete;

  struct Files {
    std::string certificate;
    std::string key;
  };
  /// Writes NAME.pem and NAME.key; the certificate stands alone, without its issuers. A NAME that was made before is replaced.
  Files make(const std::string& name, const CertificateRequest& request = {});
  /// What was made under this name; the root if it is empty.
  X509* certificate(const std::string& name) const { return name.empty() ? root() : made_.at(name).certificate.get(); }
  EVP_PKEY* key(const std::string& name) const { return name.empty() ? root_key_.get() : made_.at(name).key.get(); }
  /// Writes a list of revoked certificates to NAME.pem.
  std::string revoke(const std::string& name, const RevocationRequest& request);
  /// The root's certificate as a PEM file.
  std::string root_file() const { return (folder_ / "root.pem").string(); }
  X509* root() const { return root_.get(); }
  std::filesystem::path folder() const { return folder_; }

 private:
  struct Made {
    tls::CertificatePtr certificate;
    tls::PrivateKeyPtr key;
  };

  std::filesystem::path folder_;
  tls::PrivateKeyPtr root_key_;
  tls::CertificatePtr root_;
  std::map<std::string, Made> made_;
  long serial_ = 1;
};

}  // namespace ringgate::test
