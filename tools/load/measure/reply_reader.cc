#include "load/measure/reply_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "load/measure/raw_deflate.h"

namespace ringgate::measure {

using load::Opcode;

bool ReplyReader::fail(std::string what) {
  fault_ = fmt::format("connection {}, unit {}: {}", id_.connection, id_.number, what);
  return false;
}

ByteView ReplyReader::control_payload() const { return frames_ == nullptr ? ByteView{} : bytes_of(frames_->control); }

// Turns a position in the canonical reply into the same position of the frame reader.
void ReplyReader::enter_frames() {
  frames_ = std::make_unique<Frames>();
  Frames& f = *frames_;
  f.message = position_ / form_->reply_frame_bytes();
  const std::size_t within = position_ % form_->reply_frame_bytes();
  const std::size_t header_bytes = form_->reply_header_bytes();
  f.bytes_count = std::min(within, header_bytes);
  form_->copy_reply(id_, f.message * form_->reply_frame_bytes(), {f.bytes.data(), f.bytes_count});
  if (within < header_bytes) return;
  const std::size_t size = form_->shape().size;
  f.header = {form_->shape().payload == PayloadKind::binary ? Opcode::binary : Opcode::text, true, false, size, header_bytes};
  f.is_in_payload = f.is_in_message = true;
  f.message_bytes = within - header_bytes;
  f.payload_left = size - f.message_bytes;
}

ReplyStep ReplyReader::step_frames(ByteView& bytes) {
  if (form_->shape().protocol == Protocol::raw) {
    fail(outstanding() == 0 ? "bytes that nobody asked for" : "wrong bytes");
    return ReplyStep::fault;
  }
  if (frames_ == nullptr) enter_frames();
  for (;;) {
    Frames& f = *frames_;
    if (!f.is_in_payload && !take_header(bytes)) return ReplyStep::fault;
    if (!f.is_in_payload) return ReplyStep::need_more;
    if (!take_payload(bytes)) return ReplyStep::fault;
    if (f.payload_left != 0) return ReplyStep::need_more;
    const ReplyStep step = finish_frame();
    if (step != ReplyStep::need_more || bytes.empty()) return step;
    if (frames_ == nullptr) enter_frames();  // the next message of the run
  }
}

bool ReplyReader::take_header(ByteView& bytes) {
  Frames& f = *frames_;
  if (f.bytes_count == 0) f.control.clear();
  const auto compression = form_->shape().is_deflated ? load::Compression::agreed : load::Compression::none;
  while (!bytes.empty()) {
    f.bytes[f.bytes_count++] = bytes.front();
    bytes = bytes.subspan(1);
    const auto verdict = load::parse_server_header({f.bytes.data(), f.bytes_count}, size_max + (size_max >> 1), compression);
    if (const auto* fault = std::get_if<load::FrameFault>(&verdict)) return fail(name_of(*fault));
    if (const auto* header = std::get_if<load::ServerHeader>(&verdict)) {
      f.header = *header;
      return start_frame();
    }
  }
  return true;
}

bool ReplyReader::start_frame() {
  Frames& f = *frames_;
  f.is_in_payload = true;
  f.payload_left = f.header.payload_bytes;
  if (is_control(f.header.opcode)) return true;
  if (outstanding() == 0) return fail("a message that nobody asked for");
  const auto type = form_->shape().payload == PayloadKind::binary ? Opcode::binary : Opcode::text;
  if (f.header.opcode != (f.is_in_message ? Opcode::continuation : type))
    return fail(f.is_in_message                           ? "a new message inside a message"
                : f.header.opcode == Opcode::continuation ? "a continuation of nothing"
                                                          : "the type changed");
  if (!f.is_in_message) f.is_compressed = f.header.rsv1;
  f.is_in_message = true;
  const std::uint64_t limit = f.is_compressed ? 2 * form_->shape().size + 1024 : form_->shape().size;
  if (f.header.payload_bytes > limit - f.message_bytes) return fail("a message that is too long");
  return true;
}

bool ReplyReader::take_payload(ByteView& bytes) {
  Frames& f = *frames_;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(f.payload_left, bytes.size()));
  const ByteView piece = bytes.first(count);
  bytes = bytes.subspan(count);
  f.payload_left -= count;
  if (is_control(f.header.opcode)) {
    f.control.append(text_of(piece));
    return true;
  }
  const std::size_t before = f.message_bytes;
  f.message_bytes += count;
  if (f.is_compressed) {
    f.deflated.append(text_of(piece));
    return true;
  }
  const std::size_t at = f.message * form_->reply_frame_bytes() + form_->reply_header_bytes() + before;
  if (!form_->matches(id_, at, piece))
    return fail(fmt::format("wrong bytes in message {} of the unit, from byte {} to {}", f.message, before, f.message_bytes));
  return true;
}

ReplyStep ReplyReader::finish_frame() {
  Frames& f = *frames_;
  f.is_in_payload = false;
  f.bytes_count = 0;
  if (f.header.opcode == Opcode::ping) return ReplyStep::ping;
  if (f.header.opcode == Opcode::close) return ReplyStep::close;
  if (!is_control(f.header.opcode) && f.header.fin) return finish_message();
  if (!f.is_in_message && f.message == 0) frames_.reset();  // a pong between units
  return ReplyStep::need_more;
}

ReplyStep ReplyReader::finish_message() {
  Frames& f = *frames_;
  if (f.is_compressed ? !is_inflated_right() : f.message_bytes != form_->shape().size) {
    fail(f.is_compressed ? "wrong bytes after inflating" : "a message that is too short");
    return ReplyStep::fault;
  }
  const std::size_t message = f.message + 1;
  const bool is_unit = message == form_->shape().messages;
  frames_.reset();
  position_ = is_unit ? 0 : message * form_->reply_frame_bytes();
  if (!is_unit) return ReplyStep::need_more;
  ++id_.number;
  return ReplyStep::unit;
}

bool ReplyReader::is_inflated_right() {
  std::string payload;
  if (!inflate_message(bytes_of(frames_->deflated), form_->shape().size, payload)) return false;
  return payload.size() == form_->shape().size && form_->matches(id_, form_->reply_header_bytes(), bytes_of(payload));
}

}  // namespace ringgate::measure
