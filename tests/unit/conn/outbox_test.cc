#include "conn/outbox.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ringgate::conn {
namespace {

std::string front_of(const Outbox& outbox, std::size_t pieces_max = 8) {
  std::array<ring::Piece, 8> pieces;
  const std::size_t count = outbox.front(std::span(pieces).first(pieces_max));
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += text_of({pieces[i].data, pieces[i].size});
  return text;
}

TEST(Outbox, KeepsTheOrderOfCopiesAndMessages) {
  Outbox outbox(1);
  EXPECT_TRUE(outbox.empty());
  const auto message = ws::MessageRef::encode(MessageType::text, bytes_of("message"));
  outbox.append(bytes_of("ab"));
  outbox.append(message, 2);
  outbox.append(bytes_of("cd"));
  outbox.append(message, message->frame().size());  // nothing is left of it
  EXPECT_EQ(outbox.bytes(), 11U);
  EXPECT_EQ(front_of(outbox), "abmessagecd");
  EXPECT_EQ(front_of(outbox, 2), "abmessage");
}

TEST(Outbox, NamesTheMessageAtItsFront) {
  Outbox outbox(1);
  EXPECT_EQ(outbox.front_message().message, nullptr);
  const auto message = ws::MessageRef::encode(MessageType::text, bytes_of("message"));
  outbox.append(bytes_of("ab"));
  outbox.append(message, 2);
  EXPECT_EQ(outbox.front_message().message, nullptr) << "bytes are before it";
  outbox.consume(2, 5);
  EXPECT_EQ(outbox.front_message().message, &*message);
  EXPECT_EQ(outbox.front_message().offset, 2U);
  outbox.consume(3, 5);
  EXPECT_EQ(outbox.front_message().offset, 5U);
  outbox.consume(4, 5);
  EXPECT_EQ(outbox.front_message().message, nullptr);
}

TEST(Outbox, ConsumesAnyNumberOfBytes) {
  const std::string expected = "abmessagecd";
  for (std::size_t taken = 0; taken <= expected.size(); ++taken) {
    Outbox outbox(1);
    outbox.append(bytes_of("ab"));
    outbox.append(ws::MessageRef::encode(MessageType::text, bytes_of("message")), 2);
    outbox.append(bytes_of("cd"));
    outbox.consume(taken, 5);
    EXPECT_EQ(front_of(outbox), expected.substr(taken));
    EXPECT_EQ(outbox.bytes(), expected.size() - taken);
    EXPECT_EQ(outbox.progress_at(), taken == 0 ? 1U : 5U) << "only bytes are progress";
    EXPECT_EQ(outbox.empty(), taken == expected.size());
  }
}

TEST(Outbox, LeavesWhatIsBeingSentWhereItIs) {
  Outbox outbox(1);
  outbox.append(bytes_of("first"));
  ring::Piece piece;
  ASSERT_EQ(outbox.front({&piece, 1}), 1U);
  for (int i = 0; i < 100; ++i) outbox.append(bytes_of(std::string(1000, 'x')));
  EXPECT_EQ(text_of({piece.data, 5}), "first");
  ring::Piece again;
  ASSERT_EQ(outbox.front({&again, 1}), 1U);
  EXPECT_EQ(again.data, piece.data);
}

TEST(Outbox, SpreadsLargeBytesOverChunksWithoutLoss) {
  Outbox outbox(1);
  std::string expected;
  for (const std::size_t size : {1U, 4094U, 1U, 1U, 4096U, 10'000U, 3U}) {
    const std::string bytes(size, static_cast<char>('a' + size % 26));
    outbox.append(bytes_of(bytes));
    expected += bytes;
  }
  std::string sent;
  while (!outbox.empty()) {
    const std::string next = front_of(outbox, 1).substr(0, 777);
    sent += next;
    outbox.consume(next.size(), 2);
  }
  EXPECT_EQ(sent, expected);
}

}  // namespace
}  // namespace ringgate::conn
