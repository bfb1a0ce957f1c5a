#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <new>

#include "base/assert.h"
#include "tls/dates.h"
#include "tls/pem_file.h"
#include "tls/wire.h"

namespace ringgate::tls {
namespace {

constexpr const char* ciphers_of_tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* modern_ciphers_of_tls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* ocpp_ciphers_of_tls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:AES128-GCM-SHA256:AES256-GCM-SHA384";

/// 112 bits: RSA from 2048 bits on, and no SHA-1, for certificates of both sides.
constexpr int security_level = 2;

/// Of a client's certificate with its chain. So a ticket, which holds the certificate, fits a ClientHello.
constexpr long certificate_chain_bytes_max = 12 * 1024;

constexpr std::string_view http11 = "http/1.1";

/// RFC 7301 section 3.2. A client that offers only what is not spoken here gets the alert no_application_protocol.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* offered, unsigned int bytes,
                    void*) {
  for (unsigned int at = 0; at < bytes; at += 1U + offered[at]) {  // OpenSSL has checked the list's form
    const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
    if (name != http11) continue;
    *out = offered + at + 1;
    *out_bytes = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// The host name of the ClientHello that is being read (RFC 6066 section 3), whose form OpenSSL checks later; empty if there is none.
std::string_view name_asked_for(SSL* ssl) {
  constexpr std::size_t header_bytes = 5;  // length of the list; type and length of its first name
  const unsigned char* list = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &list, &size) != 1 || size < header_bytes) return {};
  if (list[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t name_bytes = std::size_t{list[3]} << 8U | list[4];
  if (name_bytes > size - header_bytes) return {};
  return {reinterpret_cast<const char*>(list + header_bytes), name_bytes};
}

/// RFC 6066 section 3: no session is resumed under another name. OpenSSL does so in TLS 1.2, and then goes by the session's name. TLS 1.3
/// names the host anew in each handshake.
bool is_of_name_asked_for(SSL* ssl, const SSL_SESSION* session) {
  if (SSL_version(ssl) == TLS1_3_VERSION) return true;
  const char* const host = SSL_SESSION_get0_hostname(session);
  return name_asked_for(ssl) == (host != nullptr ? host : "");
}

/// Null if OpenSSL refuses a setting.
SslContextPtr new_context(Profile profile) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return nullptr;
  SSL_CTX* const c = context.get();
  char groups[] = "X25519:P-256";  // OpenSSL's macro drops a const
  const char* const ciphers = profile == Profile::ocpp ? ocpp_ciphers_of_tls12 : modern_ciphers_of_tls12;
  const bool is_set = SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(c, ciphers) == 1 &&
                      SSL_CTX_set_ciphersuites(c, ciphers_of_tls13) == 1 && SSL_CTX_set1_groups_list(c, groups) == 1 &&
                      SSL_CTX_set_num_tickets(c, 1) == 1;
  if (!is_set) return nullptr;
  SSL_CTX_set_security_level(c, std::max(SSL_CTX_get_security_level(c), security_level));
  SSL_CTX_set_max_cert_list(c, certificate_chain_bytes_max);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Without buffers an idle connection holds a quarter of the memory. Chains are sent as they are written in the file.
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);  // tickets need no cache
  SSL_CTX_set_alpn_select_cb(c, choose_protocol, nullptr);
  return context;
}

bool use(SSL_CTX* context, const Identity& identity) {
  if (SSL_CTX_use_certificate(context, identity.certificate.get()) != 1) return false;
  if (SSL_CTX_use_PrivateKey(context, identity.key.get()) != 1) return false;
  return std::ranges::all_of(
      identity.chain, [context](const CertificatePtr& issuer) { return SSL_CTX_add1_chain_cert(context, issuer.get()) == 1; });
}

/// Keeps the reason why a client's certificate was refused for whoever ends the connection.
int note_refusal(int is_good, X509_STORE_CTX* verification) {
  if (is_good == 1) return 1;
  const auto* const ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const X509* const certificate = X509_STORE_CTX_get_current_cert(verification);
  Refusal& refusal = Wire::of(SSL_get_rbio(ssl)).refusal;
  refusal.cause = X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification));
  try {  // below are frames of OpenSSL, through which nothing must be thrown
    refusal.subject = certificate != nullptr ? subject_of(certificate) : "";
  } catch (const std::bad_alloc&) {
    refusal.subject.clear();
  }
  return 0;
}

}  // namespace

Context::Context(const ContextOptions& options)
    : tickets_(options.ticket_secret, options.clock != nullptr ? options.clock : TicketKeys::unix_time) {}

std::expected<std::unique_ptr<Context>, std::string> Context::create(const ContextOptions& options) {
  RINGGATE_ASSERT(!options.identities.empty());
  std::unique_ptr<Context> context(new Context(options));
  if (options.client_certificates != ClientCertificates::off) {
    context->store_ = options.trust->new_store();
    context->lists_end_ = options.trust->lists_end();
    if (!context->store_) return std::unexpected("OpenSSL refuses the authorities of clients: " + take_error());
  }
  for (const auto& identity : options.identities)
    if (const auto added = context->add(*identity, options); !added) return std::unexpected(added.error());
  SSL_CTX* const first = context->sites_.front().context.get();
  SSL_CTX_callback_ctrl(first, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, reinterpret_cast<void (*)()>(choose_site));
  SSL_CTX_set_tlsext_servername_arg(first, context.get());
  return context;
}

std::expected<void, std::string> Context::add(const Identity& identity, const ContextOptions& options) {
  ERR_clear_error();
  const int type = EVP_PKEY_get_base_id(identity.key.get());
  auto site = std::ranges::find(sites_, identity.names, &Site::names);
  if (site == sites_.end()) {
    SslContextPtr fresh = new_context(options.profile);
    if (!fresh || !ask_for_certificates(fresh.get(), options) || !mark_sessions(fresh.get(), options))
      return std::unexpected("OpenSSL refuses the settings: " + take_error());
    tickets_.serve(fresh.get());
    sites_.push_back({identity.names, std::move(fresh)});
    site = sites_.end() - 1;
  }
  for (long other = SSL_CTX_set_current_cert(site->context.get(), SSL_CERT_SET_FIRST); other == 1;
       other = SSL_CTX_set_current_cert(site->context.get(), SSL_CERT_SET_NEXT)) {
    if (EVP_PKEY_get_base_id(SSL_CTX_get0_privatekey(site->context.get())) == type)
      return std::unexpected(identity.file + " is the second certificate for the same names with the same kind of key");
  }
  if (!use(site->context.get(), identity)) return std::unexpected(identity.file + " cannot be used: " + take_error());
  return {};
}

bool Context::ask_for_certificates(SSL_CTX* context, const ContextOptions& options) {
  if (options.client_certificates == ClientCertificates::off) return true;
  const bool is_required = options.client_certificates == ClientCertificates::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), note_refusal);
  SSL_CTX_set_verify_depth(context, intermediates_max);
  if (NamesPtr names = options.trust->new_names()) SSL_CTX_set0_CA_list(context, names.release());
  return SSL_CTX_set1_verify_cert_store(context, store_.get()) == 1;
}

/// A session resumes only where it would have begun: OpenSSL does not verify a resumed one again. So other authorities, other lists or
/// another demand make all tickets of before unknown, on this gate and on those with the same ticket secret.
bool Context::mark_sessions(SSL_CTX* context, const ContextOptions& options) {
  std::array<std::uint8_t, 1 + 32> seen{static_cast<std::uint8_t>(options.client_certificates)};
  if (options.trust != nullptr) std::ranges::copy(options.trust->digest(), seen.begin() + 1);
  std::array<std::uint8_t, SSL_MAX_SID_CTX_LENGTH> mark;
  unsigned int bytes = 0;
  if (EVP_Digest(seen.data(), seen.size(), mark.data(), &bytes, EVP_sha256(), nullptr) != 1) return false;
  SSL_CTX_set_session_ticket_cb(context, nullptr, judge_ticket, this);
  return SSL_CTX_set_session_id_context(context, mark.data(), bytes) == 1;
}

/// SSL_CTX_set_session_ticket_cb(3). A ticket stands for a certificate only as long as the certificate would be accepted.
SSL_TICKET_RETURN Context::judge_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                        SSL_TICKET_STATUS status, void* self) {
  const Context& context = *static_cast<const Context*>(self);
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  if (!is_of_name_asked_for(ssl, session)) return SSL_TICKET_RETURN_IGNORE_RENEW;
  if (const X509* const certificate = SSL_SESSION_get0_peer(session); certificate != nullptr) {
    const std::int64_t now = context.tickets_.now();
    if (unix_time_of(X509_get0_notAfter(certificate)) <= now || context.lists_end_ <= now) return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

SSL_CTX* Context::context_for(std::string_view host) const {
  for (const bool wildcards : {false, true})
    for (const Site& site : sites_)
      for (const std::string& name : site.names)
        if (name.starts_with('*') == wildcards && matches_name(name, host)) return site.context.get();
  return sites_.front().context.get();
}

int Context::choose_site(SSL* ssl, int*, void* self) {
  const char* const asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
  std::array<char, TLSEXT_MAXLEN_host_name> lower;  // OpenSSL has checked the length; nothing must be thrown here
  std::string_view host(asked);
  std::ranges::transform(host, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  host = {lower.data(), host.size()};
  if (host.ends_with('.')) host.remove_suffix(1);
  SSL_CTX* const context = static_cast<const Context*>(self)->context_for(host);
  if (context != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace ringgate::tls
