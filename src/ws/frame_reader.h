// Reads frames as a server: bytes in; messages, control frames and violations out (RFC 6455 sections 5 and 7.1.7). No I/O, no
// clock.
//
// One FrameReader serves all connections of a shard. A Partial holds a connection's unfinished frame or message; it is null at
// every message boundary, so an idle connection costs a null pointer. Owner shard. Invariant: the events do not depend on how the
// bytes are cut into calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "ringgate/bytes.h"
#include "ringgate/close_code.h"
#include "ringgate/message.h"
#include "ws/message_assembly.h"
#include "ws/opcode.h"
#include "ws/violation.h"

namespace ringgate::ws {

struct ReaderRules {
  std::uint64_t message_bytes_max = 0;  // payload bytes on the wire; a larger message is refused with 1009
  std::uint32_t fragments_max = 1;      // frames of a message, empty ones too; a message of more is refused with 1008
  bool compression = false;             // permessage-deflate was negotiated: a message's first frame may carry RSV1
  std::uint64_t compressed_bytes_max =
      0;  // replaces message_bytes_max for a message with RSV1; the caller limits its inflated size
};

enum class EventKind : std::uint8_t {
  need_more,  // the input is used up
  message,    // `type`, `compressed`, `payload`
  ping,       // `payload`
  pong,       // `payload`
  close,      // `close_code`, `payload` = the reason; the connection's last event
  violation,  // `violation`; the connection's last event
};

/// What the reader found. `payload` lies in the input, or in `assembled` unless that is null; see FrameReader::next.
struct Event {
  EventKind kind = EventKind::need_more;
  MessageType type = MessageType::binary;
  bool compressed = false;  // RSV1: the payload must be inflated, and a text is not validated
  Violation violation = Violation::none;
  CloseCode close_code = CloseCode::no_status;
  MutableBytes payload;
  AssemblyBuffer* assembled = nullptr;

  std::string_view reason() const { return text_of(payload); }  // only for a close event; valid UTF-8
};

/// The unfinished frame or message of one connection; opaque.
struct Partial;

class FrameReader {
 public:
  using Kind = EventKind;

  /// `assembly_bytes_max`: ceiling on the memory of all buffers; a connection that needs more gets Violation::memory_exhausted.
  explicit FrameReader(std::size_t assembly_bytes_max = std::numeric_limits<std::size_t>::max());
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  /// Consumes the front of `input` up to the next event and returns the event. On need_more, and after the last event of a
  /// connection, `input` is empty. Call it again with the rest, or with later bytes. `partial` belongs to the connection and is
  /// null at first; only this class changes it. `rules` must stay the same for a connection's life.
  ///
  /// The payload is unmasked, and a text is valid UTF-8 unless compressed. The caller may write to it and to the bytes before it:
  /// as many as the client's header had (6, 8 or 14) if it lies in the input, 16 if it is assembled; so a server header of 2, 4
  /// or 10 bytes fits. A payload in the input lives as long as the input. An assembled one lives until the caller passes
  /// `assembled` to `recycle`, which it must do for every event that has one.
  ///
  /// Allocates only for a frame that is cut by the end of the input, or a fragmented message.
  Event next(MutableBytes& input, Partial*& partial, const ReaderRules& rules);

  /// The pool of all buffers; `recycle` also takes back buffers that others took from it.
  AssemblyPool& pool() { return pool_; }

  /// Takes back an event's `assembled`; does nothing if null.
  void recycle(AssemblyBuffer* buffer);

  /// Drops a connection's unfinished frame or message; `partial` becomes null. Call it at the end of every connection.
  void abandon(Partial*& partial);

  /// Bytes that an unfinished message or control frame holds, for deadlines and memory budgets; 0 if there is none.
  static std::size_t assembling_bytes(const Partial* partial);

  /// True while a message is unfinished or a frame is cut.
  static bool unfinished(const Partial* partial);

  /// Memory taken from the allocator for partials and buffers, in use and cached.
  std::size_t memory_bytes() const { return pool_.held_bytes() + partials_bytes_; }

 private:
  bool read_whole_frame(MutableBytes& input, Partial*& partial, const ReaderRules& rules, Event& event);
  Violation take_header(MutableBytes& input, Partial*& partial, const ReaderRules& rules);
  Event read_payload(MutableBytes& input, Partial*& partial);
  Event finish_frame(MutableBytes& input, Partial*& partial);
  Event report_control(MutableBytes& input, Partial*& partial, Opcode opcode, MutableBytes payload);
  Event fail(MutableBytes& input, Partial*& partial, Violation violation);

  bool attach(Partial*& partial);
  void release(Partial*& partial);
  void end(MutableBytes& input, Partial*& partial);

  AssemblyPool pool_;
  Partial* cached_partials_ = nullptr;
  std::size_t cached_partials_count_ = 0;
  std::size_t partials_bytes_ = 0;
};

}  // namespace ringgate::ws
