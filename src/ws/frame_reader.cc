// Reads header, payload, message. A frame that is whole in the input and a whole message is unmasked in place; every other frame
// goes byte for byte through the connection's Partial.
#include "ws/frame_reader.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/limits.h"
#include "ws/closing.h"
#include "ws/header_rules.h"
#include "ws/masking.h"
#include "ws/text_unmasking.h"
#include "ws/utf8.h"

namespace ringgate::ws {

/// The unfinished frame or message of one connection. The first three members tell its four states apart:
///   header cut          header_bytes > 0
///   payload cut         reading_payload
///   between fragments   in_message (also with one of the two above)
///   ended               is the object `ended`
struct Partial {
  std::uint8_t header_bytes = 0;  // bytes of a cut header in header_spill
  bool reading_payload = false;   // `header` is complete, its payload is not
  bool in_message = false;        // the first fragment's header was read

  bool compressed = false;  // facts of the message
  MessageType type = MessageType::binary;
  std::uint32_t fragments_count = 0;
  Utf8Stream text;
  AssemblyBuffer* message = nullptr;

  FrameHeader header;  // facts of the frame
  std::uint64_t payload_bytes_read = 0;
  AssemblyBuffer* control = nullptr;
  std::array<std::uint8_t, limits::client_header_bytes_max> header_spill{};

  Partial* next_free = nullptr;

  bool idle() const { return header_bytes == 0 && !reading_payload && !in_message; }
  bool validates() const { return type == MessageType::text && !compressed; }
};

namespace {

/// The Partial of every connection that has ended, so that an end costs no memory. Never written to.
constinit Partial ended;

std::size_t bytes_in(AssemblyBuffer* buffer) { return buffer == nullptr ? 0 : buffer->payload().size(); }

bool reading_payload(const Partial* partial) { return partial != nullptr && partial->reading_payload; }

HeaderContext context_of(const Partial* partial, const ReaderRules& rules) {
  HeaderContext context{.message_bytes_left = rules.message_bytes_max,
                        .compressed_bytes_left = rules.compressed_bytes_max,
                        .compression = rules.compression};
  if (partial != nullptr && partial->in_message) {
    context.in_message = true;
    if (partial->compressed) context.message_bytes_left = rules.compressed_bytes_max;
    context.message_bytes_left -= bytes_in(partial->message);
    context.fragments_left = partial->fragments_count < rules.fragments_max;
  }
  return context;
}

/// Begins the frame whose complete header lies in header_spill.
void begin_frame(Partial& partial) {
  partial.header = decode_header(partial.header_spill.data());
  partial.header_bytes = 0;
  partial.payload_bytes_read = 0;
  partial.reading_payload = true;
  if (is_control(partial.header.opcode)) return;
  if (!partial.in_message) {
    partial.in_message = true;
    partial.type = static_cast<MessageType>(partial.header.opcode);
    partial.compressed = partial.header.rsv1;
  }
  ++partial.fragments_count;
}

/// The largest size that the buffer of the current frame can reach, SIZE_MAX if unknown.
std::size_t buffer_bytes_max(const Partial& partial) {
  const std::uint64_t left = partial.header.payload_bytes - partial.payload_bytes_read;
  if (is_control(partial.header.opcode)) return bytes_in(partial.control) + left;
  return partial.header.fin ? bytes_in(partial.message) + left : std::numeric_limits<std::size_t>::max();
}

/// Fills `event` in place: building an Event and copying it costs as much as unmasking a short payload.
void report_message(Event& event, MessageType type, bool compressed, MutableBytes payload) {
  event.kind = EventKind::message;
  event.type = type;
  event.compressed = compressed;
  event.payload = payload;
}

}  // namespace

FrameReader::FrameReader(std::size_t assembly_bytes_max) : pool_(assembly_bytes_max) {}

FrameReader::~FrameReader() {
  while (cached_partials_ != nullptr) std::free(std::exchange(cached_partials_, cached_partials_->next_free));
}

Event FrameReader::next(MutableBytes& input, Partial*& partial, const ReaderRules& rules) {
  Event event;
  while (true) {
    if (!reading_payload(partial)) {
      if (read_whole_frame(input, partial, rules, event)) return event;
      const Violation violation = take_header(input, partial, rules);
      if (violation != Violation::none) event = fail(input, partial, violation);
      if (!reading_payload(partial)) return event;
    }
    event = read_payload(input, partial);
    if (event.kind != EventKind::need_more || input.empty()) return event;
  }
}

/// The fast path. False, and nothing is changed, if the frame is cut, is a fragment, or has a wrong header.
inline bool FrameReader::read_whole_frame(MutableBytes& input, Partial*& partial, const ReaderRules& rules, Event& event) {
  if (input.size() < 2 || (partial != nullptr && (partial->header_bytes != 0 || partial == &ended))) return false;
  const HeaderContext context = context_of(partial, rules);
  if (judge_header(input, context) != Violation::none) return false;
  const std::size_t header_bytes = header_bytes_announced(input[1]);
  if (input.size() < header_bytes) return false;
  const FrameHeader header = decode_header(input.data());
  const bool control = is_control(header.opcode);
  if (header.payload_bytes > input.size() - header_bytes || !(control || (header.fin && !context.in_message))) {
    return false;
  }
  const MutableBytes payload = input.subspan(header_bytes, header.payload_bytes);
  input = input.subspan(header_bytes + header.payload_bytes);
  if (header.opcode == Opcode::text && !header.rsv1) {
    if (unmask_text(payload, header.masking_key)) report_message(event, MessageType::text, false, payload);
    else event = fail(input, partial, Violation::text_not_utf8);
    return true;
  }
  (void)unmask(payload, header.masking_key);
  if (control) event = report_control(input, partial, header.opcode, payload);
  else report_message(event, static_cast<MessageType>(header.opcode), header.rsv1, payload);
  return true;
}

/// Gathers a header over any number of inputs. On Violation::none, either the frame has begun (`reading_payload`) or the input is
/// used up.
Violation FrameReader::take_header(MutableBytes& input, Partial*& partial, const ReaderRules& rules) {
  if (partial == &ended) input = input.last(0);
  if (input.empty()) return Violation::none;
  if (partial == nullptr && !attach(partial)) return Violation::memory_exhausted;
  auto& spill = partial->header_spill;
  while (!input.empty()) {
    const std::size_t held = partial->header_bytes;
    const std::size_t wanted = held < 2 ? 2 : header_bytes_announced(spill[1]);
    const std::size_t taken = std::min(wanted - held, input.size());
    std::memcpy(spill.data() + held, input.data(), taken);
    input = input.subspan(taken);
    partial->header_bytes = static_cast<std::uint8_t>(held + taken);
    const ByteView bytes = ByteView(spill).first(held + taken);
    const Violation violation = judge_header(bytes, context_of(partial, rules));
    if (violation != Violation::none) return violation;
    if (bytes.size() >= 2 && bytes.size() == header_bytes_announced(bytes[1])) {
      begin_frame(*partial);
      return Violation::none;
    }
  }
  return Violation::none;
}

/// Takes the part of the payload that the input has. need_more: the input is used up, or a fragment that is not the last is
/// complete.
Event FrameReader::read_payload(MutableBytes& input, Partial*& partial) {
  const FrameHeader& header = partial->header;
  const std::uint64_t left = header.payload_bytes - partial->payload_bytes_read;
  const std::size_t taken = std::min<std::uint64_t>(left, input.size());
  if (taken == 0 && left != 0) return {};
  const bool control = is_control(header.opcode);
  AssemblyBuffer*& buffer = control ? partial->control : partial->message;
  const MutableBytes piece = pool_.extend(buffer, taken, buffer_bytes_max(*partial));
  if (piece.data() == nullptr) return fail(input, partial, Violation::memory_exhausted);
  const bool ascii = !unmask_copy(piece.data(), input.first(taken), header.masking_key, partial->payload_bytes_read);
  input = input.subspan(taken);
  partial->payload_bytes_read += taken;
  if (!control && partial->validates() && !(ascii ? partial->text.feed_ascii(piece) : partial->text.feed(piece))) {
    return fail(input, partial, Violation::text_not_utf8);
  }
  return taken == left ? finish_frame(input, partial) : Event{};
}

/// Call it when the payload is complete. Reports the control frame, or the message if this is its last fragment.
Event FrameReader::finish_frame(MutableBytes& input, Partial*& partial) {
  partial->reading_payload = false;
  if (is_control(partial->header.opcode)) {
    AssemblyBuffer* const assembled = std::exchange(partial->control, nullptr);
    Event event = report_control(input, partial, partial->header.opcode, assembled->payload());
    if (partial != nullptr && partial->idle() && partial != &ended) release(partial);
    if (event.kind == EventKind::violation) {
      recycle(assembled);
    } else {
      event.assembled = assembled;
    }
    return event;
  }
  if (!partial->header.fin) return {};
  if (partial->validates() && !partial->text.complete()) return fail(input, partial, Violation::text_not_utf8);
  AssemblyBuffer* const assembled = std::exchange(partial->message, nullptr);
  Event event;
  report_message(event, partial->type, partial->compressed, assembled->payload());
  event.assembled = assembled;
  release(partial);
  return event;
}

Event FrameReader::report_control(MutableBytes& input, Partial*& partial, Opcode opcode, MutableBytes payload) {
  Event event;
  event.payload = payload;
  if (opcode != Opcode::close) {
    event.kind = opcode == Opcode::ping ? EventKind::ping : EventKind::pong;
    return event;
  }
  const std::expected<CloseStatus, Violation> status = decode_close(payload);
  if (!status) return fail(input, partial, status.error());
  event.kind = EventKind::close;
  event.close_code = status->code;
  event.payload = payload.last(status->reason.size());
  end(input, partial);
  return event;
}

Event FrameReader::fail(MutableBytes& input, Partial*& partial, Violation violation) {
  Event event;
  event.kind = EventKind::violation;
  event.violation = violation;
  end(input, partial);
  return event;
}

/// Ends reading from this connection.
void FrameReader::end(MutableBytes& input, Partial*& partial) {
  abandon(partial);
  partial = &ended;
  input = input.last(0);
}

void FrameReader::recycle(AssemblyBuffer* buffer) {
  if (buffer != nullptr) pool_.recycle(buffer);
}

void FrameReader::abandon(Partial*& partial) {
  if (unfinished(partial)) {
    recycle(std::exchange(partial->message, nullptr));
    recycle(std::exchange(partial->control, nullptr));
    release(partial);
  }
  partial = nullptr;
}

std::size_t FrameReader::assembling_bytes(const Partial* partial) {
  return partial == nullptr ? 0 : bytes_in(partial->message) + bytes_in(partial->control);
}

bool FrameReader::unfinished(const Partial* partial) { return partial != nullptr && partial != &ended; }

/// Gives the connection a fresh Partial; false if memory is out.
bool FrameReader::attach(Partial*& partial) {
  void* memory = cached_partials_;
  if (memory != nullptr) {
    cached_partials_ = cached_partials_->next_free;
    --cached_partials_count_;
  } else {
    memory = std::malloc(sizeof(Partial));
    if (memory == nullptr) return false;
    partials_bytes_ += sizeof(Partial);
  }
  partial = new (memory) Partial;
  return true;
}

/// Takes the connection's Partial back. It must own no buffer.
void FrameReader::release(Partial*& partial) {
  if (cached_partials_count_ < limits::partials_cached_count_max) {
    partial->next_free = cached_partials_;
    cached_partials_ = partial;
    ++cached_partials_count_;
  } else {
    std::free(partial);
    partials_bytes_ -= sizeof(Partial);
  }
  partial = nullptr;
}

}  // namespace ringgate::ws
