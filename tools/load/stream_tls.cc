// A stream with TLS: its records become bytes for the derived class, its output becomes records when it is sent.
#include <array>
#include <cerrno>

#include "load/stream.h"

namespace ringgate::load {

void Stream::begin_tls() {
  secure_->client.start(secure_->resumes ? &session_ : nullptr, secure_->sealed);
  output_grew();
}

void Stream::take_records(ByteView records) {
  std::array<std::uint8_t, tls::record_bytes_max>
      plain;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  TlsClient& client = secure_->client;
  client.feed(records);
  while (state_ == State::open) {
    const bool was_established = client.is_established();
    std::size_t count = 0;
    const TlsRead outcome = client.read(plain, count, secure_->sealed);
    if (!was_established && client.is_established()) on_connected();
    if (!secure_->sealed.empty() || !output_.empty()) output_grew();
    if (count > 0 && state_ == State::open) on_bytes({plain.data(), count});
    if (outcome == TlsRead::nothing) return;
    if (outcome == TlsRead::finished) return close({StreamEnd::Kind::peer_finished, 0});
    if (outcome == TlsRead::failed) return close({StreamEnd::Kind::failed, EPROTO});
  }
}

/// The next send: records that are made already, and those of the output once there are keys.
void Stream::seal_output() {
  if (secure_->client.is_established()) {
    secure_->client.seal(bytes_of(output_), secure_->sealed);
    output_.clear();
  }
  sending_.swap(secure_->sealed);
}

}  // namespace ringgate::load
