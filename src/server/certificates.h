// Reads the certificates of all listeners with TLS. For start and reload, off the shards: it reads files.
#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "ringgate/config.h"
#include "ringgate/error.h"
#include "ringgate/reload.h"
#include "server/shard.h"
#include "tls/context.h"

namespace ringgate::server {

/// By listener, the admin's last; without identities where a listener has no TLS.
using Certificates = std::vector<tls::ContextOptions>;

/// Reads and judges them at `now` (Unix time in seconds). The error names the setting and the file.
std::expected<Certificates, StartError> load_certificates(const Config& config, std::int64_t now);

/// Of all certificates, for metrics and logs.
std::vector<tls::CertificateFacts> facts_of(const Certificates& certificates);

/// Certificates that differ although the settings are the same: a file has another one now.
std::vector<SettingChange> compare_certificates(const Certificates& before, const Certificates& after);

/// One context for each listener with TLS. Each shard needs its own.
std::expected<TlsOfListeners, StartError> make_contexts(const Certificates& certificates);

}  // namespace ringgate::server
