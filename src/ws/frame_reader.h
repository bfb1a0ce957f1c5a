// Reads frames as a server: bytes in; messages, control frames and violations out (RFC 6455 sections 5
// and 7.1.7). No I/O, no clock.
//
// One FrameReader per shard serves all its connections; what a connection has unfinished is a Partial, which
// is null at every message boundary, so an idle connection costs a null pointer. Owner shard only. Invariant:
// the events do not depend on how the bytes were cut into calls.
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
  std::uint64_t message_bytes_max = 0;  // a message with more bytes of payload, on the wire, is refused with 1009
  std::uint32_t fragments_max = 1;      // a message of more frames, empty ones included, is refused with 1008
  bool compression = false;             // permessage-deflate was negotiated: a message's first frame may carry RSV1
  std::uint64_t compressed_bytes_max =
      0;  // instead of message_bytes_max for a message with RSV1; what it inflates to is the caller's to limit
};

enum class EventKind : std::uint8_t {
  need_more,  // the input is used up
  message,    // `type`, `compressed`, `payload`
  ping,       // `payload`
  pong,       // `payload`
  close,      // `close_code`, `payload` = the reason; nothing is read after it
  violation,  // `violation`; nothing is read after it
};

/// What the reader found. `payload` lies in the input, or in `assembled` if that is not null; see
/// FrameReader::next.
struct Event {
  EventKind kind = EventKind::need_more;
  MessageType type = MessageType::binary;
  bool compressed = false;  // RSV1: the payload is to be inflated, and a text was not yet validated
  Violation violation = Violation::none;
  CloseCode close_code = CloseCode::no_status;
  MutableBytes payload;
  AssemblyBuffer* assembled = nullptr;

  std::string_view reason() const { return text_of(payload); }  // of a close event; valid UTF-8
};

/// The unfinished frame or message of one connection; opaque.
struct Partial;

class FrameReader {
 public:
  using Kind = EventKind;

  /// `assembly_bytes_max`: ceiling on the memory of all buffers; the connection that would cross it gets
  /// Violation::memory_exhausted.
  explicit FrameReader(std::size_t assembly_bytes_max = std::numeric_limits<std::size_t>::max());
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  /// Consumes bytes from the front of `input` up to the next event and returns it; on need_more and after
  /// the last event of a connection, `input` is empty. Call again with what is left, or with what came later;
  /// `partial` is the connection's, null at first, and changed by this call. `rules` stay the same for a
  /// connection's life.
  ///
  /// A payload is unmasked, is valid UTF-8 where it is text (unless compressed), and is the caller's to write
  /// to. The bytes before it are, too: as many as the client's header had (6, 8 or 14) when it lies in the
  /// input, 16 when it is assembled; so a server header of 2, 4 or 10 fits. A payload in the input lives as
  /// long as the input does; one that is assembled lives until the caller hands `assembled` to `recycle`,
  /// which it must do for every event that has one.
  ///
  /// Allocates only for what the input cuts: a frame not whole in it, or a fragmented message.
  Event next(MutableBytes& input, Partial*& partial, const ReaderRules& rules);

  /// Where buffers come from that `recycle` takes back, too.
  AssemblyPool& pool() { return pool_; }

  /// Takes back an event's `assembled`; null is nothing to do.
  void recycle(AssemblyBuffer* buffer);

  /// Drops what a connection has unfinished; `partial` becomes null. At the end of every connection, whatever
  /// it ended with.
  void abandon(Partial*& partial);

  /// Bytes a message in the making holds, 0 if there is none: for message deadlines and memory budgets.
  static std::size_t assembling_bytes(const Partial* partial);

  /// True while a message was begun and is not finished, or a frame is cut.
  static bool unfinished(const Partial* partial);

  /// Everything this reader has taken from the allocator: partials and buffers, in use and cached.
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
