#include "auth/verifiers.h"

#include "base/time.h"

namespace ringgate::auth {
namespace {

/// Loads `file`, if it is configured, into `target`.
template <typename File>
std::expected<void, std::string> load(const std::string& setting, const std::string& file, std::shared_ptr<const File>& target,
                                      std::vector<std::string>& warnings) {
  if (file.empty()) return {};
  auto loaded = File::load(file);
  if (!loaded) return std::unexpected(setting + ": " + loaded.error());
  target = std::move(*loaded);
  if (target->warning()) warnings.push_back(setting + ": " + *target->warning());
  return {};
}

JwtRules rules_of(const JwtConfig& config) {
  JwtRules rules;
  rules.issuers = config.issuers;
  rules.audiences = config.audiences;
  rules.leeway_seconds = static_cast<std::int64_t>(config.leeway_ns / nanoseconds_per_second);
  rules.expiry_required = config.expiry_required;
  rules.id_claim = config.id_claim;
  return rules;
}

}  // namespace

std::expected<std::shared_ptr<const Verifiers>, std::string> load_verifiers(const AuthConfig& config) {
  auto all = std::make_shared<Verifiers>();
  if (auto done = load("auth.token.tokens", config.token_file, all->tokens, all->warnings); !done)
    return std::unexpected(done.error());
  if (auto done = load("auth.basic.users", config.password_file, all->passwords, all->warnings); !done)
    return std::unexpected(done.error());
  if (auto done = load("auth.hmac.keys", config.url_key_file, all->url_keys, all->warnings); !done)
    return std::unexpected(done.error());
  all->jwt_rules = rules_of(config.jwt);
  if (!config.jwt.key_files.empty()) {
    auto keys = JwkSet::load(config.jwt.key_files);
    if (!keys) return std::unexpected("auth.jwt.keys: " + keys.error());
    for (const std::string& note : keys->notes()) all->warnings.push_back("auth.jwt.keys: " + note);
    all->jwt_keys = std::move(*keys);
  }
  return all;
}

}  // namespace ringgate::auth
