#include "server/certificates.h"

#include <openssl/x509.h>

#include <algorithm>

#include "tls/dates.h"

namespace ringgate::server {
namespace {

constexpr const char* identity_remedy =
    "give PEM files: a certificate in force and then what issued it, and its key, without a password";
constexpr const char* tickets_remedy = "give a file of 32 random bytes or more, such as head -c 48 /dev/urandom writes";
constexpr const char* authorities_remedy = "give PEM files with authorities in force, roots among them";
constexpr const char* lists_remedy = "give PEM files with a list in force of each authority";

StartError fault(const std::string& cause, const char* remedy) { return {ExitCode::bad_configuration, cause, remedy}; }

/// The certificates of one listener.
class Loader {
 public:
  Loader(std::string section, const TlsConfig& config, std::int64_t now, config::ConfigFaults& faults)
      : section_(std::move(section)), config_(config), now_(now), faults_(faults) {}

  tls::ContextOptions load() {
    options_.profile = config_.profile == TlsProfile::ocpp ? tls::Profile::ocpp : tls::Profile::modern;
    load_tickets();
    for (std::size_t i = 0; i < std::min(config_.certificate_files.size(), config_.key_files.size()); ++i) load_identity(i);
    load_trust();
    return std::move(options_);
  }

 private:
  void add(const std::string& key, const std::string& cause, const char* remedy) {
    faults_.push_back(fault(section_ + ".tls" + key + ": " + cause, remedy));
  }

  void load_tickets() {
    if (config_.ticket_secret_file.empty()) return;
    const auto secret = tls::load_ticket_secret(config_.ticket_secret_file);
    if (!secret) return add(".ticket_keys", secret.error(), tickets_remedy);
    options_.ticket_secret = *secret;
    options_.has_own_tickets = false;
  }

  void load_identity(std::size_t i) {
    auto identity = tls::load_identity(config_.certificate_files[i], config_.key_files[i], now_);
    if (!identity) return add("", identity.error(), identity_remedy);
    options_.identities.push_back(std::make_shared<const tls::Identity>(std::move(*identity)));
  }

  void load_trust() {
    if (config_.client == ClientCertificates::off || config_.client_authority_files.empty()) return;
    options_.client_certificates =
        config_.client == ClientCertificates::required ? tls::ClientCertificates::required : tls::ClientCertificates::optional;
    auto loaded = tls::ClientTrust::load(config_.client_authority_files, config_.client_revocation_files, now_);
    for (const std::string& each : loaded.authority_faults) add(".client_ca", each, authorities_remedy);
    for (const std::string& each : loaded.revocation_faults) add(".crl", each, lists_remedy);
    options_.trust = std::move(loaded.trust);
  }

  const std::string section_;
  const TlsConfig& config_;
  const std::int64_t now_;
  config::ConfigFaults& faults_;
  tls::ContextOptions options_;
};

/// "/etc/gate.pem until 2027-01-31 00:00:00 UTC", of a certificate or a file of several
std::string describe(const auto& ending) { return ending.file + " until " + tls::date_of(ending.expires); }

void compare_files(const std::string& key, const std::vector<tls::TrustFile>& before, const std::vector<tls::TrustFile>& after,
                   std::vector<SettingChange>& changes) {
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i)
    if (before[i].file == after[i].file && before[i].digest != after[i].digest)
      changes.push_back({key, describe(before[i]), describe(after[i])});
}

}  // namespace

LoadedCertificates load_certificates(const Config& config, std::int64_t now) {
  LoadedCertificates loaded;
  const auto add = [&](const std::string& section, const TlsConfig& one) {
    loaded.certificates.push_back(Loader(section, one, now, loaded.faults).load());
  };
  for (std::size_t i = 0; i < config.listeners.size(); ++i) add("listener." + std::to_string(i), config.listeners[i].tls);
  add("admin", config.admin.bind == "off" ? TlsConfig{} : config.admin.tls);
  return loaded;
}

std::vector<tls::CertificateFacts> facts_of(const Certificates& certificates) {
  using Kind = tls::CertificateFacts::Kind;
  std::vector<tls::CertificateFacts> facts;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const std::string listener = i + 1 == certificates.size() ? "admin" : std::to_string(i);
    for (const auto& identity : certificates[i].identities)
      facts.push_back({listener, identity->file, identity->expires, Kind::own});
    if (certificates[i].trust == nullptr) continue;
    for (const auto& each : certificates[i].trust->authority_files())
      facts.push_back({listener, each.file, each.expires, Kind::authorities});
    for (const auto& each : certificates[i].trust->revocation_files())
      facts.push_back({listener, each.file, each.expires, Kind::revocation_lists});
  }
  return facts;
}

std::vector<SettingChange> compare_certificates(const Certificates& before, const Certificates& after) {
  std::vector<SettingChange> changes;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const std::string section = i + 1 == before.size() ? "admin" : "listener." + std::to_string(i);
    const auto& old_ones = before[i].identities;
    const auto& new_ones = after[i].identities;
    for (std::size_t j = 0; j < std::min(old_ones.size(), new_ones.size()); ++j) {
      if (old_ones[j]->file != new_ones[j]->file) continue;  // the setting differs
      if (X509_cmp(old_ones[j]->certificate.get(), new_ones[j]->certificate.get()) == 0) continue;
      changes.push_back({section + ".tls.cert", describe(*old_ones[j]), describe(*new_ones[j])});
    }
    if (before[i].trust == nullptr || after[i].trust == nullptr) continue;
    compare_files(section + ".tls.client_ca", before[i].trust->authority_files(), after[i].trust->authority_files(), changes);
    compare_files(section + ".tls.crl", before[i].trust->revocation_files(), after[i].trust->revocation_files(), changes);
  }
  return changes;
}

std::vector<tls::CertificateFacts> ending_soon(std::vector<tls::CertificateFacts> facts, std::int64_t now) {
  std::erase_if(facts, [now](const tls::CertificateFacts& each) {
    return each.kind == tls::CertificateFacts::Kind::revocation_lists || each.expires > now + certificate_warning_days * 86'400;
  });
  return facts;
}

std::expected<TlsOfListeners, StartError> make_contexts(const Certificates& certificates) {
  TlsOfListeners contexts;
  for (const tls::ContextOptions& options : certificates) {
    contexts.emplace_back();
    if (options.identities.empty()) continue;
    auto context = tls::Context::create(options);
    if (!context) return std::unexpected(fault(context.error(), identity_remedy));
    contexts.back() = std::move(*context);
  }
  return contexts;
}

CertificateReport check_certificates(const Config& config, std::int64_t now) {
  auto loaded = load_certificates(config, now);
  CertificateReport report{std::move(loaded.faults), ending_soon(facts_of(loaded.certificates), now)};
  if (!report.faults.empty()) return report;
  if (const auto made = make_contexts(loaded.certificates); !made) report.faults.push_back(made.error());
  return report;
}

}  // namespace ringgate::server
