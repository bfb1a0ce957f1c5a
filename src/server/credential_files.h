// The files of credentials that settings name, as a start opens them: tokens, passwords and keys of devices, tokens of backends, and what
// webhooks sign with and trust.
// For start, reload and check-config. Reads files; any thread that is no shard.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "auth/token_file.h"
#include "auth/verifiers.h"
#include "config/check.h"
#include "hooks/signature.h"
#include "ringgate/config.h"
#include "ringgate/error.h"

namespace ringgate::server {

std::expected<std::shared_ptr<const auth::Verifiers>, StartError> load_verifiers(const AuthConfig& config);

/// The files of `admin.tokens`, in their order; none without an admin port.
using AdminTokenFiles = std::vector<std::shared_ptr<const auth::AdminTokens>>;
std::expected<AdminTokenFiles, StartError> load_admin_tokens(const AdminConfig& config);

/// The keys of `webhook.secret_files`; adds to `warnings` what the operator should know of them.
std::expected<hooks::SigningKeys, StartError> load_webhook_keys(const WebhookConfig& webhook, std::vector<std::string>& warnings);
/// Whether `webhook.ca`, if it is given, holds certificates. It is opened again for each connection.
std::expected<void, StartError> check_webhook_authorities(const WebhookConfig& webhook);

/// Opens all of them as a start would. Of each setting, the first fault; without faults, what the operator should know.
struct CredentialReport {
  config::ConfigFaults faults;
  std::vector<std::string> warnings;
};
CredentialReport check_credentials(const Config& config);

/// Sentences for the operator, such as of a file that everybody may read.
std::vector<std::string> warnings_of(const AdminTokenFiles& files);

}  // namespace ringgate::server
