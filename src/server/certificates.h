// Reads the certificates of all listeners with TLS, and those of the authorities of their clients. For start and reload, off the
// shards: it reads files.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "config/check.h"
#include "ringgate/config.h"
#include "ringgate/error.h"
#include "ringgate/reload.h"
#include "tls/context.h"

namespace ringgate::server {

/// By listener, the admin's last; without identities where a listener has no TLS.
using Certificates = std::vector<tls::ContextOptions>;

/// What was read, and every fault of files and settings. Only without faults is it whole.
struct LoadedCertificates {
  Certificates certificates;
  config::ConfigFaults faults;
};

/// Reads and judges them at `now` (Unix time in seconds). A fault names the setting and the file.
LoadedCertificates load_certificates(const Config& config, std::int64_t now);

/// Of all certificates, authorities and revocation lists, for metrics and logs.
std::vector<tls::CertificateFacts> facts_of(const Certificates& certificates);

/// Those of `facts` that end within `certificate_warning_days` of `now`, but for revocation lists, which are short-lived.
inline constexpr std::int64_t certificate_warning_days = 14;
std::vector<tls::CertificateFacts> ending_soon(std::vector<tls::CertificateFacts> facts, std::int64_t now);

/// Certificates, authorities and lists that differ although the settings are the same: a file holds others now.
std::vector<SettingChange> compare_certificates(const Certificates& before, const Certificates& after);

/// By listener; null where there is no TLS.
using TlsOfListeners = std::vector<std::shared_ptr<const tls::Context>>;
/// One context for each listener with TLS. Each shard needs its own.
std::expected<TlsOfListeners, StartError> make_contexts(const Certificates& certificates);

/// Opens all files as a start would, and says what is wrong with them.
struct CertificateReport {
  config::ConfigFaults faults;
  std::vector<tls::CertificateFacts> ending_soon;
};
CertificateReport check_certificates(const Config& config, std::int64_t now);

}  // namespace ringgate::server
