// Every Unicode scalar value as the text of a client's message, cut between fragments and between receive
// buffers at once; and every sequence that looks like a character and is none (RFC 3629 section 4), refused at
// the first byte that no continuation can mend.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "../unit/ws/client_side.h"
#include "domain.h"

namespace ringgate::exhaustive {
namespace {

using namespace ws::testing;
using ws::Event;
using ws::EventKind;
using ws::FrameReader;
using ws::Opcode;
using ws::Partial;
using ws::Violation;

/// `value` in the bit pattern for `size` bytes, whether that is its right size or not (RFC 3629 section 3).
std::string pattern(std::uint32_t value, unsigned size) {
  static constexpr std::array<unsigned, 5> lead_marks{0, 0x00, 0xC0, 0xE0, 0xF0};
  std::string bytes;
  for (unsigned i = 0; i < size; ++i) {
    const unsigned bits = value >> (6 * (size - 1 - i));
    bytes += static_cast<char>(i == 0 ? lead_marks[size] | bits : 0x80 | (bits & 0x3F));
  }
  return bytes;
}

constexpr std::uint32_t surrogates_first = 0xD800;
constexpr std::uint32_t surrogates_last = 0xDFFF;
constexpr std::uint32_t scalars_last = 0x10FFFF;

unsigned size_of(std::uint32_t scalar) { return scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4; }

/// One reader and one connection for millions of messages.
class Device {
 public:
  /// Gives one piece to the reader, which reports at most one event for it.
  Event feed(std::string_view piece) {
    std::ranges::copy(piece, buffer_.begin());
    MutableBytes input = MutableBytes(buffer_).first(piece.size());
    const Event event = reader_.next(input, partial_, usual_rules);
    EXPECT_TRUE(input.empty());
    return event;
  }

  /// True if the last piece brought a text with this payload and the connection is at a message boundary.
  bool took(const Event& event, std::string_view payload) {
    const bool good = event.kind == EventKind::message && event.type == MessageType::text && text_of(event.payload) == payload &&
                      partial_ == nullptr;
    reader_.recycle(event.assembled);
    return good;
  }

  bool refused(const Event& event) const {
    return event.kind == EventKind::violation && event.violation == Violation::text_not_utf8;
  }

  /// The next connection.
  void start_again() { reader_.abandon(partial_); }

 private:
  FrameReader reader_;
  Partial* partial_ = nullptr;
  std::array<std::uint8_t, 64> buffer_{};
};

/// A text in one frame or in two, and where its payload's bytes stand on the wire.
struct Message {
  std::string bytes;
  std::array<std::size_t, 4> places{};
};

Message in_one_frame(std::string_view payload) {
  Message message{text_frame(payload), {}};
  for (std::size_t i = 0; i < payload.size(); ++i) message.places[i] = 6 + i;
  return message;
}

Message in_two_frames(std::string_view payload, std::size_t split) {
  Message message{
      fragment(Opcode::text, false, payload.substr(0, split)) + fragment(Opcode::continuation, true, payload.substr(split)), {}};
  for (std::size_t i = 0; i < payload.size(); ++i) message.places[i] = (i < split ? 6 : 12) + i;
  return message;
}

/// Gives `message` whole, cut before each byte of its payload, and byte by byte; returns how often it was
/// taken as it should be.
unsigned deliveries_taken(Device& device, const Message& message, std::string_view payload) {
  const std::string_view bytes = message.bytes;
  unsigned taken = device.took(device.feed(bytes), payload) ? 1 : 0;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const bool early = device.feed(bytes.substr(0, message.places[i])).kind != EventKind::need_more;
    const bool good = device.took(device.feed(bytes.substr(message.places[i])), payload);
    taken += !early && good ? 1 : 0;
  }
  Event event;
  for (std::size_t i = 0; i < bytes.size(); ++i) event = device.feed(bytes.substr(i, 1));
  return taken + (device.took(event, payload) ? 1 : 0);
}

TEST(EveryScalarValue, IsTakenHoweverFragmentsAndBuffersCutIt) {
  Device device;
  std::uint64_t scalars = 0;
  std::uint64_t deliveries = 0;
  for (std::uint32_t scalar = 0; scalar <= scalars_last; ++scalar) {
    if (scalar >= surrogates_first && scalar <= surrogates_last) continue;
    const std::string payload = pattern(scalar, size_of(scalar));
    const unsigned each = static_cast<unsigned>(payload.size()) + 2;
    ASSERT_EQ(deliveries_taken(device, in_one_frame(payload), payload), each) << scalar;
    for (std::size_t split = 0; split <= payload.size(); ++split) {
      ASSERT_EQ(deliveries_taken(device, in_two_frames(payload, split), payload), each) << scalar << " split at " << split;
    }
    ++scalars;
    deliveries += each * (payload.size() + 2);
  }
  EXPECT_EQ(scalars, 1'112'064U);
  report_tried(scalars, "scalar values");
  report_tried(deliveries, "deliveries of a scalar value");
}

TEST(EveryScalarValue, CutShortIsRefusedAtTheEndOfTheText) {
  Device device;
  std::uint64_t tried = 0;
  for (std::uint32_t scalar = 0x80; scalar <= scalars_last; ++scalar) {
    if (scalar >= surrogates_first && scalar <= surrogates_last) continue;
    const std::string whole = pattern(scalar, size_of(scalar));
    for (std::size_t size = 1; size < whole.size(); ++size) {
      const std::string_view payload = std::string_view(whole).substr(0, size);
      ASSERT_TRUE(device.refused(device.feed(text_frame(payload)))) << scalar << " cut to " << size;
      device.start_again();
      ASSERT_EQ(device.feed(fragment(Opcode::text, false, payload)).kind, EventKind::need_more) << scalar;
      ASSERT_TRUE(device.refused(device.feed(fragment(Opcode::continuation, true, "")))) << scalar;
      device.start_again();
      ++tried;
    }
  }
  report_tried(tried, "characters cut short");
}

/// Tries an ill-formed sequence that cannot be mended from its `fatal`th byte on.
void expect_refused(Device& device, std::string_view sequence, std::size_t fatal) {
  ASSERT_TRUE(device.refused(device.feed(text_frame(sequence)))) << "whole";
  device.start_again();

  // Byte by byte, in a frame that declares more, and in fragments of one byte each.
  device.feed(ws::testing::client_header({}, 100));
  const std::string masked_bytes = masked(sequence);
  for (std::size_t i = 0; i < fatal; ++i) {
    const Event event = device.feed(std::string_view(masked_bytes).substr(i, 1));
    ASSERT_EQ(device.refused(event), i + 1 == fatal) << "byte " << i << " of a frame";
  }
  device.start_again();
  for (std::size_t i = 0; i < fatal; ++i) {
    const Event event = device.feed(fragment(i == 0 ? Opcode::text : Opcode::continuation, false, sequence.substr(i, 1)));
    ASSERT_EQ(device.refused(event), i + 1 == fatal) << "fragment " << i;
  }
  device.start_again();
}

/// Tries `first` to `last` in the pattern of `size` bytes.
void expect_all_refused(std::string_view what, std::uint32_t first, std::uint32_t last, unsigned size, std::size_t fatal) {
  Device device;
  for (std::uint32_t value = first; value <= last; ++value) {
    expect_refused(device, pattern(value, size), fatal);
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << std::hex << value << " in " << size << " bytes";
  }
  report_tried(last - first + 1, what);
}

TEST(EveryIllFormedSequence, SurrogateIsRefusedAtItsSecondByte) {
  expect_all_refused("surrogates", surrogates_first, surrogates_last, 3, 2);
}

TEST(EveryIllFormedSequence, OverlongFormIsRefusedAsSoonAsItShows) {
  expect_all_refused("overlong forms of two bytes", 0, 0x7F, 2, 1);
  expect_all_refused("overlong forms of three bytes", 0, 0x7FF, 3, 2);
  expect_all_refused("overlong forms of four bytes", 0, 0xFFFF, 4, 2);
}

TEST(EveryIllFormedSequence, BeyondUnicodeIsRefusedAsSoonAsItShows) {
  expect_all_refused("values above 10FFFF led by F4", 0x110000, 0x13FFFF, 4, 2);
  expect_all_refused("values above 13FFFF led by F5 to F7", 0x140000, 0x1FFFFF, 4, 1);
}

TEST(EveryIllFormedSequence, ByteThatLeadsNothingIsRefusedAtOnce) {
  Device device;
  std::uint64_t tried = 0;
  for (unsigned byte = 0x80; byte <= 0xFF; ++byte) {
    if (byte > 0xBF && byte < 0xF8) continue;  // leads, or tried above
    expect_refused(device, std::string(1, static_cast<char>(byte)), 1);
    ASSERT_FALSE(HasFatalFailure()) << byte;
    ++tried;
  }
  report_tried(tried, "bytes that lead nothing");
}

}  // namespace
}  // namespace ringgate::exhaustive
