#include "server/certificates.h"

namespace ringgate::server {
namespace {

std::unexpected<StartError> fault(const std::string& cause) {
  return std::unexpected(StartError{ExitCode::bad_configuration, cause, "correct the settings of tls, or the files"});
}

std::expected<tls::ContextOptions, StartError> load(const std::string& section, const TlsConfig& config, std::int64_t now) {
  tls::ContextOptions options;
  if (!config.ticket_secret_file.empty()) {
    const auto secret = tls::load_ticket_secret(config.ticket_secret_file);
    if (!secret) return fault(section + ".tls.ticket_keys: " + secret.error());
    options.ticket_secret = *secret;
    options.has_own_tickets = false;
  }
  options.profile = config.profile == TlsProfile::ocpp ? tls::Profile::ocpp : tls::Profile::modern;
  for (std::size_t i = 0; i < config.certificate_files.size(); ++i) {
    auto identity = tls::load_identity(config.certificate_files[i], config.key_files[i], now);
    if (!identity) return fault(section + ".tls: " + identity.error());
    options.identities.push_back(std::make_shared<const tls::Identity>(std::move(*identity)));
  }
  return options;
}

}  // namespace

std::expected<Certificates, StartError> load_certificates(const Config& config, std::int64_t now) {
  Certificates all;
  const auto add = [&](const std::string& section, const TlsConfig& one) -> std::expected<void, StartError> {
    auto options = load(section, one, now);
    if (!options) return std::unexpected(std::move(options.error()));
    all.push_back(std::move(*options));
    return {};
  };
  for (std::size_t i = 0; i < config.listeners.size(); ++i)
    if (auto added = add("listener." + std::to_string(i), config.listeners[i].tls); !added) return std::unexpected(added.error());
  if (auto added = add("admin", config.admin.bind == "off" ? TlsConfig{} : config.admin.tls); !added)
    return std::unexpected(added.error());
  return all;
}

std::vector<tls::CertificateFacts> facts_of(const Certificates& certificates) {
  std::vector<tls::CertificateFacts> facts;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const std::string listener = i + 1 == certificates.size() ? "admin" : std::to_string(i);
    for (const auto& identity : certificates[i].identities) facts.push_back({listener, identity->file, identity->expires});
  }
  return facts;
}

std::expected<TlsOfListeners, StartError> make_contexts(const Certificates& certificates) {
  TlsOfListeners contexts;
  for (const tls::ContextOptions& options : certificates) {
    contexts.emplace_back();
    if (options.identities.empty()) continue;
    auto context = tls::Context::create(options);
    if (!context) return fault(context.error());
    contexts.back() = std::move(*context);
  }
  return contexts;
}

}  // namespace ringgate::server
