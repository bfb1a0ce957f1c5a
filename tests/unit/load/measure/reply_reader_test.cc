#include "load/measure/reply_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringgate::measure {
namespace {

using Bytes = std::vector<std::uint8_t>;

const UnitForm& run_of_three() {
  static const UnitForm form({Protocol::websocket, PayloadKind::binary, 20, 3, 1, false, 5});
  return form;
}

Bytes reply(const UnitForm& form, std::uint64_t number) {
  Bytes bytes(form.reply_bytes());
  form.copy_reply({0, number}, 0, bytes);
  return bytes;
}

struct Seen {
  std::uint64_t units = 0;
  std::uint64_t pings = 0;
  std::uint64_t closes = 0;
  bool has_fault = false;
  std::string last_control;
  std::string fault;
};

void feed(ReplyReader& reader, ByteView bytes, Seen& seen) {
  while (!seen.has_fault) {
    switch (reader.step(bytes)) {
      case ReplyStep::need_more: EXPECT_TRUE(bytes.empty()); return;
      case ReplyStep::unit: ++seen.units; break;
      case ReplyStep::ping:
        ++seen.pings;
        seen.last_control = text_of(reader.control_payload());
        break;
      case ReplyStep::close:
        ++seen.closes;
        seen.last_control = text_of(reader.control_payload());
        break;
      case ReplyStep::fault:
        seen.has_fault = true;
        seen.fault = reader.fault();
        break;
    }
  }
}

// `bytes` whole, cut in two at every place, and one by one.
template <typename Check>
void in_every_cut(const UnitForm& form, std::uint64_t expected, const Bytes& bytes, Check check) {
  for (std::size_t cut = 0; cut <= bytes.size() + 1; ++cut) {
    ReplyReader reader(form, 0);
    reader.expect(expected);
    Seen seen;
    if (cut <= bytes.size()) {
      feed(reader, ByteView(bytes).first(cut), seen);
      feed(reader, ByteView(bytes).subspan(cut), seen);
    } else {
      for (const std::uint8_t byte : bytes) feed(reader, {&byte, 1}, seen);
    }
    ASSERT_NO_FATAL_FAILURE(check(reader, seen)) << "cut at " << cut;
  }
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// The payload of message `index` of unit 0.
Bytes payload_of(const UnitForm& form, std::size_t index) {
  const Bytes all = reply(form, 0);
  const auto start = all.begin() + static_cast<std::ptrdiff_t>(index * form.reply_frame_bytes() + form.reply_header_bytes());
  return {start, start + static_cast<std::ptrdiff_t>(form.shape().size)};
}

Bytes frame(std::uint8_t first, const Bytes& payload) {
  return joined({{first, static_cast<std::uint8_t>(payload.size())}, payload});
}

TEST(ReplyReader, TakesUnitsInEveryCut) {
  const UnitForm& form = run_of_three();
  in_every_cut(form, 2, joined({reply(form, 0), reply(form, 1)}), [](const ReplyReader& reader, const Seen& seen) {
    ASSERT_FALSE(seen.has_fault) << seen.fault;
    ASSERT_EQ(seen.units, 2U);
    ASSERT_EQ(reader.outstanding(), 0U);
  });
}

TEST(ReplyReader, TakesFragmentsWithControlFramesBetween) {
  const UnitForm& form = run_of_three();
  const Bytes first = payload_of(form, 0);
  const Bytes bytes =
      joined({frame(0x89, {'a'}), frame(0x02, {first.begin(), first.begin() + 7}), frame(0x89, {'b', 'c'}), frame(0x00, {}),
              frame(0x80, {first.begin() + 7, first.end()}), frame(0x8a, {'x'}), frame(0x82, payload_of(form, 1)),
              frame(0x89, {}), frame(0x82, payload_of(form, 2)), frame(0x89, {'d'}), reply(form, 1), frame(0x88, {0x03, 0xe8})});
  in_every_cut(form, 2, bytes, [](const ReplyReader&, const Seen& seen) {
    ASSERT_FALSE(seen.has_fault) << seen.fault;
    ASSERT_EQ(seen.units, 2U);
    ASSERT_EQ(seen.pings, 4U);
    ASSERT_EQ(seen.closes, 1U);
    ASSERT_EQ(seen.last_control, "\x03\xe8");
  });
}

TEST(ReplyReader, FindsEveryWrongByteInEveryCut) {
  const UnitForm form({Protocol::websocket, PayloadKind::ascii, 11, 2, 1, false, 5});
  const Bytes right = reply(form, 0);
  for (std::size_t at = 0; at < right.size(); ++at) {
    for (const std::uint8_t flip : {std::uint8_t{0x01}, std::uint8_t{0x10}, std::uint8_t{0x80}}) {
      Bytes wrong = right;
      wrong[at] ^= flip;
      // Enough behind it that a frame made longer by the flip comes to its end as well.
      const Bytes bytes = joined({wrong, reply(form, 1), Bytes(200, 0)});
      in_every_cut(form, 2, bytes,
                   [&](const ReplyReader&, const Seen& seen) { ASSERT_TRUE(seen.has_fault || seen.closes != 0) << at; });
    }
  }
}

TEST(ReplyReader, RefusesWhatNobodyAskedFor) {
  const UnitForm& form = run_of_three();
  in_every_cut(form, 1, joined({reply(form, 0), frame(0x82, payload_of(form, 0))}), [](const ReplyReader&, const Seen& seen) {
    ASSERT_EQ(seen.units, 1U);
    ASSERT_TRUE(seen.has_fault);
  });
}

TEST(ReplyReader, RefusesAStaleAndASwappedReply) {
  const UnitForm& form = run_of_three();
  for (const Bytes& bytes : {reply(form, 1), joined({reply(form, 0), reply(form, 0)})}) {
    in_every_cut(form, 2, bytes, [](const ReplyReader&, const Seen& seen) { ASSERT_TRUE(seen.has_fault); });
  }
}

TEST(ReplyReader, KeepsTheRulesOfServerFrames) {
  const UnitForm form({Protocol::websocket, PayloadKind::binary, 4, 1, 1, false, 5});
  const Bytes payload = payload_of(form, 0);
  const std::pair<const char*, Bytes> all[] = {
      {"masked", joined({{0x82, 0x84, 0, 0, 0, 0}, payload})},
      {"length not in its shortest form", joined({{0x82, 126, 0, 4}, payload})},
      {"reserved bits", frame(0xc2, payload)},
      {"type changed", frame(0x81, payload)},
      {"continuation of nothing", frame(0x80, payload)},
      {"inside a message", joined({frame(0x02, {payload[0]}), frame(0x82, payload)})},
      {"too long", frame(0x82, joined({payload, {0}}))},
      {"too short", frame(0x82, {payload[0], payload[1]})},
      {"fragmented control", frame(0x09, {})},
      {"unknown opcode", frame(0x83, {})},
  };
  for (const auto& [named, bytes] : all) {
    in_every_cut(form, 1, bytes, [&](const ReplyReader&, const Seen& seen) {
      ASSERT_TRUE(seen.has_fault) << named;
      ASSERT_NE(seen.fault.find(named), std::string::npos) << seen.fault;
    });
  }
}

TEST(ReplyReader, InflatesCompressedReplies) {
  const UnitForm form({Protocol::websocket, PayloadKind::json, 100, 1, 1, true, 5});
  Bytes request(form.request_bytes_max() + UnitForm::build_slack);
  request.resize(form.build(request.data(), {0, 0}));
  Bytes deflated;  // the request, unmasked: what an echo that compresses alike sends
  for (std::size_t i = 6; i < request.size(); ++i) deflated.push_back(request[i] ^ request[2 + (i - 6) % 4]);
  const Bytes half(deflated.begin(), deflated.begin() + 30);
  const Bytes rest(deflated.begin() + 30, deflated.end());
  for (const Bytes& bytes :
       {frame(0xc1, deflated), joined({frame(0x41, half), frame(0x80, rest)}), frame(0x81, payload_of(form, 0))}) {
    in_every_cut(form, 1, bytes, [](const ReplyReader&, const Seen& seen) {
      ASSERT_FALSE(seen.has_fault) << seen.fault;
      ASSERT_EQ(seen.units, 1U);
    });
  }
  deflated[40] ^= 4;
  in_every_cut(form, 1, frame(0xc1, deflated), [](const ReplyReader&, const Seen& seen) { ASSERT_TRUE(seen.has_fault); });
}

TEST(ReplyReader, TakesRawBytesInEveryCut) {
  const UnitForm form({Protocol::raw, PayloadKind::binary, 5, 1, 1, false, 5});
  in_every_cut(form, 2, joined({reply(form, 0), reply(form, 1)}),
               [](const ReplyReader&, const Seen& seen) { ASSERT_EQ(seen.units, 2U); });
  in_every_cut(form, 2, joined({reply(form, 0), reply(form, 1), {0}}),
               [](const ReplyReader&, const Seen& seen) { ASSERT_TRUE(seen.has_fault); });
}

}  // namespace
}  // namespace ringgate::measure
