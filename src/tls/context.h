// What all TLS connections of a listener have in common: versions, ciphers, certificates (RFC 8446, RFC 5246, RFC 9325).
//
// Owned by the shard whose listener it serves; owner shard once made. Codecs keep what they need of it alive.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/certificates.h"
#include "tls/client_trust.h"
#include "tls/openssl.h"
#include "tls/ticket_keys.h"

namespace ringgate::tls {

enum class Profile : std::uint8_t {
  modern,  // TLS 1.2 and 1.3, forward secrecy, authenticated ciphers
  ocpp,    // also the ciphers without forward secrecy that OCPP's security profiles 2 and 3 demand
};

struct ContextOptions {
  std::vector<std::shared_ptr<const Identity>>
      identities;  // at least one; the first is for clients that name no host, or another
  Profile profile = Profile::modern;
  ClientCertificates client_certificates = ClientCertificates::off;
  std::shared_ptr<const ClientTrust> trust;          // not null unless client_certificates is off
  TicketSecret ticket_secret = new_ticket_secret();  // the same for every shard
  bool has_own_tickets = true;                       // the secret comes from no file
  TicketKeys::Clock clock = nullptr;                 // for tickets in tests; null: the system's
};

class Context {
 public:
  /// For start and reload: takes milliseconds. The error is a sentence for the operator.
  static std::expected<std::unique_ptr<Context>, std::string> create(const ContextOptions& options);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// A connection's server side, without a BIO; null if there is no memory.
  SslPtr accept() const { return SslPtr(SSL_new(sites_.front().context.get())); }

 private:
  /// The identities with the same names: one for each kind of key.
  struct Site {
    std::vector<std::string> names;
    SslContextPtr context;
  };

  explicit Context(const ContextOptions& options);
  std::expected<void, std::string> add(const Identity& identity, const ContextOptions& options);
  bool ask_for_certificates(SSL_CTX* context, const ContextOptions& options);
  bool mark_sessions(SSL_CTX* context, const ContextOptions& options);
  SSL_CTX* context_for(std::string_view host) const;
  static SSL_TICKET_RETURN judge_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char* name, std::size_t name_bytes,
                                        SSL_TICKET_STATUS status, void* self);
  static int choose_site(SSL* ssl, int* alert, void* self);

  TicketKeys tickets_;
  std::int64_t lists_end_ = INT64_MAX;  // from then on no ticket stands for a certificate
  StorePtr store_;                      // of all sites; null: no certificates are asked for
  std::vector<Site> sites_;
};

}  // namespace ringgate::tls
