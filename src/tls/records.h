// Records of TLS 1.3 after the handshake: opened and sealed with the keys that OpenSSL agreed on (RFC 8446 section 5).
//
// Ciphers are OpenSSL's; here are only the record's form, sequence numbers, KeyUpdate and alerts. Not for TLS 1.2, and not for
// handshakes. So an idle connection need not keep OpenSSL's object for it, and no byte is copied (decision 0026). Owned by a codec;
// owner shard. Invariant: nothing of a record is given out before its tag was verified.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "ringgate/bytes.h"
#include "tls/record_keys.h"
#include "tls/wire.h"

namespace ringgate::tls {

enum class Opened : std::uint8_t {
  plaintext,  // bytes were written to the room; there may be more
  nothing,    // everything received is used up
  finished,   // the peer's close_notify: nothing follows
  failed,     // an alert may have to be sent, then the connection ends
};

/// RFC 8446 section 6.
enum class Alert : std::uint8_t {
  close_notify = 0,
  unexpected_message = 10,
  bad_record_mac = 20,
  record_overflow = 22,
  illegal_parameter = 47,
  decode_error = 50,
  internal_error = 80,
  user_canceled = 90,
};

class Records {
 public:
  Records(Wire& wire, const Suite& suite) : wire_(wire), suite_(suite) {}
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  // -- While OpenSSL ends the handshake.
  /// `server_application_traffic_secret_0` if it is ours, else `client_application_traffic_secret_0`. False without memory.
  bool use_secret(bool is_ours, ByteView secret) {
    if (is_ours) return sealing_.start(suite_, secret);
    return can_open_ = opening_.start(suite_, secret);
  }
  /// OpenSSL has sealed a record with our secret, such as a ticket.
  void note_sealed() { sealing_.skip(); }
  bool is_ready() const { return can_open_; }
  /// Longer plaintext is cut, and the peer's is refused (RFC 6066 section 4).
  void set_fragment_bytes_max(std::size_t bytes) { fragment_bytes_max_ = bytes; }

  // -- Afterwards.
  /// Opens the next record of the wire's input, and goes past those without data. After `failed` nothing must be called but the
  /// destructor.
  Opened open(MutableBytes room, std::size_t& count);
  /// Writes `pieces` to the wire as one run of records, with a KeyUpdate between if one is due. False without memory.
  bool seal(std::span<const ByteView> pieces);
  /// Writes close_notify. False without memory.
  bool close() { return send_alert(Alert::close_notify); }
  /// Plaintext that had no room.
  bool has_plaintext() const { return !plaintext_.empty(); }
  /// The beginning of a record, or plaintext.
  bool holds_any() const { return has_plaintext() || !partial_.empty(); }

 private:
  struct Content {
    std::uint8_t type = 0;
    ByteView bytes;
  };
  /// Nothing: go on with the next record. An alert: send it, then the connection ends.
  using Taken = std::expected<std::optional<Opened>, Alert>;

  std::expected<ByteView, Alert> next_record();
  std::expected<Content, Alert> unseal(ByteView record, MutableBytes room);
  Taken take(const Content& content, std::size_t& count);
  Taken take_other(const Content& content);
  Taken take_alert(ByteView bytes);
  Taken take_handshake(ByteView bytes);
  Opened give_plaintext(MutableBytes room, std::size_t& count);
  bool send_alert(Alert alert);
  bool renew_keys();
  template <typename Pieces>
  bool seal_record(std::uint8_t type, std::size_t bytes, Pieces&& next_piece);

  Wire& wire_;
  const Suite& suite_;
  RecordKeys sealing_;
  RecordKeys opening_;
  std::vector<std::uint8_t> partial_;    // the beginning of a record
  std::vector<std::uint8_t> plaintext_;  // of a record that was longer than the room
  std::size_t plaintext_given_ = 0;
  std::size_t fragment_bytes_max_ = record_bytes_max;
  std::array<std::uint8_t, 5> message_{};  // a KeyUpdate, which may come in pieces
  std::uint8_t message_bytes_ = 0;
  std::uint8_t interruptions_ = 0;  // records since data last came that were not empty
  std::uint8_t empties_ = 0;        // and empty ones
  bool can_open_ = false;
  bool owes_key_update_ = false;  // before the next data (RFC 8446 section 4.6.3); one answers all that were asked for
  bool has_asked_ = false;        // for new keys instead of worn out ones, which did not come yet
  bool has_finished_ = false;
};

}  // namespace ringgate::tls
