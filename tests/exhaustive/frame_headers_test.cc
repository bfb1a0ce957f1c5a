// Every first two bytes that a client can send, in every state a reader can be in, with every length around
// a boundary behind them, against frame_reference.h: the verdict, the byte that brings it, and, of a frame
// that is good, the event with its payload.
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "../unit/ws/client_side.h"
#include "domain.h"
#include "frame_reference.h"

namespace ringgate::exhaustive {
namespace {

using namespace ws::testing;

using ws::EventKind;
using ws::Opcode;
using ws::ReaderRules;

constexpr Limits limits{.message_bytes = 66'000, .compressed_bytes = 66'500, .message_frames = 3};

Connection in_message(std::string name, Standing standing, bool deflate, bool compressed, const std::string& payload) {
  const Opcode opcode = standing == Standing::in_text ? Opcode::text : Opcode::binary;
  return {.name = std::move(name),
          .bytes = client_frame({.opcode = opcode, .fin = false, .rsv1 = compressed}, payload),
          .standing = standing,
          .deflate = deflate,
          .message_compressed = compressed,
          .message_bytes = payload.size(),
          .message_payload = payload,
          .message_frames = 1};
}

/// `connection`, and then something that leaves it in the same state or one frame further.
Connection followed_by(Connection connection, std::string name, const std::string& bytes, unsigned frames) {
  connection.name = std::move(name);
  connection.bytes += bytes;
  connection.message_frames += frames;
  return connection;
}

std::vector<Connection> connections(bool deflate) {
  const std::string ping = client_frame({.opcode = Opcode::ping}, "p");
  const std::string empty_fragment = fragment(Opcode::continuation, false, "");
  const Connection fresh{.name = "fresh", .bytes = "", .deflate = deflate};
  const Connection text = in_message("in a text", Standing::in_text, deflate, false, "t");
  const Connection binary = in_message("in a binary message", Standing::in_binary, deflate, false, "bb");
  Connection closed = followed_by(fresh, "after close", client_frame({.opcode = Opcode::close}, ""), 0);
  Connection failed = followed_by(fresh, "after a violation", hex("83 80"), 0);
  closed.standing = failed.standing = Standing::ended;
  std::vector<Connection> all{
      fresh,
      followed_by(fresh, "after a message", text_frame("whole"), 0),
      text,
      binary,
      followed_by(text, "in a text, after a ping", ping, 0),
      followed_by(binary, "in a message of two frames", empty_fragment, 1),
      followed_by(binary, "in a message of all frames allowed", empty_fragment + empty_fragment, 2),
      closed,
      failed,
  };
  if (deflate) {
    all.push_back(in_message("in a compressed text", Standing::in_text, true, true, "\xFF\xFE"));
    all.push_back(in_message("in a compressed binary message", Standing::in_binary, true, true, "zzz"));
  }
  return all;
}

/// The lengths worth trying for an announced form: its edges, those of the limits, and those of the RFC.
std::set<std::uint64_t> lengths_of(unsigned second, const Connection& connection) {
  const unsigned form = second % 128;
  if (form < 126) return {form};
  std::set<std::uint64_t> lengths{0, 1, 125, 126, 127, 255, 256, 65'534, 65'535};
  if (form == 126) return lengths;
  lengths.insert({65'536, 65'537, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF, 0x1'0000'0000, 0x1'0000'0005, 0x7FFF'FFFF'FFFF'FFFF,
                  0x8000'0000'0000'0000, 0x8000'0000'0000'0005, std::numeric_limits<std::uint64_t>::max()});
  for (const std::uint64_t limit : {limits.message_bytes, limits.compressed_bytes}) {
    for (const std::uint64_t held : {std::uint64_t{0}, connection.message_bytes}) {
      lengths.insert({limit - held - 1, limit - held, limit - held + 1});
    }
  }
  return lengths;
}

/// One frame as it stands on the wire, with what is to come of it.
struct Frame {
  std::string bytes;
  std::size_t decided_at = 0;  // bytes needed for `events`
  std::vector<Seen> events;
};

std::string big_endian(std::uint64_t value, unsigned size) {
  std::string bytes;
  for (unsigned i = size; i > 0; --i) bytes += static_cast<char>(value >> (8 * (i - 1)));
  return bytes;
}

/// What a whole good frame with `payload` is reported as.
std::vector<Seen> events_of(const Header& header, const Connection& connection, const std::string& payload) {
  if (header.opcode == 9) return {control_of(EventKind::ping, payload)};
  if (header.opcode == 10) return {control_of(EventKind::pong, payload)};
  if (header.opcode == 8) {
    if (payload.empty()) return {close_of(CloseCode::no_status)};
    if (payload.size() == 1) return {violation_of(Violation::close_payload_one_byte)};
    return {close_of(CloseCode::normal, payload.substr(2))};
  }
  if (!header.fin) return {};
  const bool text = header.opcode == 1 || connection.standing == Standing::in_text;
  Seen message = message_of(text ? MessageType::text : MessageType::binary, connection.message_payload + payload);
  message.compressed = header.rsv1 || connection.message_compressed;
  return {message};
}

Frame frame_of(unsigned first, unsigned second, std::uint64_t length, const Connection& connection) {
  const Header header = Header::of(first, second, length);
  std::string bytes{static_cast<char>(first), static_cast<char>(second)};
  bytes += big_endian(header.length, extended_bytes(header));
  if (header.mask) bytes += hex("37 fa 21 3d");
  if (connection.standing == Standing::ended) return {bytes, 0, {}};
  const Judgement judgement = judge(header, connection, limits);
  if (judgement.violation != Violation::none) {
    return {bytes, judgement.bytes, {violation_of(judgement.violation)}};
  }
  std::string payload(header.length, 'r');
  if (header.opcode == 8 && payload.size() >= 2) payload.replace(0, 2, close_payload(1000));
  bytes += masked(payload);
  return {bytes, bytes.size(), events_of(header, connection, payload)};
}

/// The events of `bytes` behind those that led to the state.
std::vector<Seen> events_after(const Session& session, std::size_t earlier) {
  return {session.seen().begin() + static_cast<std::ptrdiff_t>(earlier), session.seen().end()};
}

/// Gives the frame whole, in one input with what led to the state, and byte by byte: the events are the
/// same, and they come with the byte that decides, not before.
void expect_reader_agrees(const Connection& connection, const Frame& frame, const ReaderRules& rules) {
  Session whole(rules);
  const std::size_t earlier = whole.feed(connection.bytes).seen().size();
  ASSERT_EQ(events_after(whole.feed(frame.bytes), earlier), frame.events);

  Session at_once(rules);
  ASSERT_EQ(events_after(at_once.feed(connection.bytes + frame.bytes), earlier), frame.events);

  Session by_byte(rules);
  by_byte.feed(connection.bytes);
  for (std::size_t i = 0; i < frame.bytes.size(); ++i) {
    by_byte.feed(std::string_view(frame.bytes).substr(i, 1));
    if (i + 1 < frame.decided_at) {
      ASSERT_EQ(by_byte.seen().size(), earlier) << "too early, at byte " << i;
    }
    if (i + 1 == frame.decided_at) {
      ASSERT_EQ(events_after(by_byte, earlier), frame.events) << "not by byte " << i;
    }
  }
  ASSERT_EQ(events_after(by_byte, earlier), frame.events);
}

void try_every_header(bool deflate) {
  const ReaderRules rules{.message_bytes_max = limits.message_bytes,
                          .fragments_max = limits.message_frames,
                          .compression = deflate,
                          .compressed_bytes_max = limits.compressed_bytes};
  std::uint64_t states = 0;
  std::uint64_t headers = 0;
  std::uint64_t good = 0;
  for (const Connection& connection : connections(deflate)) {
    ++states;
    for (unsigned bytes = 0; bytes < byte_pairs_count; ++bytes) {
      for (const std::uint64_t length : lengths_of(bytes % 256, connection)) {
        const Frame frame = frame_of(bytes / 256, bytes % 256, length, connection);
        expect_reader_agrees(connection, frame, rules);
        ASSERT_FALSE(::testing::Test::HasFatalFailure()) << connection.name << ", header " << bytes << ", length " << length;
        ++headers;
        const bool violation = !frame.events.empty() && frame.events[0].kind == EventKind::violation;
        if (connection.standing != Standing::ended && !violation) ++good;
      }
    }
  }
  report_tried(states, "states of the reader");
  report_tried(headers, "frame headers");
  report_tried(good, "of them without a violation");
}

TEST(EveryFrameHeader, HasTheVerdictOfTheRfcInEveryState) { try_every_header(false); }

TEST(EveryFrameHeader, HasTheVerdictOfTheRfcInEveryStateWithDeflate) { try_every_header(true); }

}  // namespace
}  // namespace ringgate::exhaustive
