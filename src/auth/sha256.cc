#include "auth/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>
#include <new>

#include "auth/openssl_owner.h"

namespace ringgate::auth {

Sha256 sha256(ByteView bytes) {
  static const Owned<EVP_MD, EVP_MD_free> method(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  thread_local Owned<EVP_MD_CTX, EVP_MD_CTX_free> context;
  if (context == nullptr) context.reset(EVP_MD_CTX_new());
  Sha256 result;
  // It fails only without memory; another result would be a disaster.
  const bool is_done = context != nullptr &&
                       EVP_DigestInit_ex2(context.get(), method ? method.get() : EVP_sha256(), nullptr) == 1 &&
                       EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                       EVP_DigestFinal_ex(context.get(), result.data(), nullptr) == 1;
  if (!is_done) throw std::bad_alloc();
  return result;
}

bool equal_in_constant_time(const Sha256& a, const Sha256& b) { return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace ringgate::auth
