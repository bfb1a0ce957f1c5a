// The other end of the wire for codec tests: builds client frames, feeds them to a FrameReader in any cut,
// and records what comes out. Used by the fuzz targets too.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define RINGGATE_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#define RINGGATE_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define RINGGATE_ADDRESS_SANITIZER 0
#endif
#if RINGGATE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

#include "ws/frame_format.h"
#include "ws/frame_reader.h"
#include "ws/frame_writer.h"

namespace ringgate::ws::testing {

inline constexpr MaskingKey sample_key = 0x3D21FA37;  // on the wire: 37 fa 21 3d

/// "81 85" -> two bytes; blanks are skipped.
inline std::string hex(std::string_view digits) {
  std::string bytes;
  std::string pair;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    pair += digit;
    if (pair.size() == 2) {
      bytes += static_cast<char>(std::strtoul(pair.c_str(), nullptr, 16));
      pair.clear();
    }
  }
  return bytes;
}

/// `payload` XORed with `key`, byte by byte.
inline std::string masked(std::string_view payload, MaskingKey key = sample_key) {
  std::string bytes(payload);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(static_cast<std::uint8_t>(bytes[i]) ^ (key >> (8 * (i % 4))));
  }
  return bytes;
}

struct FrameShape {
  Opcode opcode = Opcode::text;
  bool fin = true;
  bool rsv1 = false;
  MaskingKey key = sample_key;
};

/// The header of a client frame that declares `payload_bytes`, in the shortest form.
inline std::string client_header(FrameShape shape, std::uint64_t payload_bytes) {
  std::uint8_t header[limits::client_header_bytes_max];
  const std::size_t size = encode_header(header, {.payload_bytes = payload_bytes,
                                                  .masking_key = shape.key,
                                                  .opcode = shape.opcode,
                                                  .fin = shape.fin,
                                                  .rsv1 = shape.rsv1,
                                                  .masked = true});
  return {reinterpret_cast<const char*>(header), size};
}

inline std::string client_frame(FrameShape shape, std::string_view payload) {
  return client_header(shape, payload.size()) + masked(payload, shape.key);
}
inline std::string text_frame(std::string_view payload) { return client_frame({}, payload); }
inline std::string fragment(Opcode opcode, bool fin, std::string_view payload) {
  return client_frame({.opcode = opcode, .fin = fin}, payload);
}
inline std::string close_payload(unsigned code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + std::string(reason);
}

/// An event as a value.
struct Seen {
  EventKind kind = EventKind::need_more;
  MessageType type = MessageType::binary;
  bool compressed = false;
  Violation violation = Violation::none;
  CloseCode close_code = CloseCode::no_status;
  std::string payload;

  bool operator==(const Seen&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{kind " << int(seen.kind) << " type " << int(seen.type) << " violation " << facts_of(seen.violation).reason
             << " code " << int(seen.close_code) << " payload of " << seen.payload.size() << "}";
}

inline Seen message_of(MessageType type, std::string_view payload) {
  return {.kind = EventKind::message, .type = type, .payload = std::string(payload)};
}
inline Seen control_of(EventKind kind, std::string_view payload) { return {.kind = kind, .payload = std::string(payload)}; }
inline Seen violation_of(Violation violation) { return {.kind = EventKind::violation, .violation = violation}; }
inline Seen close_of(CloseCode code, std::string_view reason = "") {
  return {.kind = EventKind::close, .close_code = code, .payload = std::string(reason)};
}

inline constexpr ReaderRules usual_rules{
    .message_bytes_max = 1 << 20, .fragments_max = 1024, .compression = false, .compressed_bytes_max = 1 << 20};

/// Where pieces lie while they are fed: bytes that nobody may touch but those of the piece in hand, so that
/// AddressSanitizer sees any step outside, and any look back at one of the pieces before. Without that
/// sanitizer, plain memory. Cheaper than an allocation for each piece of a byte.
class PieceMemory {
 public:
  /// A copy of `piece`, for one at a time, until `take_back`; its bytes stay out of bounds until three more
  /// pieces were lent.
  MutableBytes lend(std::string_view piece) {
    current_ = (current_ + 1) % rooms_.size();
    std::vector<std::uint8_t>& room = rooms_[current_];
    if (room.size() < piece.size()) {
      allow(room);
      room.assign(piece.size(), 0);
      forbid(room);
    }
    lent_ = MutableBytes(room).first(piece.size());
    allow(lent_);
    std::ranges::copy(piece, lent_.begin());
    return lent_;
  }
  void take_back() { forbid(lent_); }

  PieceMemory() = default;
  ~PieceMemory() {
    for (std::vector<std::uint8_t>& room : rooms_) allow(room);
  }
  PieceMemory(const PieceMemory&) = delete;
  PieceMemory& operator=(const PieceMemory&) = delete;

 private:
#if RINGGATE_ADDRESS_SANITIZER
  static void allow(MutableBytes bytes) { __asan_unpoison_memory_region(bytes.data(), bytes.size()); }
  static void forbid(MutableBytes bytes) { __asan_poison_memory_region(bytes.data(), bytes.size()); }
#else
  static void allow(MutableBytes) {}
  static void forbid(MutableBytes) {}
#endif

  std::array<std::vector<std::uint8_t>, 4> rooms_;
  std::size_t current_ = 0;
  MutableBytes lent_;
};

inline PieceMemory& piece_memory() {
  static thread_local PieceMemory memory;
  return memory;
}

/// One connection. Each payload is overwritten, header room included, once recorded, as a reply in place
/// would do.
class Session {
 public:
  explicit Session(const ReaderRules& rules = usual_rules) : rules_(rules) {}
  ~Session() { reader_.abandon(partial_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Session& feed(std::string_view piece) {
    MutableBytes input = piece_memory().lend(piece);
    while (true) {
      const Event event = reader_.next(input, partial_, rules_);
      if (event.kind == EventKind::need_more) break;
      seen_.push_back(
          {event.kind, event.type, event.compressed, event.violation, event.close_code, std::string(text_of(event.payload))});
      if (event.kind == EventKind::message) {
        std::ranges::fill(event.payload, std::uint8_t{0xEE});
        write_header_before(event.payload, event.type);
      }
      reader_.recycle(event.assembled);
    }
    leftover_ = input.size();
    piece_memory().take_back();
    return *this;
  }

  const std::vector<Seen>& seen() const { return seen_; }
  FrameReader& reader() { return reader_; }
  const Partial* partial() const { return partial_; }
  std::size_t leftover() const { return leftover_; }

 private:
  ReaderRules rules_;
  FrameReader reader_;
  Partial* partial_ = nullptr;
  std::vector<Seen> seen_;
  std::size_t leftover_ = 0;
};

inline std::vector<Seen> read_whole(std::string_view bytes, const ReaderRules& rules = usual_rules) {
  return Session(rules).feed(bytes).seen();
}

inline std::vector<Seen> read_cut(std::string_view bytes, std::size_t cut, const ReaderRules& rules = usual_rules) {
  return Session(rules).feed(bytes.substr(0, cut)).feed(bytes.substr(cut)).seen();
}

inline std::vector<Seen> read_in_pieces(std::string_view bytes, std::size_t piece_bytes, const ReaderRules& rules = usual_rules) {
  Session session(rules);
  for (std::size_t i = 0; i < bytes.size(); i += piece_bytes) session.feed(bytes.substr(i, piece_bytes));
  return session.seen();
}

}  // namespace ringgate::ws::testing
