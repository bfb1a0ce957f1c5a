// What credentials are checked against: the files of tokens, passwords, URL keys and JWT keys of one configuration.
//
// Loaded at the start and by each reload, on a thread that is no shard; then immutable and shared by all threads.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/jwt.h"
#include "auth/password_file.h"
#include "auth/signed_url.h"
#include "auth/token_file.h"
#include "ringgate/config.h"

namespace ringgate::auth {

struct Verifiers {
  std::shared_ptr<const DeviceTokens> tokens;  // null: no file is configured
  std::shared_ptr<const PasswordFile> passwords;
  std::shared_ptr<const UrlKeys> url_keys;
  std::optional<JwkSet> jwt_keys;
  JwtRules jwt_rules;
  std::vector<std::string> warnings;  // sentences for the operator
};

/// Reads all files that `config` names. The error is a sentence that names the setting, the file and the fault.
std::expected<std::shared_ptr<const Verifiers>, std::string> load_verifiers(const AuthConfig& config);

}  // namespace ringgate::auth
