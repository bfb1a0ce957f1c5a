#include "dispatch/connection_access.h"

#include "base/assert.h"
#include "dispatch/upgrade_facts.h"

namespace ringgate::dispatch {

SendOutcome ConnectionAccess::send(MessageView message, SendOptions options) {
  if (!may_send()) return SendOutcome::closing;
  const ByteView compressed =
      options.compress == Compress::no ? ByteView{} : session_.compressed_frame(connection_, message.type, message.payload);
  if (!compressed.empty()) {
    session_.transport_.write(connection_, compressed);
  } else {
    write_plain(message.type, message.payload);
  }
  session_.count_message_out(connection_, message.type, message.payload.size());
  return session_.outcome_of_send(connection_);
}

SendOutcome ConnectionAccess::send(const PreparedMessage& message, SendOptions options) {
  const ws::MessageRef encoded = ws::MessageRef::share(message.encoded());
  if (!may_send()) return SendOutcome::closing;
  if (options.compress == Compress::no) session_.transport_.write(connection_, encoded);
  else session_.write_message(connection_, encoded, Audience::many);
  session_.count_message_out(connection_, encoded->type(), encoded->payload().size());
  return session_.outcome_of_send(connection_);
}

std::string ConnectionAccess::path_id() {
  const DeviceSide* const side = record().side;
  if (side != nullptr && side->words != nullptr && !side->words->path_id.empty()) return side->words->path_id;
  return admission::PathPattern(path()).has_id() ? std::string(record().id.view()) : std::string{};
}

std::string_view ConnectionAccess::subprotocol() {
  const std::uint8_t index = record().subprotocol_index;
  if (index == 0) return {};
  if (index == subprotocol_aside) return record().side->words->subprotocol;
  return session_.settings_.routes[record().route_index].subprotocols[index - 1U];
}

std::optional<TlsFacts> ConnectionAccess::tls() const { return tls_facts_of(session_.transport_, connection_); }

std::optional<CompressionFacts> ConnectionAccess::compression() {
  if ((connection_.session_flags & DeviceFlags::compresses) == 0) return std::nullopt;
  const DeflateState* const state = DeviceSession::deflate_of(record());
  if (state == nullptr) return CompressionFacts{};  // full windows without context
  return CompressionFacts{.server_window_bits = state->agreement.server_window_bits,
                          .client_window_bits = state->agreement.client_window_bits,
                          .server_context_takeover = state->agreement.server_context_takeover,
                          .client_context_takeover = state->agreement.client_context_takeover};
}

std::optional<std::chrono::milliseconds> ConnectionAccess::rtt() {
  const std::uint16_t known_ms = record().rtt_ms;
  return known_ms == 0 ? std::nullopt : std::optional(std::chrono::milliseconds(known_ms));
}

void ConnectionAccess::write_plain(MessageType type, ByteView payload) {
  std::array<std::uint8_t, limits::server_header_bytes_max> header;
  const std::size_t header_bytes = ws::write_header(header.data(), type, payload.size());
  session_.transport_.write(connection_, {header.data(), header_bytes});
  session_.transport_.write(connection_, payload);
}

void ConnectionAccess::echo() {
  RINGGATE_ASSERT(event_ != nullptr && !echoed_);
  if (!may_send()) return;
  echoed_ = true;
  const ByteView compressed = session_.compressed_frame(connection_, event_->type, event_->payload);
  if (!compressed.empty()) {
    session_.transport_.write(connection_, compressed);
  } else if (event_->assembled != nullptr && event_->payload.size() <= limits::copied_message_bytes_max) {
    write_plain(event_->type, event_->payload);  // copying is cheaper than lending a buffer
  } else {
    lent_payload_ = true;
    session_.transport_.write_in_place(connection_, event_->type, event_->payload);
  }
  session_.count_message_out(connection_, event_->type, event_->payload.size());
}

}  // namespace ringgate::dispatch

namespace ringgate {

std::string_view Connection::device_id() const { return access_.record().id.view(); }
std::string_view Connection::path() const { return access_.path(); }
std::string Connection::remote() const { return access_.remote(); }
ConnectionRef Connection::ref() const { return access_.ref(); }
std::string Connection::path_id() const { return access_.path_id(); }
std::string_view Connection::subprotocol() const { return access_.subprotocol(); }
std::optional<TlsFacts> Connection::tls() const { return access_.tls(); }
std::optional<CompressionFacts> Connection::compression() const { return access_.compression(); }
std::optional<std::chrono::milliseconds> Connection::rtt() const { return access_.rtt(); }
SendOutcome Connection::send(MessageView message, SendOptions options) { return access_.send(message, options); }
SendOutcome Connection::send(const PreparedMessage& message, SendOptions options) { return access_.send(message, options); }
void Connection::echo() { access_.echo(); }
void Connection::pause() { access_.pause(); }
void Connection::resume() { access_.resume(); }
void Connection::close(CloseCode code, std::string_view reason) { access_.close(code, reason); }
std::uint64_t Connection::queued_bytes() const { return access_.queued_bytes(); }
void*& Connection::user_data() { return access_.record().user_data; }

std::string ConnectionRef::text() const {
  std::string out(16, '0');
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = "0123456789abcdef"[(word >> (60 - 4 * i)) & 15];
  return out;
}

}  // namespace ringgate
