// The client's side of TLS for the load: records in, plaintext out, and the reverse. It does no I/O.
//
// It offers only TLS 1.3 with AES-128-GCM and X25519, so every server is measured with the same cryptography. It verifies no
// certificate: servers under load are the caller's own. Thread: that of the context. Invariant: between calls the context's wire
// holds nothing of a client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "ringgate/bytes.h"
#include "tls/openssl.h"
#include "tls/wire.h"

namespace ringgate::load {

using TlsSession = std::unique_ptr<SSL_SESSION, tls::Freed<SSL_SESSION_free>>;

/// Released: an idle connection holds a quarter of the memory, and each record costs more.
enum class TlsBuffers : std::uint8_t { kept, released };

enum class TlsRead : std::uint8_t { plaintext, nothing, finished, failed };

/// What the TLS connections of a thread have in common. It must outlive them.
class TlsContext {
 public:
  /// The error is a sentence.
  static std::expected<std::unique_ptr<TlsContext>, std::string> open(TlsBuffers buffers);
  tls::Wire& wire() { return wire_; }
  SSL_CTX* openssl() const { return context_.get(); }

 private:
  TlsContext() = default;
  tls::Wire wire_;
  tls::SslContextPtr context_;
};

class TlsClient {
 public:
  explicit TlsClient(TlsContext& context) : wire_(context.wire()), ssl_(SSL_new(context.openssl())) {}
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// Appends the ClientHello to `out`. With `session` it resumes what that holds, and keeps the server's newest ticket there; it
  /// must then outlive the client.
  void start(TlsSession* session, std::string& out);
  bool is_established() const { return is_established_; }
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

  /// Received records, which `read` takes until it returns anything but plaintext. Borrowed until then.
  void feed(ByteView bytes) { wire_.set_input(bytes); }
  /// Decrypts into `room` and says in `count` how many bytes. Appends what must be sent, such as the end of the handshake.
  TlsRead read(MutableBytes room, std::size_t& count, std::string& out);

  /// Appends the records of `plain`. Only once established.
  void seal(ByteView plain, std::string& out);
  /// The same into `out`, which has room for sealed_bytes_max(plain.size()). Returns the number of bytes written.
  std::size_t seal(ByteView plain, MutableBytes out);
  static constexpr std::size_t sealed_bytes_max(std::size_t bytes) {
    return bytes + (bytes / tls::record_bytes_max + 1) * tls::record_overhead_bytes;
  }

 private:
  static int keep_session(SSL* ssl, SSL_SESSION* session);
  friend class TlsContext;
  void take_output(std::string& out);

  tls::Wire& wire_;
  tls::SslPtr ssl_;
  TlsSession* session_ = nullptr;
  bool is_established_ = false;
};

}  // namespace ringgate::load
