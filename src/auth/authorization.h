// The value of an Authorization field (RFC 9110 section 11.6.2): one scheme and one credential. Not what the credential means. Pure;
// any thread.
#pragma once

#include <expected>
#include <string_view>

#include "auth/fault.h"

namespace ringgate::auth {

struct Authorization {
  std::string_view scheme;      // as written; compare it without case
  std::string_view credential;  // token68, not checked for its length
};

/// Splits a field value without white space around it. authorization_malformed: no scheme, or not exactly one token68 behind it. The
/// result borrows `value`.
std::expected<Authorization, Fault> split_authorization(std::string_view value);

/// The token of `Bearer TOKEN` (RFC 6750 section 2.1). scheme_other, authorization_malformed. The result borrows `value`.
std::expected<std::string_view, Fault> bearer_token(std::string_view value);

}  // namespace ringgate::auth
