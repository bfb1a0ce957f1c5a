// What `ringgate token` does, with its flags read. Each action returns the text for stdout, or why there is none. Main thread.
#pragma once

#include <cstdint>
#include <expected>
#include <iosfwd>
#include <string>

#include "ringgate/error.h"

namespace ringgate::server {

/// The values of all flags; each action uses those that its help names. Empty: not given.
struct TokenFlags {
  std::string device, group, prefix, name, scopes, route, user;
  std::string expires = "never";
  std::string append;        // a file of credentials that the line is appended to
  bool takes_input = false;  // the secret is read from stdin instead of made
  std::string encoding;      // of a password on stdin: text, raw, hex, base64
  std::string generated;     // what a new password is: binary, text
  std::uint32_t iterations = 0;
  std::string key;          // FILE or FILE:NAME
  std::string path, query;  // of a URL
  std::string algorithm, claims, kind;
};

/// Where an action takes its input and the time from.
struct TokenSources {
  std::istream& in;
  std::int64_t now;  // Unix seconds
};

using TokenResult = std::expected<std::string, StartError>;

TokenResult make_device_token(const TokenFlags& flags, const TokenSources& sources);
TokenResult make_admin_token(const TokenFlags& flags, const TokenSources& sources);
TokenResult hash_token(const TokenFlags& flags, const TokenSources& sources);
TokenResult make_password(const TokenFlags& flags, const TokenSources& sources);
TokenResult make_signed_url(const TokenFlags& flags, const TokenSources& sources);
TokenResult make_key(const TokenFlags& flags, const TokenSources& sources);
TokenResult make_jwt(const TokenFlags& flags, const TokenSources& sources);
/// `make_key` of the kinds jwt-ec, jwt-oct and public: a key as JWK.
TokenResult make_jwt_key(const TokenFlags& flags, const TokenSources& sources);

/// An error of usage; the remedy points to the help.
StartError token_usage(std::string cause);
/// The end that `--expires` gives.
std::expected<std::int64_t, StartError> read_lifetime(const TokenFlags& flags, const TokenSources& sources);

}  // namespace ringgate::server
