#include "tls/codec.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace ringgate::tls {
namespace {

constexpr int handshake_message = 22;
constexpr std::uint8_t key_update = 24;

/// Each costs new keys, and perhaps an answer. OpenSSL itself bounds empty records and warnings.
constexpr std::uint8_t key_updates_max = 32;

}  // namespace

Hello Codec::gather(ByteView bytes) {
  RINGGATE_ASSERT(!has_begun());
  gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
  return judge_client_hello(gathered_);
}

bool Codec::begin(std::shared_ptr<const Context> context) {
  RINGGATE_ASSERT(!has_begun());
  ERR_clear_error();
  ssl_ = context->accept();
  if (!ssl_) return false;
  context_ = std::move(context);
  SSL_set_accept_state(ssl_.get());
  BIO_up_ref(wire_.bio());
  BIO_up_ref(wire_.bio());
  SSL_set0_rbio(ssl_.get(), wire_.bio());
  SSL_set0_wbio(ssl_.get(), wire_.bio());
  SSL_set_msg_callback(ssl_.get(), on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
  wire_.set_input(gathered_);
  return true;
}

void Codec::on_message(int is_written, int, int type, const void* bytes, std::size_t size, SSL*, void* self) {
  if (is_written != 0 || type != handshake_message || size == 0 || *static_cast<const std::uint8_t*>(bytes) != key_update) return;
  Codec& codec = *static_cast<Codec*>(self);
  if (++codec.key_updates_ > key_updates_max) {
    codec.is_broken_ = true;
    codec.wire_.set_input({});  // OpenSSL would go on to the last of them
  }
}

Opened Codec::open(MutableBytes room, std::size_t& count) {
  RINGGATE_ASSERT(has_begun() && !room.empty());
  count = 0;
  if (is_broken_) return Opened::failed;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &count);
  if (!is_established_ && SSL_is_init_finished(ssl_.get()) == 1) {
    is_established_ = true;
    context_.reset();
  }
  if (result == 1 && !is_broken_) {
    key_updates_ = 0;
    return Opened::plaintext;
  }
  if (is_broken_) return Opened::failed;
  if (!gathered_.empty() && wire_.input_left() == 0) gathered_ = {};
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Opened::nothing;
    case SSL_ERROR_ZERO_RETURN: return Opened::finished;
    default:
      ERR_clear_error();
      is_broken_ = true;
      return Opened::failed;
  }
}

bool Codec::write(ByteView bytes) {
  ERR_clear_error();
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
