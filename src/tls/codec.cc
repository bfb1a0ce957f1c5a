#include "tls/codec.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>

#include "base/assert.h"
#include "base/try_resize.h"

namespace ringgate::tls {
namespace {

constexpr std::uint8_t handshake_type = 22;  // of a record, and of OpenSSL's callback
constexpr std::uint8_t server_hello = 2;     // and HelloRetryRequest
constexpr std::uint8_t finished = 20;
constexpr std::uint8_t key_update = 24;

/// SSL_CTX_set_keylog_callback(3). A secret in hexadecimal follows the client's random number, both behind a space.
constexpr std::string_view our_secret = "SERVER_TRAFFIC_SECRET_0 ";
constexpr std::string_view their_secret = "CLIENT_TRAFFIC_SECRET_0 ";
constexpr std::size_t secret_bytes_max = 48;

/// Of handshake records after the handshake. Each asks for new keys, or for a renegotiation that is refused: either costs time, and an
/// answer that waits if the peer does not read. OpenSSL itself bounds empty records and warnings.
constexpr std::uint8_t interruptions_max = 16;

/// What SSL_get_error(3) needs before each call. To empty an empty queue, OpenSSL goes through all of its 16 places.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

/// How many bytes `out` was given: as many as it has room for at most.
std::size_t read_hexadecimal(std::string_view text, MutableBytes out) {
  const std::size_t bytes = std::min(text.size() / 2, out.size());
  for (std::size_t i = 0; i < bytes; ++i) std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, out[i], 16);
  return bytes;
}

}  // namespace

HelloState Codec::gather(ByteView bytes) {
  RINGGATE_ASSERT(!is_established_);
  if (!try_append(gathered_, bytes)) return HelloState::no_memory;
  return judge();
}

HelloState Codec::judge() {
  if (has_answered_) return gathered_.empty() ? HelloState::incomplete : HelloState::whole;
  return judge_client_hello(gathered_).state;
}

bool Codec::proceed(const std::shared_ptr<const Context>& context) {
  if (ssl_ == nullptr) {
    ERR_clear_error();
    ssl_ = context->accept();
    if (!ssl_) return false;
    context_ = context;
    SSL_set_accept_state(ssl_.get());
    BIO_up_ref(wire_.bio());
    BIO_up_ref(wire_.bio());
    SSL_set0_rbio(ssl_.get(), wire_.bio());
    SSL_set0_wbio(ssl_.get(), wire_.bio());
    if (SSL_set_app_data(ssl_.get(), this) != 1) return false;
    SSL_set_msg_callback(ssl_.get(), on_message);
    SSL_set_msg_callback_arg(ssl_.get(), this);
  }
  // Only the ClientHello: what follows it is judged when it is known whether it may.
  const std::size_t bytes = has_answered_ ? gathered_.size() : judge_client_hello(gathered_).bytes;
  const auto end = gathered_.begin() + static_cast<std::ptrdiff_t>(bytes);
  fed_.clear();
  if (!try_append(fed_, ByteView(gathered_).first(bytes))) return false;
  gathered_.erase(gathered_.begin(), end);
  if (gathered_.empty()) gathered_ = {};
  wire_.set_input(fed_);
  return true;
}

/// SSL_set_msg_callback(3). TLS 1.3 hides the type of a record, but not that of its messages; TLS 1.2 hides the message that it refuses.
void Codec::on_message(int is_written, int, int type, const void* bytes, std::size_t size, SSL* ssl, void* self) {
  Codec& codec = *static_cast<Codec*>(self);
  if (size == 0) return;
  const std::uint8_t first = *static_cast<const std::uint8_t*>(bytes);
  if (is_written != 0 && type == handshake_type && first != server_hello) codec.has_answered_ = true;
  // Behind a Finished, OpenSSL makes the secret of whoever sent it. Telling of a secret takes microseconds, so it tells of few.
  if (type == handshake_type && first == finished && SSL_version(ssl) == TLS1_3_VERSION)
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), on_secret);
  if (is_written != 0 && type == SSL3_RT_HEADER && codec.records_ != nullptr) codec.records_->note_sealed();
  if (is_written != 0 || !codec.is_established_) return;
  const bool interrupts = (type == SSL3_RT_HEADER && first == handshake_type) || (type == handshake_type && first == key_update);
  if (!interrupts || ++codec.interruptions_ <= interruptions_max) return;
  codec.is_broken_ = true;
  codec.wire_.set_input({});  // OpenSSL would go on to the last of them
}

/// SSL_CTX_set_keylog_callback(3). Below are frames of OpenSSL, through which nothing must be thrown.
void Codec::on_secret(const SSL* ssl, const char* line) {
  const std::string_view text(line);
  const bool is_ours = text.starts_with(our_secret);
  if (!is_ours && !text.starts_with(their_secret)) return;
  SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), nullptr);
  Codec& codec = *static_cast<Codec*>(SSL_get_app_data(ssl));
  std::array<std::uint8_t, secret_bytes_max> secret;
  const std::size_t bytes = read_hexadecimal(text.substr(text.rfind(' ') + 1), secret);
  if (is_ours) codec.begin_records(ssl);
  if (codec.records_ != nullptr && !codec.records_->use_secret(is_ours, ByteView(secret).first(bytes))) codec.records_.reset();
  OPENSSL_cleanse(secret.data(), secret.size());
}

/// Leaves none without memory; `settle` says so.
void Codec::begin_records(const SSL* ssl) {
  const Suite* const suite = wire_.suite(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));
  if (suite != nullptr) records_.reset(new (std::nothrow) Records(wire_, *suite));
}

/// The handshake is over. False if there is no memory.
bool Codec::settle() {
  if (const X509* const certificate = SSL_get0_peer_certificate(ssl_.get()); certificate != nullptr) {
    identity_ = read_client_identity(certificate);
    if (identity_ == nullptr) return false;
  }
  if (!note_facts()) return false;
  context_.reset();
  if (SSL_version(ssl_.get()) == TLS1_3_VERSION && !give_up_ssl()) return false;
  is_established_ = true;
  return true;
}

bool Codec::note_facts() {
  const char* const host = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  try {
    host_ = host != nullptr ? host : "";
  } catch (const std::bad_alloc&) {
    return false;
  }
  const unsigned char* protocol = nullptr;
  unsigned int protocol_bytes = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &protocol_bytes);
  facts_ = {.version = SSL_get_version(ssl_.get()),
            .cipher = SSL_get_cipher_name(ssl_.get()),
            .server_name = host_,
            .protocol = protocol_bytes > 0 ? "http/1.1" : "",  // there is no other
            .is_resumed = SSL_session_reused(ssl_.get()) == 1};
  return true;
}

/// OpenSSL reads record by record, and none after the handshake: what follows is in the wire's input still.
bool Codec::give_up_ssl() {
  if (records_ == nullptr || !records_->is_ready() || SSL_has_pending(ssl_.get()) == 1) return false;
  const std::uint8_t fragment = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl_.get()));
  if (fragment != TLSEXT_max_fragment_length_DISABLED)
    records_->set_fragment_bytes_max(std::size_t{512} << (fragment - TLSEXT_max_fragment_length_512));
  ssl_.reset();
  return true;
}

Opened Codec::open(MutableBytes room, std::size_t& count) {
  RINGGATE_ASSERT((ssl_ != nullptr || has_records()) && !room.empty());
  count = 0;
  if (is_broken_) return Opened::failed;
  Opened opened = is_established_ ? Opened::plaintext : shake_hands();
  if (is_established_) opened = has_records() ? records_->open(room, count) : read(room, count);
  if (opened == Opened::plaintext) {
    interruptions_ = 0;
    if (!has_more()) fed_ = {};
    return opened;
  }
  wire_.set_input({});  // else whoever uses the wire next would read it
  fed_ = {};
  is_broken_ |= opened == Opened::failed;
  return opened;
}

/// Goes on with the handshake; if it is over, data may follow.
Opened Codec::shake_hands() {
  forget_errors();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return judge_failure(result);
  return settle() ? Opened::nothing : Opened::failed;
}

Opened Codec::read(MutableBytes room, std::size_t& count) {
  forget_errors();
  const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &count);
  if (is_broken_) return Opened::failed;
  return result == 1 ? Opened::plaintext : judge_failure(result);
}

Opened Codec::judge_failure(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Opened::nothing;
    case SSL_ERROR_ZERO_RETURN: return Opened::finished;
    default:
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) wire_.refusal = {"no certificate", ""};
      ERR_clear_error();
      return Opened::failed;
  }
}

bool Codec::write(ByteView bytes) {
  forget_errors();
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1 && written == bytes.size()) return true;
  ERR_clear_error();
  is_broken_ = true;
  return false;
}

bool Codec::seal(std::span<const ByteView> pieces) {
  if (is_broken_ || is_closed_) return false;
  if (!has_records()) return seal_by_openssl(pieces);
  if (records_->seal(pieces)) return true;
  ERR_clear_error();
  is_broken_ = true;
  return false;
}

bool Codec::seal_by_openssl(std::span<const ByteView> pieces) {
  if (pieces.size() == 1) return write(pieces[0]);
  // Small pieces share a record. Whole records of a large piece are not copied.
  auto& staging = wire_.staging();
  std::size_t staged = 0;
  for (ByteView piece : pieces) {
    while (!piece.empty()) {
      if (staged == 0 && piece.size() >= record_bytes_max) {
        const std::size_t whole = piece.size() / record_bytes_max * record_bytes_max;
        if (!write(piece.first(whole))) return false;
        piece = piece.subspan(whole);
        continue;
      }
      const std::size_t taken = std::min(piece.size(), staging.size() - staged);
      std::memcpy(staging.data() + staged, piece.data(), taken);
      staged += taken;
      piece = piece.subspan(taken);
      if (staged < staging.size()) continue;
      if (!write(staging)) return false;
      staged = 0;
    }
  }
  return staged == 0 || write({staging.data(), staged});
}

void Codec::close() {
  if (!is_established_ || is_broken_ || is_closed_) return;
  is_closed_ = true;
  ERR_clear_error();
  if (has_records()) (void)records_->close();
  else (void)SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace ringgate::tls
