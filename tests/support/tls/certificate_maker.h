// Certificates for tests, made on the spot: a root of its own, and what it issues. Files live in a folder that goes with the maker.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace ringgate::test {

struct CertificateRequest {
  std::vector<std::string> names{"gate.test"};
  bool is_rsa = false;                 // else P-256
  std::int64_t begins_in = -3600;      // seconds from now
  std::int64_t ends_in = 90 * 86'400;  // seconds from now
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
  /// Writes NAME.pem and NAME.key; the certificate stands alone, without the root.
  Files make(const std::string& name, const CertificateRequest& request = {});
  /// The root's certificate as a PEM file.
  std::string root_file() const { return (folder_ / "root.pem").string(); }
  X509* root() const { return root_.get(); }
  std::filesystem::path folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  tls::PrivateKeyPtr root_key_;
  tls::CertificatePtr root_;
  long serial_ = 1;
};

}  // namespace ringgate::test
