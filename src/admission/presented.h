// Finds the credential in a request: which kind it is, and where its text stands. Does not judge it: credential.h does. Pure; any
// thread.
//
// A token travels in `Authorization: Bearer`, as the subprotocol entry `ringgate.token.TOKEN` (web pages cannot set fields) or in the
// query as `access_token`. A JSON Web Token travels the same ways; where a route takes both, three parts between dots make the difference.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "admission/refusal.h"
#include "auth/grant.h"
#include "http/request_head.h"

namespace ringgate::admission {

inline constexpr std::string_view token_subprotocol_prefix = "ringgate.token.";

/// A credential of a request.
struct Presented {
  auth::Kind kind = auth::Kind::none;
  std::string text;  // of token and jwt: the token; of basic: the value of the Authorization field; else empty
};

/// The credential that decides: that of the first of `kinds` that the request has. `none` comes only without any credential. Errors:
/// credential_repeated if the request has two of one sort; credential_wrong if it has one that none of `kinds` is; credential_missing
/// if it has none, and `none` is not among `kinds`. No kinds at all are as `none` alone: then nothing is looked for.
std::expected<Presented, Refusal> find_credential(const http::RequestView& request, std::span<const auth::Kind> kinds,
                                                  bool has_client_certificate);

}  // namespace ringgate::admission
