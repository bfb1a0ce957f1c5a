#include "tls/records.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/try_resize.h"

namespace ringgate::tls {
namespace {

constexpr std::size_t header_bytes = 5;
constexpr std::size_t sealed_bytes_max = record_bytes_max + 256;  // RFC 8446 section 5.2
constexpr std::uint8_t key_update = 24;                           // RFC 8446 section 4
constexpr std::uint8_t fatal = 2;

/// Without data between them. The same as OpenSSL's for empty records.
constexpr std::uint8_t interruptions_max = 16;
constexpr std::uint8_t empties_max = 32;

enum ContentType : std::uint8_t { alert_type = 21, handshake_type = 22, application_data_type = 23 };

/// Of the record that `bytes` begin with, header included; 0 if they do not say so yet.
std::expected<std::size_t, Alert> size_of_record(ByteView bytes) {
  if (!bytes.empty() && bytes[0] != application_data_type) return std::unexpected(Alert::unexpected_message);
  if (bytes.size() < header_bytes) return 0U;
  const std::size_t sealed = std::size_t{bytes[3]} << 8U | bytes[4];
  if (sealed > sealed_bytes_max) return std::unexpected(Alert::record_overflow);
  if (sealed <= tag_bytes) return std::unexpected(Alert::bad_record_mac);
  return header_bytes + sealed;
}

/// The one alert behind which the connection goes on.
bool is_user_canceled(ByteView alert) { return alert.size() == 2 && Alert{alert[1]} == Alert::user_canceled; }

}  // namespace

// -- Receiving

Opened Records::open(MutableBytes room, std::size_t& count) {
  count = 0;
  if (has_plaintext()) return give_plaintext(room, count);
  while (!has_finished_) {
    const auto record = next_record();
    if (record && record->empty()) return Opened::nothing;
    const auto content = record ? unseal(*record, room) : std::unexpected(record.error());
    const Taken taken = content ? take(*content, count) : std::unexpected(content.error());
    partial_ = {};
    if (!taken) {
      (void)send_alert(taken.error());
      return Opened::failed;
    }
    if (has_plaintext()) return give_plaintext(room, count);
    if (*taken) return **taken;
  }
  return Opened::finished;
}

/// A whole record, of the input or of what earlier input began; empty: not yet.
std::expected<ByteView, Alert> Records::next_record() {
  while (true) {
    const ByteView input = wire_.input();
    const ByteView begun = partial_.empty() ? input : ByteView(partial_);
    const auto size = size_of_record(begun);
    if (!size) return std::unexpected(size.error());
    if (*size > 0 && begun.size() >= *size) {
      if (partial_.empty()) wire_.skip_input(*size);
      return begun.first(*size);
    }
    const std::size_t wanted = (*size > 0 ? *size : header_bytes) - partial_.size();
    const ByteView more = input.first(std::min(wanted, input.size()));
    if (more.empty()) return ByteView();
    if (!try_append(partial_, more)) return std::unexpected(Alert::internal_error);
    wire_.skip_input(more.size());
  }
}

/// Decrypts into `room`, or into memory of its own if that is too small.
std::expected<Records::Content, Alert> Records::unseal(ByteView record, MutableBytes room) {
  const ByteView header = record.first(header_bytes), tag = record.last(tag_bytes);
  const ByteView sealed = record.subspan(header_bytes, record.size() - header_bytes - tag_bytes);
  if (room.size() < sealed.size()) {
    if (!try_resize(plaintext_, sealed.size())) return std::unexpected(Alert::internal_error);
    room = plaintext_;
  }
  EVP_CIPHER_CTX* const cipher = suite_.opening.get();
  const auto nonce = opening_.next_nonce();
  int written = 0;
  const bool is_genuine =
      EVP_DecryptInit_ex2(cipher, nullptr, opening_.key(), nonce.data(), nullptr) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, tag_bytes, const_cast<std::uint8_t*>(tag.data())) == 1 &&
      EVP_DecryptUpdate(cipher, nullptr, &written, header.data(), header_bytes) == 1 &&
      EVP_DecryptUpdate(cipher, room.data(), &written, sealed.data(), static_cast<int>(sealed.size())) == 1 &&
      EVP_DecryptFinal_ex(cipher, room.data() + written, &written) == 1;
  if (!is_genuine) {
    ERR_clear_error();
    plaintext_ = {};
    return std::unexpected(Alert::bad_record_mac);
  }
  std::size_t size = sealed.size();  // padding, then the type, from behind
  while (size > 0 && room[size - 1] == 0) --size;
  if (size == 0) return std::unexpected(Alert::unexpected_message);
  // Padding counts for the one limit, but not for the other (RFC 8446 section 5.4, RFC 6066 section 4).
  if (sealed.size() > record_bytes_max + 1 || size - 1 > fragment_bytes_max_) return std::unexpected(Alert::record_overflow);
  return Content{room[size - 1], room.first(size - 1)};
}

Records::Taken Records::take(const Content& content, std::size_t& count) {
  if (content.type != application_data_type || content.bytes.empty()) {
    const bool is_data = content.type == application_data_type;
    // What ends the connection interrupts nothing: however many records were before it, it is an end.
    const bool is_end = content.type == alert_type && !is_user_canceled(content.bytes);
    const bool is_too_much = is_data ? ++empties_ > empties_max : !is_end && ++interruptions_ > interruptions_max;
    if (is_too_much || (message_bytes_ > 0 && content.type != handshake_type)) return std::unexpected(Alert::unexpected_message);
    const Taken taken = is_data ? Taken(std::nullopt) : take_other(content);
    plaintext_ = {};
    return taken;
  }
  if (message_bytes_ > 0) return std::unexpected(Alert::unexpected_message);  // RFC 8446 section 5.1
  interruptions_ = empties_ = 0;
  count = content.bytes.size();
  if (has_plaintext()) plaintext_.resize(count);  // `open` gives of it what there is room for
  return Opened::plaintext;
}

Records::Taken Records::take_other(const Content& content) {
  if (content.type == alert_type) return take_alert(content.bytes);
  if (content.type == handshake_type) return take_handshake(content.bytes);
  return std::unexpected(Alert::unexpected_message);
}

Opened Records::give_plaintext(MutableBytes room, std::size_t& count) {
  count = std::min(room.size(), plaintext_.size() - plaintext_given_);
  std::memcpy(room.data(), plaintext_.data() + plaintext_given_, count);
  plaintext_given_ += count;
  if (plaintext_given_ == plaintext_.size()) {
    plaintext_ = {};
    plaintext_given_ = 0;
  }
  return Opened::plaintext;
}

Records::Taken Records::take_alert(ByteView bytes) {
  if (bytes.size() != 2) return std::unexpected(bytes.empty() ? Alert::unexpected_message : Alert::decode_error);
  const Alert alert{bytes[1]};
  if (is_user_canceled(bytes)) return std::nullopt;
  has_finished_ = alert == Alert::close_notify;
  return has_finished_ ? Opened::finished : Opened::failed;
}

/// After the handshake a client sends no message but KeyUpdate, with which its record ends (RFC 8446 sections 4.6.3 and 5.1).
Records::Taken Records::take_handshake(ByteView bytes) {
  if (bytes.empty() || bytes.size() > message_.size() - message_bytes_) return std::unexpected(Alert::unexpected_message);
  for (const std::uint8_t byte : bytes) message_[message_bytes_++] = byte;
  if (message_[0] != key_update) return std::unexpected(Alert::unexpected_message);
  if (message_bytes_ < message_.size()) return std::nullopt;
  message_bytes_ = 0;
  if (message_[1] != 0 || message_[2] != 0 || message_[3] != 1) return std::unexpected(Alert::decode_error);
  if (message_[4] > 1) return std::unexpected(Alert::illegal_parameter);
  if (message_[4] == 1) owes_key_update_ = true;
  has_asked_ = false;
  if (!opening_.update(suite_)) return std::unexpected(Alert::internal_error);
  return std::nullopt;
}

// -- Sending

bool Records::seal(std::span<const ByteView> pieces) {
  std::size_t left = 0;
  for (const ByteView piece : pieces) left += piece.size();
  std::size_t index = 0, at = 0;  // what of the pieces is sealed
  while (left > 0) {
    const std::size_t bytes = std::min(left, fragment_bytes_max_);
    const auto next_piece = [&](std::size_t wanted) {
      while (at == pieces[index].size()) {
        ++index;
        at = 0;
      }
      const ByteView piece = pieces[index].subspan(at, std::min(wanted, pieces[index].size() - at));
      at += piece.size();
      return piece;
    };
    if (!renew_keys() || !seal_record(application_data_type, bytes, next_piece)) return false;
    left -= bytes;
  }
  return true;
}

/// Seals `bytes` bytes that `next_piece` gives, at most so many at a time as it is asked for.
template <typename Pieces>
bool Records::seal_record(std::uint8_t type, std::size_t bytes, Pieces&& next_piece) {
  const std::size_t sealed = bytes + sizeof type + tag_bytes;
  std::uint8_t* const header = wire_.claim(header_bytes + sealed);
  if (header == nullptr) return false;
  std::uint8_t* out = header + header_bytes;
  const std::uint8_t begin[header_bytes] = {application_data_type, 3, 3, static_cast<std::uint8_t>(sealed >> 8U),
                                            static_cast<std::uint8_t>(sealed & 0xFFU)};
  std::memcpy(header, begin, header_bytes);
  EVP_CIPHER_CTX* const cipher = suite_.sealing.get();
  const auto nonce = sealing_.next_nonce();
  int written = 0;
  bool is_good = EVP_EncryptInit_ex2(cipher, nullptr, sealing_.key(), nonce.data(), nullptr) == 1 &&
                 EVP_EncryptUpdate(cipher, nullptr, &written, begin, header_bytes) == 1;
  for (std::size_t left = bytes; is_good && left > 0;) {
    const ByteView piece = next_piece(left);
    is_good = EVP_EncryptUpdate(cipher, out, &written, piece.data(), static_cast<int>(piece.size())) == 1;
    out += piece.size();
    left -= piece.size();
  }
  return is_good && EVP_EncryptUpdate(cipher, out, &written, &type, sizeof type) == 1 &&
         EVP_EncryptFinal_ex(cipher, out + sizeof type, &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, tag_bytes, out + sizeof type) == 1;
}

bool Records::send_alert(Alert alert) {
  const std::array<std::uint8_t, 2> content{alert == Alert::close_notify ? std::uint8_t{1} : fatal,
                                            static_cast<std::uint8_t>(alert)};
  return seal_record(alert_type, content.size(), [&](std::size_t) { return ByteView(content); });
}

/// Before data: a KeyUpdate if the peer asked for one, or keys are worn out. A peer that does not answer is not asked again: how many
/// records its keys seal is up to it (RFC 8446 section 5.5).
bool Records::renew_keys() {
  const bool asks = !has_asked_ && opening_.are_worn_out(suite_);
  if (!owes_key_update_ && !asks && !sealing_.are_worn_out(suite_)) return true;
  const std::array<std::uint8_t, 5> message{key_update, 0, 0, 1, static_cast<std::uint8_t>(asks ? 1 : 0)};
  owes_key_update_ = false;
  has_asked_ |= asks;
  return seal_record(handshake_type, message.size(), [&](std::size_t) { return ByteView(message); }) && sealing_.update(suite_);
}

}  // namespace ringgate::tls
