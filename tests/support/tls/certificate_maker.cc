#include "support/tls/certificate_maker.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "ringgate/bytes.h"

namespace ringgate::test {
namespace {

void must(bool is_done) {
  if (!is_done) std::abort();
}

tls::PrivateKeyPtr new_key(bool is_rsa, unsigned int rsa_bits = 2048) {
  char curve[] = "P-256";
  tls::PrivateKeyPtr key(is_rsa ? EVP_RSA_gen(rsa_bits) : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
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

void add_common_name(X509* certificate, const std::string& text) {
  must(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, bytes_of(text).data(), -1, -1, 0) == 1);
}

void add_subject(X509* certificate, const SubjectPart& part) {
  X509_NAME_ENTRY* const entry = X509_NAME_ENTRY_create_by_txt(nullptr, part.field, MBSTRING_ASC, bytes_of("x").data(), 1);
  must(entry != nullptr &&
       X509_NAME_ENTRY_set_data(entry, part.kind, bytes_of(part.text).data(), static_cast<int>(part.text.size())) == 1);
  must(X509_NAME_add_entry(X509_get_subject_name(certificate), entry, -1, 0) == 1);
  X509_NAME_ENTRY_free(entry);
}

void add_alternatives(X509* certificate, const std::vector<AlternativeName>& alternatives) {
  GENERAL_NAMES* const names = GENERAL_NAMES_new();
  for (const AlternativeName& each : alternatives) {
    ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
    must(ASN1_STRING_set(text, each.text.data(), static_cast<int>(each.text.size())) == 1);
    GENERAL_NAME* const name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, each.kind, text);
    must(sk_GENERAL_NAME_push(names, name) > 0);
  }
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1);
  GENERAL_NAMES_free(names);
}

tls::CertificatePtr new_certificate(EVP_PKEY* key, long serial, std::int64_t begins_in, std::int64_t ends_in) {
  tls::CertificatePtr certificate(X509_new());
  X509* const c = certificate.get();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
  X509_gmtime_adj(X509_getm_notBefore(c), begins_in);
  X509_gmtime_adj(X509_getm_notAfter(c), ends_in);
  must(X509_set_pubkey(c, key) == 1);
  return certificate;
}

void make_authority(X509* certificate, X509* issuer) {
  add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
}

}  // namespace

CertificateMaker::CertificateMaker() : root_key_(new_key(false)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "certificates-XXXXXX").string();
  must(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  root_ = new_certificate(root_key_.get(), serial_++, -3600, 365L * 86'400);
  add_common_name(root_.get(), "Test Root");
  X509_set_issuer_name(root_.get(), X509_get_subject_name(root_.get()));
  make_authority(root_.get(), root_.get());
  must(X509_sign(root_.get(), root_key_.get(), EVP_sha256()) > 0);
  write_certificate(folder_ / "root.pem", root_.get());
}

CertificateMaker::~CertificateMaker() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

CertificateMaker::Files CertificateMaker::make(const std::string& name, const CertificateRequest& request) {
  tls::PrivateKeyPtr key = new_key(request.is_rsa, request.rsa_bits);
  tls::CertificatePtr made = new_certificate(key.get(), serial_++, request.begins_in, request.ends_in);
  X509* const c = made.get();
  if (request.subject.empty()) add_common_name(c, name);
  for (const SubjectPart& part : request.subject) add_subject(c, part);
  X509* const issuer = request.is_self_signed ? c : certificate(request.issuer);
  X509_set_issuer_name(c, X509_get_subject_name(issuer));
  if (request.is_authority) make_authority(c, issuer);
  if (!request.purpose.empty()) add_extension(c, issuer, NID_ext_key_usage, request.purpose);
  std::vector<AlternativeName> alternatives = request.alternatives;
  if (alternatives.empty())
    for (const std::string& each : request.names) alternatives.push_back({GEN_DNS, each});
  if (!alternatives.empty()) add_alternatives(c, alternatives);
  must(X509_sign(c, request.is_self_signed ? key.get() : this->key(request.issuer), EVP_sha256()) > 0);
  const Files files{(folder_ / (name + ".pem")).string(), (folder_ / (name + ".key")).string()};
  write_certificate(files.certificate, c);
  write_key(files.key, key.get());
  made_.insert_or_assign(name, Made{std::move(made), std::move(key)});
  return files;
}

std::string CertificateMaker::revoke(const std::string& name, const RevocationRequest& request) {
  const std::unique_ptr<X509_CRL, tls::Freed<X509_CRL_free>> list(X509_CRL_new());
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate(request.issuer)));
  const std::unique_ptr<ASN1_TIME, tls::Freed<ASN1_TIME_free>> begins(X509_gmtime_adj(nullptr, request.begins_in));
  const std::unique_ptr<ASN1_TIME, tls::Freed<ASN1_TIME_free>> ends(X509_gmtime_adj(nullptr, request.ends_in));
  X509_CRL_set1_lastUpdate(list.get(), begins.get());
  X509_CRL_set1_nextUpdate(list.get(), ends.get());
  for (const std::string& each : request.revoked) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate(each)));
    X509_REVOKED_set_revocationDate(entry, begins.get());
    must(X509_CRL_add0_revoked(list.get(), entry) == 1);
  }
  X509_CRL_sort(list.get());
  must(X509_CRL_sign(list.get(), key(request.issuer), EVP_sha256()) > 0);
  const std::filesystem::path path = folder_ / (name + ".pem");
  std::FILE* const file = std::fopen(path.c_str(), "w");
  must(file != nullptr && PEM_write_X509_CRL(file, list.get()) == 1);
  std::fclose(file);
  return path;
}

}  // namespace ringgate::test
