// Fragmented messages with control frames between their fragments, on several connections that share one reader and a
// ceiling on its memory. The input is a script of well-formed frames, so every run gets deep. Oracles: a message's
// payload is that of its fragments, joined, and control frames come through between them in their order; only the
// ceiling, or the UTF-8 rule, ends a connection early; memory stays under the ceiling at every step; and nothing is
// held for connections that are gone.
//
// Input: byte 0 = ceiling and pieces, then steps of two bytes and a payload: what (bits 0-1 connection, 2-4 action),
// how many bytes.
//
// Tests: src/ws/message_assembly.* src/ws/frame_reader.* src/ws/header_rules.h src/ws/frame_format.h src/ws/utf8.* src/ws/text_unmasking* src/ws/masking.h src/base/limits.h
#include <array>

#include "frame_transcript.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::ws;

constexpr ReaderRules rules{.message_bytes_max = 4096, .fragments_max = 1024, .compression = true, .compressed_bytes_max = 4096};

/// What was sent on one connection, and what ought to come of it.
class Sender {
 public:
  void begin() {
    expected_.clear();
    pending_.clear();
    in_message_ = false;
  }

  /// A fragment of a message that is under way, or the first of one: text, binary or compressed.
  void send_fragment(std::string& wire, std::string_view payload, unsigned type, bool fin) {
    FrameHeader header{.masking_key = 0x5A01C3E7U + static_cast<unsigned>(payload.size()), .fin = fin};
    if (!in_message_) {
      type_ = type % 3 == 0 ? MessageType::text : MessageType::binary;
      compressed_ = type % 3 == 2;
      header.opcode = static_cast<Opcode>(type_);
      header.rsv1 = compressed_;
    }
    append_client_frame(wire, header, payload);
    pending_ += payload;
    in_message_ = !fin;
    if (!fin) return;
    expect(EventKind::message, pending_);
    pending_.clear();
  }

  void send_control(std::string& wire, std::string_view payload, EventKind kind) {
    payload = payload.substr(0, limits::control_payload_bytes_max);
    append_client_frame(wire, {.masking_key = 7, .opcode = kind == EventKind::ping ? Opcode::ping : Opcode::pong}, payload);
    expect(kind, payload);
  }

  /// False if more was said than expected, or something else.
  bool expects(const Transcript& said) const {
    std::size_t count = said.entries().size();
    if (said.ends_with_violation()) --count;
    return count <= expected_.entries().size() &&
           std::equal(said.entries().begin(), said.entries().begin() + static_cast<std::ptrdiff_t>(count),
                      expected_.entries().begin()) &&
           expected_.payloads().starts_with(said.payloads());
  }
  bool expects_no_more_than(const Transcript& said) const { return said.entries().size() == expected_.entries().size(); }
  bool in_message() const { return in_message_; }
  std::size_t pending_bytes() const { return pending_.size(); }

 private:
  void expect(EventKind kind, std::string_view payload) {
    Event event;
    event.kind = kind;
    if (kind == EventKind::message) {
      event.type = type_;
      event.compressed = compressed_;
    }
    expected_.record(event, payload);
  }

  Transcript expected_;
  std::string pending_;
  MessageType type_ = MessageType::binary;
  bool compressed_ = false;
  bool in_message_ = false;
};

struct Peer {
  Sender sender;
  Transcript said;
  Partial* partial = nullptr;
};

class Shard {
 public:
  Shard(std::array<Peer, 4>& peers, std::size_t bytes_max, std::size_t piece_bytes)
      : peers_(peers), reader_(bytes_max), bytes_max_(bytes_max), piece_bytes_(piece_bytes) {
    for (Peer& peer : peers_) {
      peer.sender.begin();
      peer.said.clear();
      peer.partial = nullptr;
    }
  }
  ~Shard() {
    for (Peer& peer : peers_) reader_.abandon(peer.partial);
  }
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void step(std::uint8_t what, std::string_view payload) {
    Peer& peer = peers_[what % peers_.size()];
    wire_.clear();
    const unsigned action = what >> 2U & 7U;
    if (action == 6 || action == 7) {
      peer.sender.send_control(wire_, payload, action == 6 ? EventKind::ping : EventKind::pong);
    } else {
      peer.sender.send_fragment(wire_, payload, action, (what & 0x80) != 0);
    }
    receive(peer);
    check(peer);
  }

  /// Ends one connection in the middle of whatever it was about.
  void drop(std::size_t index) {
    Peer& peer = peers_[index % peers_.size()];
    reader_.abandon(peer.partial);
    peer.sender.begin();
    peer.said.clear();
  }

  void check_empty() {
    for (std::size_t i = 0; i < peers_.size(); ++i) drop(i);
    require(reader_.memory_bytes() <= limits::assembly_cached_bytes_max + partials_bytes_max,
            "what is kept for reuse stays under its ceiling");
  }

 private:
  static constexpr std::size_t partials_bytes_max = 4 * 128;

  void receive(Peer& peer) {
    static PieceRoom room;
    for (ByteView rest = bytes_of(wire_); !rest.empty();) {
      const ByteView piece = rest.first(std::min(piece_bytes_, rest.size()));
      rest = rest.subspan(piece.size());
      feed(reader_, peer.partial, rules, room.lend(piece), peer.said);
      room.take_back();
      require(reader_.memory_bytes() <= bytes_max_ + partials_bytes_max, "memory stays under the ceiling");
    }
  }

  void check(const Peer& peer) const {
    require(peer.sender.expects(peer.said), "what is said is what was sent");
    if (peer.said.ends_with_violation()) {
      const Violation violation = peer.said.entries().back().violation;
      require(violation == Violation::memory_exhausted || violation == Violation::text_not_utf8 ||
                  violation == Violation::message_too_big || violation == Violation::too_many_fragments,
              "a well-formed script is refused for its size, its fragments or its text alone");
      require(violation != Violation::memory_exhausted || bytes_max_ < 64U * 1024, "an ample ceiling suffices");
      require(!FrameReader::unfinished(peer.partial), "a connection that has ended holds nothing");
      return;
    }
    require(peer.sender.expects_no_more_than(peer.said), "all that was sent is said");
    require(FrameReader::unfinished(peer.partial) == peer.sender.in_message(), "a message is held while it is under way");
    require(FrameReader::assembling_bytes(peer.partial) == peer.sender.pending_bytes(), "what is held is what has come");
  }

  static inline std::string wire_;
  std::array<Peer, 4>& peers_;
  FrameReader reader_;
  std::size_t bytes_max_;
  std::size_t piece_bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::array<Peer, 4> peers;
  Choices choices(data, size);
  const std::uint8_t form = choices.byte();
  const std::size_t bytes_max = (form & 1) != 0 ? 256U + (form >> 4U) * 64U : 1U << 20;
  const std::size_t piece_bytes = (form & 2) != 0 ? 1 + (form >> 4U) : 4096;
  Shard shard(peers, bytes_max, piece_bytes);
  ByteView rest = choices.rest();
  while (rest.size() >= 2) {
    const std::uint8_t what = rest[0];
    const std::size_t payload_bytes = std::min<std::size_t>(rest[1], rest.size() - 2);
    if ((what & 0x7C) == 0x7C) {
      shard.drop(what);
    } else {
      shard.step(what, text_of(rest.subspan(2, payload_bytes)));
    }
    rest = rest.subspan(2 + payload_bytes);
  }
  shard.check_empty();
  return 0;
}
