#include "ws/frame_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "client_side.h"

namespace ringgate::ws {
namespace {

using namespace testing;

/// The promise of the reader: whole, cut in two anywhere, and byte by byte give the same events.
void expect_same_in_every_cut(std::string_view bytes, const ReaderRules& rules = usual_rules) {
  const auto whole = read_whole(bytes, rules);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) ASSERT_EQ(read_cut(bytes, cut, rules), whole) << "cut " << cut;
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 13U}) ASSERT_EQ(read_in_pieces(bytes, piece, rules), whole) << piece;
}

std::string sample_payload(std::size_t size) {
  std::string payload(size, ' ');
  for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>('!' + i % 90);
  return payload;
}

TEST(FrameReader, ReportsAWholeFrameWhereItLies) {
  for (const std::size_t size : {0U, 5U, 125U, 126U, 65'535U, 65'536U}) {
    std::string bytes = text_frame(sample_payload(size));
    const std::size_t header = bytes.size() - size;
    MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    FrameReader reader;
    Partial* partial = nullptr;
    const Event event = reader.next(input, partial, usual_rules);
    EXPECT_EQ(event.kind, EventKind::message);
    EXPECT_EQ(event.payload.data(), reinterpret_cast<std::uint8_t*>(bytes.data()) + header);
    EXPECT_EQ(text_of(event.payload), sample_payload(size));
    EXPECT_EQ(event.assembled, nullptr);
    EXPECT_EQ(partial, nullptr);
    EXPECT_TRUE(input.empty());
    EXPECT_EQ(reader.memory_bytes(), 0U);
  }
}

TEST(FrameReader, EveryMessageSplitAtEveryByteIsTheSame) {
  for (const std::size_t size : {0U, 1U, 3U, 4U, 5U, 64U, 65U, 125U, 126U, 127U, 300U}) {
    expect_same_in_every_cut(text_frame(sample_payload(size)) + client_frame({.opcode = Opcode::binary}, "end"));
    if (HasFatalFailure()) return;
  }
  expect_same_in_every_cut(text_frame("gr\xC3\xBC\xC3\x9F dich \xF0\x9F\x98\x80!"));
}

TEST(FrameReader, EveryBadEndingSplitAtEveryByteIsTheSame) {
  const std::string good = text_frame("good");
  for (const std::string& bad :
       {text_frame("bad \xC3\x28 text"), text_frame("cut \xE2\x82"), hex("81 05 48 65 6c 6c 6f"), hex("83 80 37 fa 21 3d"),
        hex("82 fe 00 05 37 fa 21 3d"), hex("82 ff ff ff ff ff ff ff ff ff 37 fa 21 3d"), client_header({}, 1 << 21),
        client_frame({.opcode = Opcode::close}, "x"), client_frame({.opcode = Opcode::close}, close_payload(1005)),
        client_frame({.opcode = Opcode::close}, close_payload(1000, "\xFF"))}) {
    const std::string bytes = good + bad + good;
    const auto whole = read_whole(bytes);
    ASSERT_EQ(whole.size(), 2U);
    EXPECT_EQ(whole[1].kind, EventKind::violation);
    expect_same_in_every_cut(bytes);
    if (HasFatalFailure()) return;
  }
}

TEST(FrameReader, G38_TakesAllSizesAtAllBufferOffsets) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 130; ++size) sizes.push_back(size);
  for (std::size_t size = 65'530; size <= 65'540; ++size) sizes.push_back(size);
  for (const std::size_t size : sizes) {
    const std::string payload = sample_payload(size);
    for (std::size_t offset = 0; offset < 64; ++offset) {
      std::string memory = std::string(offset, '#') + text_frame(payload);
      MutableBytes input{reinterpret_cast<std::uint8_t*>(memory.data()) + offset, memory.size() - offset};
      FrameReader reader;
      Partial* partial = nullptr;
      const Event event = reader.next(input, partial, usual_rules);
      ASSERT_EQ(event.kind, EventKind::message);
      ASSERT_EQ(text_of(event.payload), payload) << size << " at " << offset;
    }
  }
}

TEST(FrameReader, G38_TakesSizesAroundTheLengthFormsInManyCuts) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (std::size_t size = 65'530; size <= 65'540; ++size) {
    const std::string bytes = text_frame(sample_payload(size));
    const auto whole = read_whole(bytes);
    ASSERT_EQ(whole, std::vector{message_of(MessageType::text, sample_payload(size))});
    for (std::size_t cut = 0; cut < 20; ++cut) ASSERT_EQ(read_cut(bytes, cut), whole) << size << " cut " << cut;
    ASSERT_EQ(read_cut(bytes, bytes.size() - 1), whole);
    for (int round = 0; round < 64; ++round) {
      const std::size_t cut = random() % bytes.size();
      ASSERT_EQ(read_cut(bytes, cut), whole) << size << " cut " << cut;
    }
    ASSERT_EQ(read_in_pieces(bytes, 2048), whole);
  }
}

TEST(FrameReader, RunsOfFramesOfEverySizeComeOutInOrder) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (std::size_t size = 0; size <= 130; ++size) {
    for (std::size_t count = 2; count <= 64; ++count) {
      std::string bytes;
      std::vector<Seen> expected;
      for (std::size_t i = 0; i < count; ++i) {
        const std::string payload = sample_payload(i % 2 == 0 ? size : random() % 131);
        bytes += client_frame({.opcode = Opcode::binary, .key = static_cast<MaskingKey>(random())}, payload);
        expected.push_back(message_of(MessageType::binary, payload));
      }
      ASSERT_EQ(read_whole(bytes), expected) << size << " x " << count;
      ASSERT_EQ(read_cut(bytes, random() % bytes.size()), expected) << size << " x " << count;
    }
  }
}

TEST(FrameReader, FragmentsWithControlFramesBetweenThemInEveryCut) {
  const std::string bytes = fragment(Opcode::text, false, "Hel") + client_frame({.opcode = Opcode::ping}, "one") +
                            fragment(Opcode::continuation, false, "") + client_frame({.opcode = Opcode::pong}, "") +
                            fragment(Opcode::continuation, false, "lo, ") + client_frame({.opcode = Opcode::ping}, "") +
                            fragment(Opcode::continuation, true, "world") + text_frame("next") +
                            client_frame({.opcode = Opcode::close}, close_payload(1000, "done"));
  EXPECT_EQ(read_whole(bytes), (std::vector{control_of(EventKind::ping, "one"), control_of(EventKind::pong, ""),
                                            control_of(EventKind::ping, ""), message_of(MessageType::text, "Hello, world"),
                                            message_of(MessageType::text, "next"), close_of(CloseCode::normal, "done")}));
  expect_same_in_every_cut(bytes);
}

TEST(FrameReader, EveryFlippedHeaderBitHasOneVerdictInEveryCut) {
  const std::string first = fragment(Opcode::text, false, "abc");
  const std::string second = fragment(Opcode::continuation, true, sample_payload(130));
  const std::string good = first + client_frame({.opcode = Opcode::ping}, "x") + second + text_frame("tail");
  const std::size_t headers[] = {0, first.size(), first.size() + 7, good.size() - 10};
  for (const bool compression : {false, true}) {
    const ReaderRules rules{
        .message_bytes_max = 4096, .fragments_max = 4, .compression = compression, .compressed_bytes_max = 4096};
    for (const std::size_t header : headers) {
      for (std::size_t bit = 0; bit < 8 * 6; ++bit) {
        std::string flipped = good;
        flipped[header + bit / 8] = static_cast<char>(static_cast<unsigned char>(flipped[header + bit / 8]) ^ (1U << bit % 8));
        expect_same_in_every_cut(flipped, rules);
        ASSERT_FALSE(HasFatalFailure()) << "header at " << header << " bit " << bit;
      }
    }
  }
}

TEST(FrameReader, RandomBytesHaveOneVerdictInEveryCut) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const ReaderRules rules{.message_bytes_max = 40, .fragments_max = 3, .compression = true, .compressed_bytes_max = 40};
  for (int round = 0; round < 3000 && !HasFatalFailure(); ++round) {
    std::string bytes;
    for (int frame = 0; frame < 6; ++frame) {
      const Opcode opcodes[] = {Opcode::continuation, Opcode::text, Opcode::binary, Opcode::ping, Opcode::close};
      const FrameShape shape{opcodes[random() % 5], random() % 3 != 0, random() % 8 == 0, static_cast<MaskingKey>(random())};
      bytes += client_frame(shape, sample_payload(random() % 20));
    }
    expect_same_in_every_cut(bytes, rules);
  }
}

TEST(FrameReader, CompressedMessagesAreMarkedAndNotValidated) {
  const ReaderRules rules{.message_bytes_max = 1000, .fragments_max = 8, .compression = true, .compressed_bytes_max = 1000};
  const Seen expected{.kind = EventKind::message, .type = MessageType::text, .compressed = true, .payload = "\xFF\xFE"};
  const std::string whole = client_frame({.rsv1 = true}, "\xFF\xFE");
  const std::string parts = client_frame({.fin = false, .rsv1 = true}, "\xFF") + fragment(Opcode::continuation, true, "\xFE");
  EXPECT_EQ(read_whole(whole, rules), std::vector{expected});
  EXPECT_EQ(read_whole(parts, rules), std::vector{expected});
  expect_same_in_every_cut(whole + parts, rules);
}

TEST(FrameReader, CompressedMessagesHaveALimitOfTheirOwnOnTheWire) {
  const ReaderRules rules{.message_bytes_max = 10, .fragments_max = 8, .compression = true, .compressed_bytes_max = 12};
  const auto first_violation = [&](const std::string& bytes) { return read_whole(bytes, rules).front().violation; };
  EXPECT_EQ(first_violation(client_frame({.rsv1 = true}, sample_payload(12))), Violation::none);
  EXPECT_EQ(first_violation(client_frame({.rsv1 = true}, sample_payload(13))), Violation::message_too_big);
  EXPECT_EQ(first_violation(client_frame({}, sample_payload(11))), Violation::message_too_big);
  const std::string begun = client_frame({.fin = false, .rsv1 = true}, sample_payload(7));
  EXPECT_EQ(first_violation(begun + fragment(Opcode::continuation, true, sample_payload(5))), Violation::none);
  EXPECT_EQ(first_violation(begun + fragment(Opcode::continuation, true, sample_payload(6))), Violation::message_too_big);
}

TEST(FrameReader, AssembledPayloadHasRoomInFrontAndIsTheCallers) {
  Session session;
  FrameReader& reader = session.reader();
  std::string bytes = text_frame(sample_payload(200));
  Partial* partial = nullptr;
  MutableBytes head{reinterpret_cast<std::uint8_t*>(bytes.data()), 50};
  ASSERT_EQ(reader.next(head, partial, usual_rules).kind, EventKind::need_more);
  MutableBytes rest{reinterpret_cast<std::uint8_t*>(bytes.data()) + 50, bytes.size() - 50};
  const Event event = reader.next(rest, partial, usual_rules);
  ASSERT_EQ(event.kind, EventKind::message);
  ASSERT_NE(event.assembled, nullptr);
  EXPECT_EQ(partial, nullptr);
  std::fill_n(event.payload.data() - AssemblyBuffer::room_bytes, AssemblyBuffer::room_bytes, std::uint8_t{0xAA});
  EXPECT_EQ(text_of(event.payload), sample_payload(200));
  reader.recycle(event.assembled);
}

TEST(FrameReader, CostsNothingAtAMessageBoundary) {
  Session session;
  session.feed(fragment(Opcode::text, false, "a"));
  EXPECT_NE(session.partial(), nullptr);
  EXPECT_TRUE(FrameReader::unfinished(session.partial()));
  EXPECT_EQ(FrameReader::assembling_bytes(session.partial()), 1U);
  session.feed(fragment(Opcode::continuation, true, "b"));
  EXPECT_EQ(session.partial(), nullptr);
  session.feed(client_frame({.opcode = Opcode::ping}, "cut").substr(0, 7));
  EXPECT_TRUE(FrameReader::unfinished(session.partial()));
  session.feed(client_frame({.opcode = Opcode::ping}, "cut").substr(7));
  EXPECT_EQ(session.partial(), nullptr);
}

TEST(FrameReader, HoldsNothingForAConnectionThatSentNothing) {
  EXPECT_EQ(FrameReader::assembling_bytes(nullptr), 0U);
  EXPECT_FALSE(FrameReader::unfinished(nullptr));
  FrameReader reader;
  Partial* partial = nullptr;
  reader.abandon(partial);
  EXPECT_EQ(reader.memory_bytes(), 0U);
  EXPECT_EQ(reader.pool().held_bytes(), 0U);
}

TEST(FrameReader, GivesTheCloseReasonAsText) {
  std::string bytes = client_frame({.opcode = Opcode::close}, close_payload(1001, "off"));
  MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  FrameReader reader;
  Partial* partial = nullptr;
  EXPECT_EQ(reader.next(input, partial, usual_rules).reason(), "off");
}

TEST(FrameReader, ReadsNothingAfterTheEnd) {
  for (const std::string& last : {client_frame({.opcode = Opcode::close}, ""), hex("83 80 00 00 00 00")}) {
    Session session;
    session.feed(last + text_frame("in the same input"));
    EXPECT_EQ(session.leftover(), 0U);
    EXPECT_FALSE(FrameReader::unfinished(session.partial()));
    session.feed(text_frame("in the next")).feed(client_frame({.opcode = Opcode::ping}, ""));
    EXPECT_EQ(session.seen().size(), 1U);
    EXPECT_EQ(session.leftover(), 0U);
  }
}

TEST(FrameReader, AbandonGivesBackWhatWasHeld) {
  FrameReader reader;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes =
        fragment(Opcode::binary, false, sample_payload(300)) + client_frame({.opcode = Opcode::ping}, "unfinished").substr(0, 9);
    MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    Partial* partial = nullptr;
    ASSERT_EQ(reader.next(input, partial, usual_rules).kind, EventKind::need_more);
    reader.abandon(partial);
    ASSERT_EQ(partial, nullptr);
    ASSERT_LT(reader.memory_bytes(), 2000U);
  }
}

TEST(FrameReader, MemoryFollowsTheBytesReceived) {
  Session session;
  session.feed(client_header({.opcode = Opcode::binary}, 1 << 20));
  EXPECT_LE(session.reader().memory_bytes(), 256U) << "nothing for what was only declared";
  std::size_t received = 0;
  for (std::size_t piece = 1; received < 900'000; piece = piece * 5 / 4 + 1) {
    session.feed(std::string(piece, 'z'));
    received += piece;
    ASSERT_LE(session.reader().memory_bytes(), received + received / 10 + 512);
    ASSERT_EQ(FrameReader::assembling_bytes(session.partial()), received);
  }
}

TEST(FrameReader, RefusesWithTryAgainLaterWhenItsMemoryIsUsedUp) {
  FrameReader reader(20'000);
  std::string bytes =
      fragment(Opcode::binary, false, sample_payload(19'000)) + fragment(Opcode::continuation, false, sample_payload(1'000));
  MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  Partial* partial = nullptr;
  const Event event = reader.next(input, partial, usual_rules);
  EXPECT_EQ(event.kind, EventKind::violation);
  EXPECT_EQ(event.violation, Violation::memory_exhausted);
  EXPECT_EQ(facts_of(event.violation).close_code, CloseCode::try_again_later);
  reader.abandon(partial);
  EXPECT_LE(reader.memory_bytes(), limits::assembly_cached_bytes_max);
}

TEST(FrameReader, CachesOnlySoManyPartials) {
  FrameReader reader;
  std::vector<Partial*> partials(2 * limits::partials_cached_count_max, nullptr);
  std::string bytes = hex("82");
  for (Partial*& partial : partials) {
    MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    ASSERT_EQ(reader.next(input, partial, usual_rules).kind, EventKind::need_more);
  }
  const std::size_t peak = reader.memory_bytes();
  for (Partial*& partial : partials) reader.abandon(partial);
  EXPECT_EQ(reader.memory_bytes(), peak / 2);
}

}  // namespace
}  // namespace ringgate::ws
