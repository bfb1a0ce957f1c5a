#include "ws/prepared_message.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ringgate::ws
