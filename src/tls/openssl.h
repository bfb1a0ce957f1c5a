// Owners of OpenSSL's objects, and its errors as text. Any thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace ringgate::tls {

template <auto Free>
struct Freed {
  template <typename Object>
  void operator()(Object* object) const {
    Free(object);
  }
};

using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using RevocationListPtr = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
struct FreedNames {
  void operator()(STACK_OF(X509_NAME) * names) const { sk_X509_NAME_pop_free(names, X509_NAME_free); }
};
using NamesPtr = std::unique_ptr<STACK_OF(X509_NAME), FreedNames>;
using PrivateKeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

/// The first error that OpenSSL has queued on this thread, such as "key values mismatch". Empties the queue.
std::string take_error();

}  // namespace ringgate::tls
