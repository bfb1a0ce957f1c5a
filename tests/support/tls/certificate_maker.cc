#include "support/tls/certificate_maker.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

namespace ringgate::test {
namespace {

void must(bool is_done) {
  if (!is_done) std::abort();
}

tls::PrivateKeyPtr new_key(bool is_rsa) {
  char curve[] = "P-256";
  tls::PrivateKeyPtr key(is_rsa ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
  must(key != nullptr);
  return key;
}

void write_key(const std::filesystem::path& path, EVP_PKEY* key) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  must(file != nullptr && PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  std::fclose(file);
}

void write_certificate(const std::filesystem::path& path, X509* certificate) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  must(file != nullptr && PEM_write_X509(file, certificate) == 1);
  std::fclose(file);
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

tls::CertificatePtr new_certificate(const std::string& common_name, EVP_PKEY* key, long serial, std::int64_t begins_in,
                                    std::int64_t ends_in) {
  tls::CertificatePtr certificate(X509_new());
  X509* const c = certificate.get();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
  X509_gmtime_adj(X509_getm_notBefore(c), begins_in);
  X509_gmtime_adj(X509_getm_notAfter(c), ends_in);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  must(X509_set_pubkey(c, key) == 1);
  return certificate;
}

}  // namespace

CertificateMaker::CertificateMaker() : root_key_(new_key(false)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "certificates-XXXXXX").string();
  must(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  root_ = new_certificate("Test Root", root_key_.get(), serial_++, -3600, 365L * 86'400);
  X509_set_issuer_name(root_.get(), X509_get_subject_name(root_.get()));
  add_extension(root_.get(), root_.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(root_.get(), root_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  must(X509_sign(root_.get(), root_key_.get(), EVP_sha256()) > 0);
  write_certificate(folder_ / "root.pem", root_.get());
}

CertificateMaker::~CertificateMaker() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

CertificateMaker::Files CertificateMaker::make(const std::string& name, const CertificateRequest& request) {
  const tls::PrivateKeyPtr key = new_key(request.is_rsa);
  const tls::CertificatePtr certificate = new_certificate(name, key.get(), serial_++, request.begins_in, request.ends_in);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(root_.get()));
  std::string names;
  for (const std::string& each : request.names) names += (names.empty() ? "DNS:" : ",DNS:") + each;
  if (!names.empty()) add_extension(certificate.get(), root_.get(), NID_subject_alt_name, names);
  must(X509_sign(certificate.get(), root_key_.get(), EVP_sha256()) > 0);
  const Files files{(folder_ / (name + ".pem")).string(), (folder_ / (name + ".key")).string()};
  write_certificate(files.certificate, certificate.get());
  write_key(files.key, key.get());
  return files;
}

}  // namespace ringgate::test
