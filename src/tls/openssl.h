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
using PrivateKeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

/// The first error that OpenSSL has queued on this thread, such as "key values mismatch". Empties the queue.
std::string take_error();

}  // namespace ringgate::tls
