// What a frame reader holds and when it gives up: verdicts before a payload is kept, fragments without end, memory. The rows of the
// abuse list themselves stand in tests/conformance/abuse; ids name those whose ceiling only a reader alone can show.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client_side.h"

namespace ringgate::ws {
namespace {

using namespace testing;

TEST(FrameReader, G26_to_G30_VerdictsNeedNoMaskingKeyAndNoPayload) {
  EXPECT_EQ(read_whole(hex("82 ff 80 00 00 00 00 00 00 00")), std::vector{violation_of(Violation::length_top_bit_set)});
  EXPECT_EQ(read_whole(hex("82 ff 7f ff ff ff ff ff ff ff")), std::vector{violation_of(Violation::message_too_big)});
  EXPECT_EQ(read_whole(hex("89 fe")), std::vector{violation_of(Violation::control_too_long)});
}

TEST(FrameReader, G34_AHeaderCutAnywhereIsHeldAndGivenBack) {
  const std::string header = client_header({}, 70'000);
  for (std::size_t size = 1; size < header.size(); ++size) {
    Session session;
    session.feed(header.substr(0, size));
    EXPECT_TRUE(session.seen().empty());
    EXPECT_LE(session.reader().memory_bytes(), 256U);
  }
}

TEST(FrameReader, H06_EmptyFragmentsCountAgainstTheLimit) {
  for (const std::uint32_t fragments_max : {1U, 2U, 1024U}) {
    const ReaderRules rules{.message_bytes_max = 1 << 20, .fragments_max = fragments_max};
    Session session(rules);
    session.feed(fragment(Opcode::text, false, ""));
    for (std::uint32_t i = 1; i < fragments_max; ++i) session.feed(fragment(Opcode::continuation, false, ""));
    EXPECT_TRUE(session.seen().empty());
    session.feed(fragment(Opcode::continuation, false, ""));
    ASSERT_EQ(session.seen(), std::vector{violation_of(Violation::too_many_fragments)});
  }
  EXPECT_EQ(facts_of(Violation::too_many_fragments).close_code, CloseCode::policy_violation);
}

TEST(FrameReader, H07_OneByteFragmentsCostNoMoreThanTheirBytesAndAConstant) {
  Session session;
  session.feed(fragment(Opcode::binary, false, "x"));
  for (std::size_t held = 2; held <= 1024; ++held) {
    session.feed(fragment(Opcode::continuation, false, "x"));
    ASSERT_LE(session.reader().memory_bytes(), held + held / 10 + 256) << held;
  }
  session.feed(fragment(Opcode::continuation, false, "x"));
  EXPECT_EQ(session.seen(), std::vector{violation_of(Violation::too_many_fragments)});
}

TEST(FrameReader, H08_RefusesAtTheHeaderThatCrossesTheLimit) {
  const ReaderRules rules{.message_bytes_max = 100, .fragments_max = 16};
  const std::string sixty = fragment(Opcode::binary, false, std::string(60, 'x'));
  const std::string fits = sixty + fragment(Opcode::continuation, true, std::string(40, 'y'));
  const std::string crosses = sixty + client_header({.opcode = Opcode::continuation}, 41);
  EXPECT_EQ(read_whole(fits, rules), std::vector{message_of(MessageType::binary, std::string(60, 'x') + std::string(40, 'y'))});
  EXPECT_EQ(read_whole(crosses, rules), std::vector{violation_of(Violation::message_too_big)});
  EXPECT_EQ(read_in_pieces(crosses, 1, rules), std::vector{violation_of(Violation::message_too_big)});
}

TEST(FrameReader, H16_UnfinishedMessagesOfManyConnectionsCostTheirBytesAndATenth) {
  FrameReader reader;
  std::vector<Partial*> partials(1000, nullptr);
  std::size_t received = 0;
  for (int round = 0; round < 20; ++round) {
    for (Partial*& partial : partials) {
      std::string bytes = fragment(round == 0 ? Opcode::binary : Opcode::continuation, false, std::string(1000, 'z'));
      MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
      ASSERT_EQ(reader.next(input, partial, usual_rules).kind, EventKind::need_more);
      received += 1000;
    }
    ASSERT_LE(reader.memory_bytes(), received + received / 10 + 1000 * 256);
  }
  for (Partial*& partial : partials) reader.abandon(partial);
  EXPECT_LE(reader.memory_bytes(), limits::assembly_cached_bytes_max + 1000 * 256);
}

}  // namespace
}  // namespace ringgate::ws
