// Where OpenSSL reads records and writes them: spans of memory, no socket. One for all codecs of a shard.
//
// Reads come from the bytes that were just received. Writes go to room that the caller lends, and to memory of the wire once that
// is full, so OpenSSL never waits to write; without memory the write fails, which ends the connection. Owned by the transport; owner shard.
// Invariant: what a codec wrote is taken before another codec is used.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringgate/bytes.h"
#include "tls/record_keys.h"

namespace ringgate::tls {

/// The longest plaintext of one record (RFC 8446 section 5.1).
inline constexpr std::size_t record_bytes_max = 16 * 1024;
/// What a record adds to its plaintext at most: header, nonce of TLS 1.2 or content type of TLS 1.3, tag.
inline constexpr std::size_t record_overhead_bytes = 5 + 8 + 16;

/// Why a client's certificate was refused.
struct Refusal {
  std::string_view cause;  // static; empty: none was refused
  std::string subject;     // of the certificate at fault
};

class Wire {
 public:
  Wire();
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// The next reads take these bytes.
  void set_input(ByteView bytes) { input_ = bytes; }
  std::size_t input_left() const { return input_.size(); }
  ByteView input() const { return input_; }
  void skip_input(std::size_t bytes) { input_ = input_.subspan(bytes); }

  /// The next writes go to `room`; what does not fit there goes to memory of the wire.
  void lend(MutableBytes room) {
    room_ = room;
    room_used_ = 0;
  }
  /// How much of the lent room was written. The room is no longer used.
  std::size_t end_lending() {
    room_ = {};
    return std::exchange(room_used_, 0);
  }
  /// What was written without room. Valid until the next write.
  ByteView output() const { return output_; }
  /// Forgets the output, and memory beyond the ordinary.
  void clear_output();

  /// OpenSSL's side; shared by all connections of the wire.
  BIO* bio() const { return bio_; }
  static Wire& of(const BIO* bio);
  /// Of the codec used last. Whoever ends its connection takes it.
  Refusal refusal;
  /// Memory in which a codec puts small pieces together.
  std::array<std::uint8_t, record_bytes_max>& staging() { return staging_; }

  /// For a suite of TLS 1.3 by its number (RFC 8446 appendix B.4); null: unknown, or OpenSSL does not have it.
  const Suite* suite(std::uint32_t code) const;
  /// Memory at the end of what was written, for the caller to write; null if there is none.
  std::uint8_t* claim(std::size_t bytes);

  // -- For the BIO.
  std::size_t read(MutableBytes out);
  /// False if there is no memory; then nothing was written.
  bool write(ByteView bytes);

 private:
  BIO* bio_ = nullptr;
  ByteView input_;
  MutableBytes room_;
  std::size_t room_used_ = 0;
  std::vector<std::uint8_t> output_;
  std::array<std::uint8_t, record_bytes_max> staging_;
  const std::array<Suite, 3> suites_;
};

}  // namespace ringgate::tls
