#include "server/credential_files.h"

#include <array>

#include "tls/pem_file.h"

namespace ringgate::server {

std::expected<std::shared_ptr<const auth::Verifiers>, StartError> load_verifiers(const AuthConfig& config) {
  auto loaded = auth::load_verifiers(config);
  if (!loaded)
    return std::unexpected(StartError{ExitCode::bad_configuration, loaded.error(), "correct the settings of auth, or the files"});
  return std::move(*loaded);
}

std::expected<AdminTokenFiles, StartError> load_admin_tokens(const AdminConfig& config) {
  const auto fault = [](const std::string& cause, const char* remedy) {
    return std::unexpected(StartError{ExitCode::bad_configuration, "admin.tokens: " + cause, remedy});
  };
  AdminTokenFiles files;
  if (config.bind == "off") return files;
  for (const std::string& file : config.token_files) {
    auto tokens = auth::AdminTokens::load(file);
    if (!tokens) return fault(tokens.error(), "correct the file, or the setting");
    if ((*tokens)->size() == 0)
      return fault(file + " holds no token, so nobody could use it", "add a line, or leave the file out");
    files.push_back(std::move(*tokens));
  }
  return files;
}

std::vector<std::string> warnings_of(const AdminTokenFiles& files) {
  std::vector<std::string> warnings;
  for (const auto& file : files)
    if (file->warning()) warnings.push_back("admin.tokens: " + *file->warning());
  return warnings;
}

std::expected<hooks::SigningKeys, StartError> load_webhook_keys(const WebhookConfig& webhook,
                                                                std::vector<std::string>& warnings) {
  std::vector<std::string> found;
  auto keys = hooks::SigningKeys::load(webhook.secret_files, found);
  if (!keys)
    return std::unexpected(StartError{ExitCode::bad_configuration, "webhook " + webhook.name + ": " + keys.error(),
                                      "correct webhook.secret_files, or the file"});
  for (const std::string& text : found) warnings.push_back("webhook " + webhook.name + ": " + text);
  return std::move(*keys);
}

std::expected<void, StartError> check_webhook_authorities(const WebhookConfig& webhook) {
  if (webhook.authority_file.empty()) return {};
  if (const auto read = tls::read_certificates(webhook.authority_file); !read)
    return std::unexpected(StartError{ExitCode::bad_configuration, "webhook " + webhook.name + ": " + read.error(),
                                      "correct webhook.ca, or the file: it holds the authorities as PEM"});
  return {};
}

CredentialReport check_credentials(const Config& config) {
  CredentialReport report;
  std::array<AuthConfig, 4> settings;  // one with each of the settings, because a start stops at the first fault
  settings[0].token_file = config.auth.token_file;
  settings[1].password_file = config.auth.password_file;
  settings[2].url_key_file = config.auth.url_key_file;
  settings[3].jwt = config.auth.jwt;
  for (const AuthConfig& one : settings) {
    const auto loaded = load_verifiers(one);
    if (!loaded) report.faults.push_back(loaded.error());
    else report.warnings.insert(report.warnings.end(), (*loaded)->warnings.begin(), (*loaded)->warnings.end());
  }
  for (const WebhookConfig& webhook : config.webhooks) {
    if (const auto keys = load_webhook_keys(webhook, report.warnings); !keys) report.faults.push_back(keys.error());
    if (const auto checked = check_webhook_authorities(webhook); !checked) report.faults.push_back(checked.error());
  }
  const auto tokens = load_admin_tokens(config.admin);
  if (!tokens) {
    report.faults.push_back(tokens.error());
    return report;
  }
  for (std::string& text : warnings_of(*tokens)) report.warnings.push_back(std::move(text));
  return report;
}

}  // namespace ringgate::server
