#include "auth/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

#include "auth/openssl_owner.h"
#include "base/assert.h"

namespace ringgate::auth {

Sha256 sha256(ByteView bytes) {
  static const Owned<EVP_MD, EVP_MD_free> method(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  thread_local const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  Sha256 result;
  // It fails only without memory at the first use; another result would be a disaster.
  RINGGATE_ASSERT(EVP_DigestInit_ex2(context.get(), method.get(), nullptr) == 1 &&
                  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                  EVP_DigestFinal_ex(context.get(), result.data(), nullptr) == 1);
  return result;
}

bool equal_in_constant_time(const Sha256& a, const Sha256& b) { return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace ringgate::auth
