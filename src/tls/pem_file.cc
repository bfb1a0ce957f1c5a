#include "tls/pem_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace ringgate::tls {
namespace {

using FilePtr = std::unique_ptr<BIO, Freed<BIO_free>>;

/// A pipe without a writer would hold up whoever opens it, and with it a reload for ever.
std::expected<void, std::string> check_regular(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return std::unexpected(path + " is no regular file");
  return {};
}

std::expected<FilePtr, std::string> open_file(const std::string& path) {
  if (auto checked = check_regular(path); !checked) return std::unexpected(std::move(checked.error()));
  ERR_clear_error();
  FilePtr file(BIO_new_file(path.c_str(), "r"));
  if (file) return file;
  const int reason = errno;
  ERR_clear_error();
  return std::unexpected(path + " cannot be read: " + std::strerror(reason));
}

/// There is nobody to ask for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

/// `kind` names one object in messages.
template <typename Pointer, typename ReadOne>
std::expected<std::vector<Pointer>, std::string> read_all(const std::string& path, const std::string& kind, ReadOne read_one) {
  const auto file = open_file(path);
  if (!file) return std::unexpected(file.error());
  std::vector<Pointer> all;
  while (auto* const next = read_one(file->get(), nullptr, no_password, nullptr)) all.emplace_back(next);
  const unsigned long end = ERR_peek_last_error();
  const bool is_whole = ERR_GET_LIB(end) == ERR_LIB_PEM && ERR_GET_REASON(end) == PEM_R_NO_START_LINE;
  const std::string reason = take_error();
  if (!is_whole) return std::unexpected(path + " holds a broken " + kind + ": " + reason);
  if (all.empty()) return std::unexpected(path + " holds no " + kind);
  return all;
}

}  // namespace

std::expected<std::vector<CertificatePtr>, std::string> read_certificates(const std::string& file) {
  return read_all<CertificatePtr>(file, "certificate", PEM_read_bio_X509);
}

std::expected<std::vector<RevocationListPtr>, std::string> read_revocation_lists(const std::string& file) {
  return read_all<RevocationListPtr>(file, "revocation list", PEM_read_bio_X509_CRL);
}

std::expected<PrivateKeyPtr, std::string> read_private_key(const std::string& file) {
  const auto opened = open_file(file);
  if (!opened) return std::unexpected(opened.error());
  PrivateKeyPtr key(PEM_read_bio_PrivateKey(opened->get(), nullptr, no_password, nullptr));
  if (!key) return std::unexpected(file + " holds no private key that can be read without a password: " + take_error());
  return key;
}

std::string subject_of(const X509* certificate) {
  std::string text(256, '\0');
  X509_NAME_oneline(X509_get_subject_name(certificate), text.data(), static_cast<int>(text.size()));
  text.resize(std::strlen(text.c_str()));
  return text;
}

}  // namespace ringgate::tls
