// Rows of the abuse list that a codec can answer, each by its id: headers (G), fragments (H), UTF-8 (I),
// closing (J). Every row is read whole, cut at every octet, and octet by octet.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "client_side.h"
#include "utf8_reference.h"

namespace ringgate::ws {
namespace {

using namespace testing;

struct Row {
  std::string id;
  std::string octets;
  std::vector<Seen> expected;
  bool compression = false;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.id;
}

Row broken(std::string id, std::string octets, Violation violation, bool compression = false) {
  return {std::move(id), std::move(octets), {violation_of(violation)}, compression};
}

class BadInput : public ::testing::TestWithParam<Row> {};

TEST_P(BadInput, HasItsOneAnswerInEveryCut) {
  const Row& row = GetParam();
  const ReaderRules rules{
      .message_bytes_max = 1 << 20, .fragments_max = 1024, .compression = row.compression, .compressed_bytes_max = 1 << 20};
  ASSERT_EQ(read_whole(row.octets, rules), row.expected);
  const std::size_t step = row.octets.size() <= 2048 ? 1 : row.octets.size() / 64;
  for (std::size_t cut = 0; cut <= row.octets.size(); cut += step) {
    ASSERT_EQ(read_cut(row.octets, cut, rules), row.expected) << "cut at " << cut;
  }
  ASSERT_EQ(read_in_pieces(row.octets, 1, rules), row.expected);
}

const std::string m = hex("37 fa 21 3d");
const std::string pl = masked("Hello");

std::vector<Row> header_rows() {
  std::vector<Row> rows{
      broken("G01", hex("81 05 48 65 6c 6c 6f"), Violation::not_masked),
      broken("G02", hex("89 00"), Violation::not_masked),
      broken("G04", hex("c1 85") + m + pl, Violation::rsv1_not_negotiated),
      broken("G05", hex("a1 85") + m + pl, Violation::reserved_bit_set),
      broken("G06", hex("91 85") + m + pl, Violation::reserved_bit_set),
      broken("G08", hex("c9 80") + m, Violation::rsv1_on_control, true),
      broken("G09", fragment(Opcode::text, false, "a") + hex("c0 85") + m + pl,
             Violation::rsv1_on_continuation, true),
      broken("G21", hex("89 fe 00 7e") + m + masked(std::string(126, 'p')), Violation::control_too_long),
      broken("G22", hex("88 fe 00 7e") + m + masked(std::string(126, 'p')), Violation::control_too_long),
      broken("G24", hex("89 ff 00 00 00 00 00 00 00 01") + m + "x", Violation::control_too_long),
      broken("G25_ping", hex("09 80") + m, Violation::control_fragmented),
      broken("G25_pong", hex("0a 80") + m, Violation::control_fragmented),
      broken("G25_close", hex("08 80") + m, Violation::control_fragmented),
      broken("G26", hex("82 ff 80 00 00 00 00 00 00 00") + m, Violation::length_top_bit_set),
      broken("G27", hex("82 ff ff ff ff ff ff ff ff ff") + m, Violation::length_top_bit_set),
      broken("G28", hex("82 ff 7f ff ff ff ff ff ff ff") + m, Violation::message_too_big),
      broken("G30", client_header({.opcode = Opcode::binary}, (1 << 20) + 1), Violation::message_too_big),
      broken("G32", hex("82 fe 00 05") + m + pl, Violation::length_not_minimal),
      broken("G33_64_bit_form", hex("82 ff 00 00 00 00 00 00 ff ff") + m, Violation::length_not_minimal),
      {"G37", hex("81 85 00 00 00 00") + "Hello", {message_of(MessageType::text, "Hello")}},
      {"G40_empty", client_frame({.opcode = Opcode::ping}, ""), {control_of(EventKind::ping, "")}},
      {"G40_full",
       client_frame({.opcode = Opcode::ping}, std::string(125, 'p')),
       {control_of(EventKind::ping, std::string(125, 'p'))}},
      {"G43",
       text_frame("first") + hex("81 05 48 65 6c 6c 6f"),
       {message_of(MessageType::text, "first"), violation_of(Violation::not_masked)}},
  };
  for (const char* first : {"f1", "b1", "d1", "e1"}) {
    rows.push_back(broken(std::string("G07_") + first, hex(first) + hex("85") + m + pl,
                          Violation::reserved_bit_set, true));
  }
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
    rows.push_back(broken("G10_to_G19_opcode_" + std::to_string(opcode),
                          std::string{static_cast<char>(0x80 | opcode), static_cast<char>(0x80)} + m,
                          Violation::reserved_opcode));
  }
  for (const std::uint64_t length :
       {0x7FFF'FFFFULL, 0x8000'0000ULL, 0xFFFF'FFFFULL, 0x1'0000'0000ULL, 0x1'0000'0005ULL}) {
    rows.push_back(broken("G29_" + std::to_string(length), client_header({.opcode = Opcode::binary}, length),
                          Violation::message_too_big));
  }
  return rows;
}

std::vector<Row> fragment_rows() {
  const std::string begin = fragment(Opcode::text, false, "");
  std::string pings;
  std::vector<Seen> pinged;
  for (int i = 0; i < 100; ++i) {
    pings += client_frame({.opcode = Opcode::ping}, std::to_string(i));
    pinged.push_back(control_of(EventKind::ping, std::to_string(i)));
  }
  pinged.push_back(message_of(MessageType::text, "intact"));
  std::vector<Row> rows{
      broken("H01", hex("80 85") + m + pl, Violation::continuation_without_message),
      broken("H02", hex("00 85") + m + pl, Violation::continuation_without_message),
      broken("H03", hex("01 80") + m + hex("81 85") + m + pl, Violation::message_not_finished),
      broken("H04", hex("02 80") + m + hex("82 80") + m, Violation::message_not_finished),
      {"H05",
       fragment(Opcode::text, false, "te") + client_frame({.opcode = Opcode::ping}, "now") +
           fragment(Opcode::continuation, true, "xt"),
       {control_of(EventKind::ping, "now"), message_of(MessageType::text, "text")}},
      broken("H09_63_bits",
             fragment(Opcode::binary, false, "x") +
                 client_header({.opcode = Opcode::continuation}, 0x7FFF'FFFF'FFFF'FFFF),
             Violation::message_too_big),
      broken("H09_64_bits", fragment(Opcode::binary, false, "x") + hex("00 ff ff ff ff ff ff ff ff ff") + m,
             Violation::length_top_bit_set),
      {"H11", fragment(Opcode::text, false, "int") + pings + fragment(Opcode::continuation, true, "act"),
       pinged},
      {"H12",
       fragment(Opcode::text, false, "dis") + client_frame({.opcode = Opcode::close}, close_payload(1000)) +
           fragment(Opcode::continuation, true, "carded"),
       {close_of(CloseCode::normal)}},
      broken("H15", fragment(Opcode::text, false, "a") + hex("c0 85") + m + pl,
             Violation::rsv1_on_continuation, true),
  };
  const std::string character = "\xF0\x9F\x98\x80";
  for (std::size_t first = 1; first < 4; ++first) {
    for (std::size_t second = first; second < 4; ++second) {
      rows.push_back({"H13_" + std::to_string(first) + std::to_string(second),
                      fragment(Opcode::text, false, character.substr(0, first)) +
                          fragment(Opcode::continuation, false, character.substr(first, second - first)) +
                          fragment(Opcode::continuation, true, character.substr(second)),
                      {message_of(MessageType::text, character)}});
    }
  }
  return rows;
}

std::vector<Row> utf8_rows() {
  std::vector<std::pair<std::string, std::string>> invalid{{"I01", hex("c0 80")},
                                                           {"I02", hex("c1 bf")},
                                                           {"I03_a", hex("e0 80 80")},
                                                           {"I03_b", hex("e0 9f bf")},
                                                           {"I04_a", hex("f0 80 80 80")},
                                                           {"I04_b", hex("f0 8f bf bf")},
                                                           {"I05", hex("ed a0 80")},
                                                           {"I06", hex("f4 90 80 80")},
                                                           {"I07_a", hex("f5 80 80 80")},
                                                           {"I07_b", hex("f7 bf bf bf")},
                                                           {"I09", hex("80")},
                                                           {"I10_a", hex("e2 82")},
                                                           {"I10_b", hex("f0 9f 98")},
                                                           {"I10_c", hex("c3")},
                                                           {"I11_a", hex("e2 28 a1")},
                                                           {"I11_b", hex("e2 82 28")},
                                                           {"I11_c", hex("f0 28 8c bc")},
                                                           {"I13", std::string(65'535, 'a') + hex("ff")}};
  for (unsigned octet = 0xF8; octet <= 0xFF; ++octet) {
    invalid.emplace_back("I08_" + std::to_string(octet), std::string(1, static_cast<char>(octet)));
  }
  for (const std::size_t offset : {15U, 16U, 31U, 32U, 63U, 64U, 127U, 128U}) {
    std::string text(200, 'a');
    text[offset] = static_cast<char>(0xFF);
    invalid.emplace_back("I12_" + std::to_string(offset), text);
  }
  std::vector<Row> rows;
  for (const auto& [id, payload] : invalid) {
    rows.push_back(broken(id, text_frame(payload), Violation::text_not_utf8));
    if (id == "I13") continue;
    rows.push_back({"I20_" + id,
                    client_frame({.opcode = Opcode::binary}, payload),
                    {message_of(MessageType::binary, payload)}});
    if (payload.size() <= 125) {
      rows.push_back({"I21_" + id,
                      client_frame({.opcode = Opcode::ping}, payload),
                      {control_of(EventKind::ping, payload)}});
    }
  }
  rows.push_back(broken(
      "I14", fragment(Opcode::text, false, "valid") + fragment(Opcode::continuation, false, hex("f4 90")),
      Violation::text_not_utf8));
  rows.push_back(broken("I15", client_header({}, 100) + masked(hex("f4 90")), Violation::text_not_utf8));
  for (const char* octets : {"ef bf bf", "ef bf be", "f4 8f bf bf", "ef bb bf", "00"}) {
    std::string id = std::string("I17_") + octets;
    std::ranges::replace(id, ' ', '_');
    rows.push_back({id, text_frame(hex(octets)), {message_of(MessageType::text, hex(octets))}});
  }
  rows.push_back({"I23", text_frame(""), {message_of(MessageType::text, "")}});
  rows.push_back({"I23_compression_on", text_frame(""), {message_of(MessageType::text, "")}, true});
  rows.push_back(
      {"I24", text_frame("\xF0\x9F\x98\x80"), {message_of(MessageType::text, "\xF0\x9F\x98\x80")}});
  return rows;
}

std::vector<Row> closing_rows() {
  const auto closing = [](std::string_view payload) {
    return client_frame({.opcode = Opcode::close}, payload);
  };
  std::vector<Row> rows{
      {"J01", closing(""), {close_of(CloseCode::no_status)}},
      broken("J02", closing("x"), Violation::close_payload_one_octet),
      {"J14_longest_reason",
       closing(close_payload(1001, std::string(123, 'r'))),
       {close_of(CloseCode::going_away, std::string(123, 'r'))}},
      broken("J16", closing(close_payload(1000, hex("ff fe"))), Violation::close_reason_not_utf8),
      broken("J17", closing(close_payload(1000, hex("e2 82"))), Violation::close_reason_not_utf8),
      {"J19",
       closing(close_payload(1000)) + text_frame("late") + client_frame({.opcode = Opcode::ping}, "late") +
           closing(""),
       {close_of(CloseCode::normal)}},
  };
  for (const unsigned code :
       {0U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U, 65'535U}) {
    rows.push_back(broken("J03_to_J13_" + std::to_string(code), closing(close_payload(code)),
                          Violation::close_code_not_allowed));
  }
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U, 1013U,
                              1014U, 3000U, 3999U, 4000U, 4999U}) {
    rows.push_back({"J15_" + std::to_string(code),
                    closing(close_payload(code)),
                    {close_of(static_cast<CloseCode>(code))}});
  }
  return rows;
}

std::string id_of(const ::testing::TestParamInfo<Row>& row) {
  return row.param.id;
}
INSTANTIATE_TEST_SUITE_P(G_Headers, BadInput, ::testing::ValuesIn(header_rows()), id_of);
INSTANTIATE_TEST_SUITE_P(H_Fragments, BadInput, ::testing::ValuesIn(fragment_rows()), id_of);
INSTANTIATE_TEST_SUITE_P(I_Utf8, BadInput, ::testing::ValuesIn(utf8_rows()), id_of);
INSTANTIATE_TEST_SUITE_P(J_Closing, BadInput, ::testing::ValuesIn(closing_rows()), id_of);

TEST(FrameReader, G26_to_G30_VerdictsNeedNoMaskingKeyAndNoPayload) {
  EXPECT_EQ(read_whole(hex("82 ff 80 00 00 00 00 00 00 00")),
            std::vector{violation_of(Violation::length_top_bit_set)});
  EXPECT_EQ(read_whole(hex("82 ff 7f ff ff ff ff ff ff ff")),
            std::vector{violation_of(Violation::message_too_big)});
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

TEST(FrameReader, H07_OneOctetFragmentsCostNoMoreThanTheirOctetsAndAConstant) {
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
  EXPECT_EQ(read_whole(fits, rules),
            std::vector{message_of(MessageType::binary, std::string(60, 'x') + std::string(40, 'y'))});
  EXPECT_EQ(read_whole(crosses, rules), std::vector{violation_of(Violation::message_too_big)});
  EXPECT_EQ(read_in_pieces(crosses, 1, rules), std::vector{violation_of(Violation::message_too_big)});
}

TEST(FrameReader, H16_UnfinishedMessagesOfManyConnectionsCostTheirOctetsAndATenth) {
  FrameReader reader;
  std::vector<Partial*> partials(1000, nullptr);
  std::size_t received = 0;
  for (int round = 0; round < 20; ++round) {
    for (Partial*& partial : partials) {
      std::string octets =
          fragment(round == 0 ? Opcode::binary : Opcode::continuation, false, std::string(1000, 'z'));
      MutableBytes input{reinterpret_cast<std::uint8_t*>(octets.data()), octets.size()};
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
