#include "load/measure/unit_form.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "load/measure/raw_deflate.h"
#include "load/measure/wire_size.h"
#include "load/random.h"

namespace ringgate::measure {
namespace {

std::vector<std::uint8_t> built(const UnitForm& form, UnitId id) {
  std::vector<std::uint8_t> bytes(form.request_bytes_max() + UnitForm::build_slack);
  bytes.resize(form.build(bytes.data(), id));
  return bytes;
}

std::vector<std::uint8_t> reply(const UnitForm& form, UnitId id) {
  std::vector<std::uint8_t> bytes(form.reply_bytes());
  form.copy_reply(id, 0, bytes);
  return bytes;
}

struct Frame {
  std::uint8_t first = 0;
  std::uint32_t key = 0;
  std::vector<std::uint8_t> payload;
};

// A plain reader of masked frames, byte by byte.
std::vector<Frame> read_frames(const std::vector<std::uint8_t>& bytes) {
  std::vector<Frame> frames;
  for (std::size_t at = 0; at < bytes.size();) {
    Frame frame;
    frame.first = bytes[at];
    EXPECT_EQ(bytes[at + 1] & 0x80, 0x80);
    std::size_t length = bytes[at + 1] & 0x7f;
    at += 2;
    const std::size_t more = length < 126 ? 0 : length == 126 ? 2 : 8;
    if (more != 0) length = 0;
    for (std::size_t i = 0; i < more; ++i) length = length << 8 | bytes[at++];
    const std::size_t key_at = at;
    for (std::size_t i = 0; i < 4; ++i) frame.key = frame.key << 8 | bytes[at++];
    for (std::size_t i = 0; i < length; ++i) frame.payload.push_back(bytes[at++] ^ bytes[key_at + i % 4]);
    frames.push_back(std::move(frame));
  }
  return frames;
}

// What a server must answer to these frames: each message in one frame.
std::vector<std::uint8_t> echo_of(const std::vector<Frame>& frames) {
  std::vector<std::uint8_t> out;
  std::vector<std::uint8_t> message;
  std::uint8_t opcode = 0;
  for (const Frame& frame : frames) {
    if ((frame.first & 0x0f) != 0) opcode = frame.first & 0x0f;
    message.insert(message.end(), frame.payload.begin(), frame.payload.end());
    if ((frame.first & 0x80) == 0) continue;
    out.push_back(0x80 | opcode);
    const std::size_t bytes = server_header_bytes(message.size());
    out.push_back(static_cast<std::uint8_t>(bytes == 2 ? message.size() : bytes == 4 ? 126 : 127));
    for (std::size_t i = 2; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(message.size() >> (8 * (bytes - 1 - i))));
    out.insert(out.end(), message.begin(), message.end());
    message.clear();
  }
  return out;
}

UnitShape shape(PayloadKind kind, std::size_t size, std::size_t messages, std::uint32_t fragments) {
  return {Protocol::websocket, kind, size, messages, fragments, false, 7};
}

TEST(UnitForm, IsWhatAServerEchoesAsTheReply) {
  for (const PayloadKind kind : {PayloadKind::binary, PayloadKind::ascii, PayloadKind::utf8, PayloadKind::json}) {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 17U, 20U, 125U, 126U, 1000U, 65535U, 65536U, 100'000U}) {
      if (kind == PayloadKind::json && size < json_size_min) continue;
      for (const auto& [messages, fragments] : {std::pair{1U, 1U}, std::pair{3U, 1U}, std::pair{1U, 2U}, std::pair{1U, 64U}}) {
        const UnitForm form(shape(kind, size, messages, fragments));
        const UnitId id{3, 11};
        const auto bytes = built(form, id);
        ASSERT_EQ(bytes.size(), form.request_bytes_max());
        const auto frames = read_frames(bytes);
        ASSERT_EQ(frames.size(), messages * fragments);
        ASSERT_EQ(echo_of(frames), reply(form, id)) << name_of(kind) << " " << size;
      }
    }
  }
}

TEST(UnitForm, IsTheSameWheneverItIsBuiltAgain) {
  const UnitForm form(shape(PayloadKind::binary, 20, 5, 1));
  const UnitForm again(shape(PayloadKind::binary, 20, 5, 1));
  EXPECT_EQ(built(form, {1, 2}), built(again, {1, 2}));
}

TEST(UnitForm, DiffersFromUnitToUnitAndKeyToKey) {
  const UnitForm form(shape(PayloadKind::binary, 20, 4, 1));
  std::set<std::string> replies;
  std::set<std::uint32_t> keys;
  for (std::uint32_t connection = 0; connection < 10; ++connection) {
    for (std::uint64_t number = 0; number < 100; ++number) {
      replies.emplace(text_of(reply(form, {connection, number})));
      for (const Frame& frame : read_frames(built(form, {connection, number}))) keys.insert(frame.key);
    }
  }
  EXPECT_EQ(replies.size(), 1000U);
  EXPECT_GE(keys.size(), 3999U);
}

TEST(UnitForm, MatchesItsReplyInEveryCutAndNoOther) {
  for (const std::size_t size : {3U, 8U, 20U, 130U}) {
    const UnitForm form(shape(PayloadKind::ascii, size, 2, 1));
    const UnitId id{2, 9};
    const auto right = reply(form, id);
    for (std::size_t from = 0; from <= right.size(); ++from) {
      for (std::size_t to = from; to <= right.size(); ++to)
        ASSERT_TRUE(form.matches(id, from, ByteView(right).subspan(from, to - from)));
    }
    for (std::size_t at = 0; at < right.size(); ++at) {
      auto wrong = right;
      wrong[at] ^= 1;
      ASSERT_FALSE(form.matches(id, 0, wrong)) << at;
      ASSERT_FALSE(form.matches(id, at, ByteView(wrong).subspan(at, 1))) << at;
    }
  }
}

TEST(UnitForm, RawIsItsOwnReply) {
  const UnitForm form({Protocol::raw, PayloadKind::binary, 20, 3, 1, false, 1});
  EXPECT_EQ(built(form, {1, 5}), reply(form, {1, 5}));
  EXPECT_EQ(form.reply_bytes(), 3 * client_frame_bytes(20));
}

TEST(UnitForm, DeflatedInflatesToTheReply) {
  const UnitForm form({Protocol::websocket, PayloadKind::json, 500, 1, 1, true, 1});
  for (std::uint64_t number = 0; number < 70; ++number) {
    const auto frames = read_frames(built(form, {0, number}));
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].first, 0xc1);
    std::string payload;
    ASSERT_TRUE(inflate_message(frames[0].payload, 500, payload));
    EXPECT_TRUE(form.matches({0, number}, form.reply_header_bytes(), bytes_of(payload)));
  }
}

TEST(RawDeflate, GivesBackWhatItTookAndRefusesRubbish) {
  load::Random random(1);
  std::string out;
  for (const std::size_t size : {0U, 1U, 100U, 100'000U}) {
    const std::string payload = make_payload(PayloadKind::utf8, size, random);
    ASSERT_TRUE(inflate_message(bytes_of(deflate_message(bytes_of(payload))), size, out));
    EXPECT_EQ(out, payload);
  }
  EXPECT_FALSE(inflate_message(bytes_of(deflate_message(bytes_of("0123456789"))), 9, out));
  EXPECT_FALSE(inflate_message(bytes_of("\xff\xff\xff"), 100, out));
}

}  // namespace
}  // namespace ringgate::measure
