#include "tls/client_identity.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <new>
#include <optional>
#include <string_view>

#include "tls/dates.h"
#include "tls/openssl.h"

namespace ringgate::tls {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7F; }
bool is_visible(unsigned char c) { return c > 0x20 && c < 0x7F; }
bool is_dns(unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; }
bool is_wildcard(std::string_view name) { return name == "*" || name.starts_with("*."); }
bool has_length(std::string_view name) { return !name.empty() && name.size() <= identity_name_bytes_max; }

std::string_view text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

/// Converts from any of ASN.1's string types; they may hold NULs.
std::optional<std::string> utf8_of(const ASN1_STRING* string) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, string);
  if (size < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return text;
}

class Reader {
 public:
  explicit Reader(const X509* certificate) : certificate_(certificate) {}

  bool read(ClientIdentity& identity) {
    read_common_name(identity);
    read_alternative_names(identity);
    read_subject(identity);
    identity.expires = unix_time_of(X509_get0_notAfter(certificate_));
    identity.fault = fault_;
    unsigned int size = 0;
    return X509_digest(certificate_, EVP_sha256(), identity.fingerprint.data(), &size) == 1;
  }

 private:
  void note(NameFault fault) { fault_ = std::max(fault_, fault); }

  void read_common_name(ClientIdentity& identity) {
    const X509_NAME* const subject = X509_get_subject_name(certificate_);
    const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (first < 0) return;
    if (X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return note(NameFault::ambiguous);
    auto name = utf8_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
    if (!name || !has_length(*name) || std::ranges::any_of(*name, is_control) || is_wildcard(*name))
      return note(NameFault::unusable);
    identity.common_name = std::move(*name);
  }

  void read_alternative_names(ClientIdentity& identity) {
    int occurrence = 0;  // -1: none; -2: several
    const NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate_, NID_subject_alt_name, &occurrence, nullptr)));
    if (names == nullptr && occurrence == -1) return;
    if (names == nullptr) return note(occurrence == -2 ? NameFault::ambiguous : NameFault::unusable);
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
      const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
      if (name->type == GEN_URI) add_uri(identity, text_of(name->d.uniformResourceIdentifier));
      else if (name->type == GEN_DNS) add_dns(identity, text_of(name->d.dNSName));
    }
  }

  void add_uri(ClientIdentity& identity, std::string_view uri) {
    if (!has_length(uri) || !std::ranges::all_of(uri, is_visible)) return note(NameFault::unusable);
    add(identity.san_uris, std::string(uri));
  }

  void add_dns(ClientIdentity& identity, std::string_view text) {
    if (!has_length(text) || !std::ranges::all_of(text, is_dns)) return note(NameFault::unusable);  // "*" is none
    add(identity.san_dns, std::string(text));
  }

  void add(std::vector<std::string>& names, std::string name) {
    if (names.size() == identity_names_max) return note(NameFault::too_many);
    names.push_back(std::move(name));
  }

  void read_subject(ClientIdentity& identity) {
    const BioPtr text(BIO_new(BIO_s_mem()));
    if (text == nullptr) return;
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate_), 0, XN_FLAG_RFC2253);
    char* begin = nullptr;
    const long size = BIO_get_mem_data(text.get(), &begin);
    if (size > 0) identity.subject.assign(begin, std::min(static_cast<std::size_t>(size), identity_subject_bytes_max));
  }

  const X509* certificate_;
  NameFault fault_ = NameFault::none;
};

}  // namespace

std::unique_ptr<const ClientIdentity> read_client_identity(const X509* certificate) {
  ERR_clear_error();
  std::unique_ptr<ClientIdentity> identity;
  try {
    identity = std::make_unique<ClientIdentity>();
    if (!Reader(certificate).read(*identity)) identity.reset();
  } catch (const std::bad_alloc&) {
    identity.reset();
  }
  ERR_clear_error();
  return identity;
}

}  // namespace ringgate::tls
