#include "ws/prepared_message.h"

#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "client_side.h"

namespace ringgate::ws {
namespace {

TEST(PreparedMessage, HoldsHeaderAndPayloadInOneRun) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65'535U, 65'536U}) {
    const std::string payload(size, 'q');
    const MessageRef message = MessageRef::encode(MessageType::text, bytes_of(payload));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type(), MessageType::text);
    EXPECT_EQ(text_of(message->payload()), payload);
    EXPECT_EQ(message->frame().size(), header_bytes(size) + size);
    EXPECT_EQ(message->frame().data() + header_bytes(size), message->payload().data());
    EXPECT_EQ(decode_header(message->frame().data()).payload_bytes, size);
  }
}

TEST(MessageRef, CopiesShareAndTheLastOneFrees) {
  MessageRef first = MessageRef::encode(MessageType::binary, bytes_of("shared"));
  MessageRef second = first;
  EXPECT_EQ(first->payload().data(), second->payload().data());
  first = MessageRef{};
  EXPECT_FALSE(first);
  EXPECT_EQ(text_of(second->payload()), "shared");
  MessageRef third = std::move(second);
  EXPECT_FALSE(second);  // NOLINT: the moved-from state is the promise
  const MessageRef& same = third;
  third = same;
  EXPECT_EQ(text_of(third->payload()), "shared");
}

TEST(MessageRef, TravelsAsABarePointer) {
  MessageRef message = MessageRef::encode(MessageType::binary, bytes_of("parcel"));
  const PreparedMessage* const parcel = message.detach();
  EXPECT_FALSE(message);
  EXPECT_EQ(text_of(MessageRef::attach(parcel)->payload()), "parcel");
}

TEST(MessageRef, MayBeCopiedAndDroppedOnManyThreads) {
  const MessageRef message = MessageRef::encode(MessageType::binary, bytes_of("everywhere"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([copy = message] {
      for (int i = 0; i < 20'000; ++i) {
        const MessageRef mine = copy;
        ASSERT_EQ(mine->payload().size(), 10U);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(text_of(message->payload()), "everywhere");
}

TEST(PreparedMessage, KeepsOneCompressedFormForEachWindow) {
  const MessageRef message = MessageRef::encode(MessageType::text, bytes_of("compressible"));
  EXPECT_EQ(message->compressed_form(15), nullptr);
  const PreparedMessage* const form = message->keep_compressed_form(bytes_of("small"), 15);
  ASSERT_NE(form, nullptr);
  EXPECT_EQ(text_of(form->payload()), "small");
  const FrameHeader header = decode_header(form->frame().data());
  EXPECT_TRUE(header.rsv1 && header.fin && header.opcode == Opcode::text);
  EXPECT_EQ(message->keep_compressed_form(bytes_of("later"), 15), form) << "who was faster is kept";
  EXPECT_EQ(message->compressed_form(15), form);

  EXPECT_EQ(message->compressed_form(9), nullptr);
  const PreparedMessage* const narrow = message->keep_compressed_form(bytes_of("narrow"), 9);
  EXPECT_EQ(message->compressed_form(9), narrow);
  EXPECT_EQ(message->compressed_form(15), form);
}

TEST(PreparedMessage, NotesThatCompressingDoesNotPay) {
  const MessageRef message = MessageRef::encode(MessageType::text, bytes_of("noise"));
  const PreparedMessage* const form = message->keep_compressed_form(bytes_of("larger"), 15);
  ASSERT_NE(form, nullptr);
  EXPECT_TRUE(form->frame().empty());
  EXPECT_EQ(message->compressed_form(15), form);
}

TEST(PreparedMessage, KeepsOneFormOfThoseMadeOnManyThreads) {
  for (int round = 0; round < 200; ++round) {
    const MessageRef message = MessageRef::encode(MessageType::text, bytes_of("compressible"));
    std::array<const PreparedMessage*, 4> kept{};
    std::latch start(kept.size());
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kept.size(); ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        kept[t] = message->keep_compressed_form(bytes_of("small"), t % 2 == 0 ? 15 : 9);
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(kept[0], kept[2]);
    EXPECT_EQ(kept[1], kept[3]);
    EXPECT_NE(kept[0], kept[1]);
  }
}

TEST(MessageRef, SharesAMessageThatSomebodyElseRefersTo) {
  MessageRef first = MessageRef::encode(MessageType::binary, bytes_of("shared"));
  const MessageRef second = MessageRef::share(*first);
  first = MessageRef{};
  EXPECT_EQ(text_of(second->payload()), "shared");
  const MessageRef none;
  const MessageRef copy = none;
  EXPECT_FALSE(copy);
}

}  // namespace
}  // namespace ringgate::ws
