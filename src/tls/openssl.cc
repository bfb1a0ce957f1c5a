#include "tls/openssl.h"

#include <openssl/err.h>

namespace ringgate::tls {

std::string take_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  return code == 0 ? "no reason given" : "error " + std::to_string(code);
}

}  // namespace ringgate::tls
