#include "dispatch/connection_access.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace ringgate::dispatch {

void ConnectionAccess::send(MessageView message) {
  if (!may_send()) return;
  const ByteView compressed = session_.compressed_frame(connection_, message.type, message.payload);
  if (!compressed.empty()) {
    session_.transport_.write(connection_, compressed);
  } else {
    write_plain(message.type, message.payload);
  }
  session_.count_message_out(connection_, message.type, message.payload.size());
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
void Connection::send(MessageView message) { access_.send(message); }
void Connection::echo() { access_.echo(); }
void Connection::pause() { access_.pause(); }
void Connection::resume() { access_.resume(); }
void Connection::close(CloseCode code, std::string_view reason) { access_.close(code, reason); }
std::uint64_t Connection::queued_bytes() const { return access_.queued_bytes(); }
void*& Connection::user_data() { return access_.record().user_data; }

std::string ConnectionRef::text() const { return fmt::format("{:016x}", word); }

}  // namespace ringgate
