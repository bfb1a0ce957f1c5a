// A TLS client that the bytes of a fuzz input steer: what it says, how its records are made, cut, joined, changed and lost.
//
// It keeps what an honest reader may have heard of it. After `is_broken` nothing new may be heard; while `is_excused` the gate may
// end the connection, but must not hear anything else. Not the judge: that is tls_codec_fuzz.cc.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "fake_ring/fake_peer.h"
#include "fuzz_case.h"
#include "support/tls/memory_client.h"
#include "support/tls/record_forge.h"

namespace ringgate::fuzz {

class SteeredClient {
 public:
  /// `forges`: once the handshake is over it makes its records by hand, each of up to `record_bytes`.
  SteeredClient(ring::FakePeer& peer, const test::ClientOptions& options, bool forges, std::size_t record_bytes = 16'384)
      : peer_(peer), client_(options), forges_(forges), record_bytes_(record_bytes) {}

  ring::FakePeer& peer() { return peer_; }
  test::MemoryClient& tls() { return client_; }
  const std::string& said() const { return said_; }
  bool is_open() { return client_.is_open(); }
  bool is_broken() const { return is_broken_; }
  bool is_excused() const { return is_excused_; }
  bool has_finished() const { return has_finished_; }
  /// What the client's own library makes of the answers tells nothing any more: it and the gate saw different handshakes.
  bool is_confused() const { return is_confused_; }
  void excuse() { is_excused_ = true; }

  /// Reads what the gate has sent, and answers.
  void pump() {
    client_.receive(peer_.take_received());
    client_.step();
    put(client_.take_output());
    if (!forge_ && forges_ && client_.is_open() && client_.traffic_secret().size() == 32)
      forge_.emplace(client_.traffic_secret());
  }

  /// So many bytes, each told apart from its neighbours.
  void say(std::size_t count) {
    if (!client_.is_open() || has_finished_) return;
    std::string text(count, '\xEE');
    if (!is_broken_)
      for (std::size_t i = 0; i < count; ++i) text[i] = static_cast<char>('a' + (said_.size() + i) % 23);
    if (!is_broken_) said_ += text;
    if (count == 0 && ++empty_records_ > empty_records_max) is_excused_ = true;
    if (count > 0) empty_records_ = key_updates_ = 0;
    if (!forge_) {
      if (count > 0) put_written(text);
      return;
    }
    std::string_view rest = text;
    do {
      put(forge_->seal(rest.substr(0, record_bytes_), application_data));
      rest.remove_prefix(std::min(record_bytes_, rest.size()));
    } while (!rest.empty());
  }

  void update_keys(bool is_requested) {
    if (!client_.is_open() || has_finished_ || SSL_version(client_.ssl()) != TLS1_3_VERSION) return;
    if (++key_updates_ > key_updates_max) is_excused_ = true;
    if (!forge_) {
      SSL_key_update(client_.ssl(), is_requested ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
      put_written("");
      return;
    }
    put(forge_->seal({is_requested ? "\x18\x00\x00\x01\x01" : "\x18\x00\x00\x01\x00", 5}, handshake));
    forge_->update_keys();
  }

  /// Any content under good keys; what it means is the gate's to judge.
  void forge(std::uint8_t type, std::string_view content) {
    if (!forge_ || has_finished_) return;
    is_excused_ = true;
    if (type == application_data && !is_broken_) said_ += content;
    put(forge_->seal(content, type));
  }

  /// Bytes that no TLS client made.
  void inject(std::string_view bytes) {
    if (bytes.empty() || has_finished_) return;
    break_off();
    send(bytes);
  }

  void renegotiate() {
    if (!client_.is_open() || SSL_version(client_.ssl()) != TLS1_2_VERSION) return;
    SSL_renegotiate(client_.ssl());
    is_excused_ = is_confused_ = true;
    client_.step();
    put(client_.take_output());
  }

  void close_notify() {
    if (!client_.is_open() || has_finished_) return;
    if (forge_) {
      put(forge_->seal({"\x01\x00", 2}, alert));
    } else {
      SSL_shutdown(client_.ssl());
      put(client_.take_output());
    }
    release();
    has_finished_ = true;
  }
  void finish() {
    release();
    if (!client_.is_open()) is_excused_ = true;
    has_finished_ = true;
    peer_.half_close();
  }
  void reset() {
    release();
    is_excused_ = has_finished_ = true;
    peer_.reset();
  }

  // -- What happens to its next records.
  void hold() { holds_ = true; }
  void release() {
    holds_ = false;
    if (!held_.empty()) send(std::exchange(held_, {}));
  }
  void cut_next(std::size_t piece_bytes) { piece_bytes_ = piece_bytes; }
  void flip_next(std::size_t bit) { flip_ = bit; }
  void truncate_next(std::size_t keep) { keep_ = keep; }

 private:
  static constexpr std::uint8_t alert = 21, handshake = 22, application_data = 23;
  static constexpr unsigned empty_records_max = 16, key_updates_max = 16;
  static constexpr std::size_t pieces_max = 64;

  /// In a handshake the gate may pass over what was changed (RFC 8446 appendix D.4), or the handshake comes to nothing.
  void break_off() {
    is_excused_ = true;
    (client_.is_open() ? is_broken_ : is_confused_) = true;
  }

  void put_written(std::string_view text) {
    if (!text.empty()) client_.write(text);
    else SSL_do_handshake(client_.ssl());
    put(client_.take_output());
  }

  void put(std::string bytes) {
    if (bytes.empty() || has_finished_) return;
    if (flip_) {
      break_off();
      const std::size_t bit = *std::exchange(flip_, std::nullopt) % (bytes.size() * 8);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    }
    if (keep_) {
      break_off();
      bytes.resize(*std::exchange(keep_, std::nullopt) % bytes.size());
    }
    if (holds_) held_ += bytes;
    else send(std::exchange(held_, {}) + bytes);
  }

  void send(std::string_view bytes) {
    if (piece_bytes_ == 0) return peer_.send(bytes);
    const std::size_t piece = std::max(std::exchange(piece_bytes_, 0), bytes.size() / pieces_max + 1);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
      peer_.send_in_pieces(bytes_of(bytes.substr(0, piece)), {});
  }

  ring::FakePeer& peer_;
  test::MemoryClient client_;
  const bool forges_;
  const std::size_t record_bytes_;
  std::optional<test::RecordForge> forge_;
  std::string said_;
  std::string held_;
  std::size_t piece_bytes_ = 0;
  std::optional<std::size_t> flip_;
  std::optional<std::size_t> keep_;
  unsigned empty_records_ = 0;
  unsigned key_updates_ = 0;
  bool holds_ = false;
  bool is_broken_ = false;
  bool is_excused_ = false;
  bool is_confused_ = false;
  bool has_finished_ = false;
};

}  // namespace ringgate::fuzz
