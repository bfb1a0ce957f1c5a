// The frame reader. Oracles: the events, and what is left unfinished, do not depend on the cut; memory follows the
// bytes received; and what was read, written again as frames, reads the same.
//
// Input: byte 0 = rules and form (bits below), two bytes that choose the cut, then the connection's bytes: as they
// are, or as descriptions {first byte, payload size, payload...} of well-formed masked frames, which gets deeper
// faster.
//
// Tests: tests/fuzz/frame_transcript.h src/ws/frame_reader.* src/ws/header_rules.h src/ws/frame_format.h src/ws/frame_writer.* src/ws/message_assembly.* src/ws/closing.* src/ws/utf8.* src/ws/text_unmasking* src/ws/masking* src/ws/violation.h
#include "described_frames.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::ws;

// Bits of byte 0.
constexpr unsigned described = 1;       // the rest describes frames
constexpr unsigned large_messages = 2;  // up to 1 MiB instead of 60 bytes
constexpr unsigned many_fragments = 4;  // up to 1,024 instead of 3
constexpr unsigned compression = 8;
constexpr unsigned equal_pieces = 16;  // cut into equal pieces instead of in two
constexpr unsigned fresh_reader = 32;  // a reader with nothing cached, whose memory is looked at behind each piece

ReaderRules rules_of(unsigned form) {
  return {.message_bytes_max = (form & large_messages) != 0 ? 1U << 20 : 60U,
          .fragments_max = (form & many_fragments) != 0 ? 1024U : 3U,
          .compression = (form & compression) != 0,
          .compressed_bytes_max = 70000};
}

std::string_view write_described(std::string_view descriptions) {
  static std::string wire;
  wire.clear();
  append_described_frames(wire, descriptions);
  return wire;
}

/// What a connection leaves behind.
struct Unfinished {
  bool unfinished = false;
  std::size_t assembling_bytes = 0;
  bool operator==(const Unfinished&) const = default;
};

/// Reads `bytes` as one connection, `first` of them and then `step` at a time.
Unfinished read(FrameReader& reader, const ReaderRules& rules, ByteView bytes, std::size_t first, std::size_t step,
                Transcript& transcript) {
  static PieceRoom room;
  const std::size_t memory_before = reader.memory_bytes();
  transcript.clear();
  Partial* partial = nullptr;
  std::size_t size = first;
  for (std::size_t at = 0; at < bytes.size(); at += size, size = step) {
    size = std::min(size, bytes.size() - at);
    feed(reader, partial, rules, room.lend(bytes.subspan(at, size)), transcript);
    room.take_back();
    const std::size_t received = at + size;
    require(memory_before != 0 || reader.memory_bytes() <= received + received / 10 + 512, "memory follows the bytes received");
  }
  const Unfinished left{FrameReader::unfinished(partial), FrameReader::assembling_bytes(partial)};
  reader.abandon(partial);
  require(partial == nullptr, "nothing is left of an abandoned connection");
  return left;
}

Unfinished read_cut(unsigned form, const ReaderRules& rules, ByteView bytes, std::size_t cut, Transcript& transcript) {
  const bool in_two = (form & equal_pieces) == 0;
  const std::size_t everything = bytes.size() + 1;
  const std::size_t first = in_two ? cut % everything : 1 + cut % 64;
  const std::size_t step = in_two ? everything : 1 + cut % 64;
  if ((form & fresh_reader) != 0) {
    FrameReader reader;
    return read(reader, rules, bytes, first, step, transcript);
  }
  static FrameReader reader;
  const Unfinished left = read(reader, rules, bytes, first, step, transcript);
  require(reader.memory_bytes() <= limits::assembly_cached_bytes_max + limits::partials_cached_count_max * 128,
          "what is kept for reuse stays under its ceiling");
  return left;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static FrameReader reader;  // kept from run to run, as a shard keeps its reader from connection to connection
  static Transcript whole;
  static Transcript split;
  static Transcript again;
  static std::string wire;
  Choices choices(data, size);
  const unsigned form = choices.byte();
  const std::size_t cut = choices.number16();
  const std::string_view rest = text_of(choices.rest());
  const ByteView bytes = bytes_of((form & described) != 0 ? write_described(rest) : rest);
  const ReaderRules rules = rules_of(form);
  const std::size_t everything = bytes.size() + 1;

  const Unfinished left = read(reader, rules, bytes, everything, everything, whole);
  require(read_cut(form, rules, bytes, cut, split) == left, "cut = whole, what is unfinished");
  require(split == whole, "cut = whole, events");

  if (whole.ends_with_violation()) whole.drop_last();
  if (whole.entries().empty()) return 0;
  wire.clear();
  whole.write_again(wire);
  const Unfinished nothing = read(reader, rules, bytes_of(wire), wire.size(), wire.size(), again);
  require(again == whole, "read after write = written");
  require(whole.entries().back().kind == EventKind::close || !nothing.unfinished, "what is written is finished");
  return 0;
}
