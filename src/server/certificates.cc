#include "server/certificates.h"

#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <ctime>

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

/// The section of the settings for the entry `i` of all certificates.
std::string section_of(std::size_t i, std::size_t count) { return i + 1 == count ? "admin" : "listener." + std::to_string(i); }

/// "/etc/gate.pem until 2027-01-31T00:00:00Z"
std::string describe(const tls::Identity& identity) {
  const std::time_t expires = identity.expires;
  std::tm t{};
  std::array<char, 32> text{};
  if (gmtime_r(&expires, &t) == nullptr || std::strftime(text.data(), text.size(), "%FT%TZ", &t) == 0) return identity.file;
  return identity.file + " until " + text.data();
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

std::vector<SettingChange> compare_certificates(const Certificates& before, const Certificates& after) {
  std::vector<SettingChange> changes;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const auto& old_ones = before[i].identities;
    const auto& new_ones = after[i].identities;
    for (std::size_t j = 0; j < std::min(old_ones.size(), new_ones.size()); ++j) {
      if (old_ones[j]->file != new_ones[j]->file) continue;  // the setting differs
      if (X509_cmp(old_ones[j]->certificate.get(), new_ones[j]->certificate.get()) == 0) continue;
      changes.push_back({section_of(i, before.size()) + ".tls.cert", describe(*old_ones[j]), describe(*new_ones[j])});
    }
  }
  return changes;
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
