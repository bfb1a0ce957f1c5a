// TLS of one connection, as a function over bytes: records in, plaintext out, and the reverse (RFC 8446, RFC 5246).
//
// It does no I/O: what it sends is in the wire's output after each call. A codec begins without an OpenSSL object, which it makes
// once a whole ClientHello has arrived. After a handshake of TLS 1.3 it gives that up: Records go on (decision 0026). Owned by the
// transport; owner shard.
// Invariant: between calls the wire holds nothing of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringgate/bytes.h"
#include "tls/client_hello.h"
#include "tls/client_identity.h"
#include "tls/context.h"
#include "tls/facts.h"
#include "tls/openssl.h"
#include "tls/records.h"
#include "tls/wire.h"

namespace ringgate::tls {

class Codec {
 public:
  explicit Codec(Wire& wire) : wire_(wire) {}
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  // -- Until the handshake is over. What comes is gathered, and read when its turn comes: signatures take long.
  /// Adds `bytes`. `whole`: `proceed` has something to do. Each ClientHello is judged before OpenSSL sees it.
  HelloState gather(ByteView bytes);
  /// The same for what is left after `proceed`.
  HelloState judge();
  std::size_t gathered_bytes() const { return gathered_.size(); }
  /// Begins the handshake, or goes on with it: `open` reads what was gathered. False if there is no memory.
  bool proceed(const std::shared_ptr<const Context>& context);
  /// Whether OpenSSL has seen anything of it.
  bool has_begun() const { return ssl_ != nullptr || is_established_; }
  std::size_t fed_bytes() const { return fed_.size(); }
  /// For the caller's queue.
  bool is_listed = false;
  bool end_waits = false;  // the peer's FIN has come, but what it sent before was not read
  bool is_established() const { return is_established_; }
  /// Whether the handshake resumed a session of before.
  bool is_resumed() const { return facts_.is_resumed; }
  /// Who the client is by its certificate; null if it showed none, and before the handshake is over. Stays as long as the codec.
  const ClientIdentity* identity() const { return identity_.get(); }
  /// Only once established. The views stay as long as the codec.
  Facts facts() const { return facts_; }

  /// Received records, which `open` reads until it returns anything but plaintext. Borrowed until then.
  void feed(ByteView bytes) { wire_.set_input(bytes); }
  /// Decrypts into `room`, and says in `count` how many bytes. Goes on with the handshake if it is not over.
  Opened open(MutableBytes room, std::size_t& count);
  /// Whether anything is left for `open`. Without, the next call would only find that out.
  bool has_more() const {
    return wire_.input_left() > 0 || (has_records() ? records_->has_plaintext() : SSL_has_pending(ssl_.get()) == 1);
  }
  /// Whether OpenSSL has failed: nothing can be opened or sealed any more.
  bool is_broken() const { return is_broken_; }
  /// With TLS 1.2 false if the peer owes the rest of a message first. Then OpenSSL must not seal.
  bool can_seal() const { return is_established_ && (has_records() || SSL_in_init(ssl_.get()) == 0); }
  /// Plaintext of earlier records that the next receive may bring beside its own size.
  std::size_t held_bytes_max() const {
    return (has_records() ? records_->holds_any() : SSL_has_pending(ssl_.get()) == 1) ? record_bytes_max : 0;
  }

  /// Encrypts `pieces` as one run of records. Only once established. False if OpenSSL fails: the connection cannot go on.
  bool seal(std::span<const ByteView> pieces);
  /// Room for the records of `bytes` bytes.
  static std::size_t sealed_bytes_max(std::size_t bytes) {
    return bytes + (bytes / record_bytes_max + 2) * record_overhead_bytes;
  }
  /// The peer sends nothing any more. True the first time.
  bool note_end() { return !std::exchange(has_ended_, true); }
  bool has_ended() const { return has_ended_; }
  /// Writes close_notify, once. Nothing may be sealed afterwards.
  void close();

 private:
  static void on_message(int is_written, int version, int type, const void* bytes, std::size_t size, SSL* ssl, void* self);
  static void on_secret(const SSL* ssl, const char* line);
  void begin_records(const SSL* ssl);
  bool has_records() const { return ssl_ == nullptr && records_ != nullptr; }
  Opened shake_hands();
  bool settle();
  bool note_facts();
  bool give_up_ssl();
  Opened read(MutableBytes room, std::size_t& count);
  Opened judge_failure(int result);
  bool write(ByteView bytes);
  bool seal_by_openssl(std::span<const ByteView> pieces);

  Wire& wire_;
  std::shared_ptr<const Context> context_;  // until the handshake is over
  SslPtr ssl_;                              // with TLS 1.3 until the handshake is over
  std::unique_ptr<Records> records_;        // with TLS 1.3 from the end of the server's flight on
  std::unique_ptr<const ClientIdentity> identity_;
  Facts facts_;  // its server name is in host_
  std::string host_;
  std::vector<std::uint8_t> gathered_;  // received, not yet read
  std::vector<std::uint8_t> fed_;       // what `open` reads of it
  std::uint8_t interruptions_ = 0;      // with TLS 1.2: handshake records since plaintext last came
  bool has_answered_ = false;           // more than a HelloRetryRequest: no ClientHello follows
  bool is_established_ = false;
  bool is_broken_ = false;  // an error of OpenSSL: it must not be used any more
  bool is_closed_ = false;  // our close_notify was written
  bool has_ended_ = false;  // the peer's close_notify or its FIN came
};

}  // namespace ringgate::tls
