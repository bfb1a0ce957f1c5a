#include "tls/codec.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/try_resize.h"

namespace ringgate::tls {
namespace {

constexpr std::uint8_t handshake_type = 22;  // of a record, and of OpenSSL's callback
constexpr std::uint8_t server_hello = 2;     // and HelloRetryRequest
constexpr std::uint8_t key_update = 24;

/// Of handshake records after the handshake. Each asks for new keys, or for a renegotiation that is refused: either costs time, and an
/// answer that waits if the peer does not read. OpenSSL itself bounds empty records and warnings.
constexpr std::uint8_t interruptions_max = 16;

/// What SSL_get_error(3) needs before each call. To empty an empty queue, OpenSSL goes through all of its 16 places.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
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
void Codec::on_message(int is_written, int, int type, const void* bytes, std::size_t size, SSL*, void* self) {
  Codec& codec = *static_cast<Codec*>(self);
  if (size == 0) return;
  const std::uint8_t first = *static_cast<const std::uint8_t*>(bytes);
  if (is_written != 0 && type == handshake_type && first != server_hello) codec.has_answered_ = true;
  if (is_written != 0 || !codec.is_established_) return;
  const bool interrupts = (type == SSL3_RT_HEADER && first == handshake_type) || (type == handshake_type && first == key_update);
  if (!interrupts || ++codec.interruptions_ <= interruptions_max) return;
  codec.is_broken_ = true;
  codec.wire_.set_input({});  // OpenSSL would go on to the last of them
}

/// The handshake is over. False if there is no memory.
bool Codec::settle() {
  if (const X509* const certificate = SSL_get0_peer_certificate(ssl_.get()); certificate != nullptr) {
    identity_ = read_client_identity(certificate);
    if (identity_ == nullptr) return false;
  }
  context_.reset();
  is_established_ = true;
  return true;
}

Facts Codec::facts() const {
  const char* const host = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  const unsigned char* protocol = nullptr;
  unsigned int protocol_bytes = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &protocol_bytes);
  return {.version = SSL_get_version(ssl_.get()),
          .cipher = SSL_get_cipher_name(ssl_.get()),
          .server_name = host != nullptr ? host : "",
          .protocol = {reinterpret_cast<const char*>(protocol), protocol_bytes},
          .is_resumed = is_resumed()};
}

Opened Codec::open(MutableBytes room, std::size_t& count) {
  RINGGATE_ASSERT(ssl_ != nullptr && !room.empty());
  count = 0;
  if (is_broken_) return Opened::failed;
  forget_errors();
  const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &count);
  if (!is_established_ && SSL_is_init_finished(ssl_.get()) == 1 && !settle()) is_broken_ = true;
  if (result == 1 && !is_broken_) {
    interruptions_ = 0;
    if (!has_more()) fed_ = {};
    return Opened::plaintext;
  }
  wire_.set_input({});  // else whoever uses the wire next would read it
  fed_ = {};
  if (is_broken_) return Opened::failed;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Opened::nothing;
    case SSL_ERROR_ZERO_RETURN: return Opened::finished;
    default:
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) wire_.refusal = {"no certificate", ""};
      ERR_clear_error();
      is_broken_ = true;
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
  (void)SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace ringgate::tls
