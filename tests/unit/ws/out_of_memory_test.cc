// What the codec does when the allocator has nothing left: each allocation of a scenario fails in turn. The
// linker puts `malloc`, `realloc` and `new`, throwing or not, through the functions below (--wrap).
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <new>
#include <string>

#include "client_side.h"
#include "ws/deflater.h"
#include "ws/inflater.h"
#include "ws/message_assembly.h"
#include "ws/prepared_message.h"

extern "C" {
void* __real_malloc(std::size_t size);
void* __real_realloc(void* memory, std::size_t size);
void* __real__Znwm(std::size_t size);
}

namespace ringgate::ws {
namespace {

constexpr int never = -1;

/// How many allocations still succeed; never: all. Of the thread that runs the tests, which is the only one.
int allocations_left = never;

bool allocation_fails() {
  if (allocations_left == never || allocations_left == 0) return allocations_left == 0;
  --allocations_left;
  return false;
}

/// While it lives, the first `allocations` succeed and the others fail.
class ScarceMemory {
 public:
  explicit ScarceMemory(int allocations) { allocations_left = allocations; }
  ~ScarceMemory() { allocations_left = never; }
  ScarceMemory(const ScarceMemory&) = delete;
  ScarceMemory& operator=(const ScarceMemory&) = delete;
};

}  // namespace
}  // namespace ringgate::ws

extern "C" {
void* __wrap_malloc(std::size_t size) { return ringgate::ws::allocation_fails() ? nullptr : __real_malloc(size); }
void* __wrap__Znwm(std::size_t size) {
  if (ringgate::ws::allocation_fails()) throw std::bad_alloc();
  return __real__Znwm(size);
}
void* __wrap__ZnwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t&) {
  return ringgate::ws::allocation_fails() ? nullptr : __real__Znwm(size);
}
void* __wrap__ZnamRKSt9nothrow_t(std::size_t size, const std::nothrow_t&) {
  return ringgate::ws::allocation_fails() ? nullptr : ::operator new[](size);
}
void* __wrap_realloc(void* memory, std::size_t size) {
  return ringgate::ws::allocation_fails() ? nullptr : __real_realloc(memory, size);
}
}

namespace ringgate::ws {
namespace {

using namespace testing;

Event read_with(FrameReader& reader, Partial*& partial, std::string& bytes, int allocations) {
  MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  const ScarceMemory scarce(allocations);
  return reader.next(input, partial, usual_rules);
}

TEST(OutOfMemory, EndsTheConnectionThatNeedsSomeAndNoOther) {
  // A fragment takes two allocations: what the connection has unfinished, and the message's buffer.
  for (const int allocations : {0, 1}) {
    FrameReader reader;
    Partial* partial = nullptr;
    std::string begun = fragment(Opcode::text, false, "begun");
    const Event event = read_with(reader, partial, begun, allocations);
    EXPECT_EQ(event.kind, EventKind::violation);
    EXPECT_EQ(event.violation, Violation::memory_exhausted);
    EXPECT_FALSE(FrameReader::unfinished(partial));
    reader.abandon(partial);

    Partial* other = nullptr;
    std::string whole = text_frame("whole");
    EXPECT_EQ(read_with(reader, other, whole, 0).kind, EventKind::message) << "a whole frame needs no memory";
  }
}

TEST(OutOfMemory, LeavesAMessageInTheMakingAsItWas) {
  AssemblyPool pool(std::numeric_limits<std::size_t>::max());
  AssemblyBuffer* buffer = nullptr;
  ASSERT_NE(pool.extend(buffer, 100, 100).data(), nullptr);
  const std::size_t held = pool.held_bytes();
  {
    const ScarceMemory scarce(0);
    EXPECT_EQ(pool.extend(buffer, 1000, 2000).data(), nullptr);
  }
  EXPECT_EQ(buffer->payload().size(), 100U);
  EXPECT_EQ(pool.held_bytes(), held);
  pool.recycle(buffer);
}

TEST(OutOfMemory, MakesNoPreparedMessageAndNoFormOfOne) {
  const MessageRef message = MessageRef::encode(MessageType::text, bytes_of("compressible"));
  const ScarceMemory scarce(0);
  EXPECT_FALSE(MessageRef::encode(MessageType::text, bytes_of("hi")));
  EXPECT_EQ(message->keep_compressed_form(bytes_of("small"), 15), nullptr);
  EXPECT_EQ(message->compressed_form(15), nullptr);
}

TEST(OutOfMemory, CompressesNothingUntilThereIsSome) {
  Deflater deflater;
  {
    const ScarceMemory scarce(0);
    EXPECT_TRUE(deflater.deflate(bytes_of("hello"), 15).empty());
    EXPECT_EQ(DeflateContext::make({}), nullptr);
  }
  EXPECT_FALSE(deflater.deflate(bytes_of("hello"), 15).empty());
}

// Of the blocks that the first message takes, each is refused in turn.
TEST(OutOfMemory, CompressesOnceThereIsRoomForWhatComesOut) {
  for (const int allocations : {0, 1, 2}) {
    Deflater deflater;
    {
      const ScarceMemory scarce(allocations);
      EXPECT_TRUE(deflater.deflate(bytes_of("hello"), 15).empty()) << allocations;
    }
    EXPECT_FALSE(deflater.deflate(bytes_of("hello"), 15).empty()) << allocations;
  }
}

TEST(OutOfMemory, LeavesAContextThatHadNoRoomAsItWas) {
  const auto context = DeflateContext::make({});
  std::vector<std::uint8_t> first;
  {
    const ScarceMemory scarce(0);
    EXPECT_FALSE(context->deflate(bytes_of("hello"), first));
  }
  ASSERT_TRUE(context->deflate(bytes_of("hello"), first));
  const auto other = DeflateContext::make({});
  std::vector<std::uint8_t> expected;
  ASSERT_TRUE(other->deflate(bytes_of("hello"), expected));
  EXPECT_EQ(first, expected);
}

TEST(OutOfMemory, EndsTheConnectionWhoseMessageCannotBeInflatedOrRemembered) {
  Deflater deflater;
  const ByteView deflated = deflater.deflate(bytes_of("hello"), 15);
  const std::vector<std::uint8_t> payload(deflated.begin(), deflated.end());
  int refusals_count = 0;
  for (int allocations = 0;; ++allocations) {
    AssemblyPool pool(1U << 20);
    Inflater inflater(pool);
    InflateHistory history(15);
    std::expected<Inflated, Violation> inflated;
    {
      const ScarceMemory scarce(allocations);
      inflated = inflater.inflate(payload, {.bytes_max = 100}, &history);
    }
    if (inflated) {
      EXPECT_EQ(text_of(history.bytes()), "hello");
      pool.recycle(inflated->buffer);
      break;
    }
    ++refusals_count;
    EXPECT_EQ(inflated.error(), Violation::memory_exhausted) << allocations;
    EXPECT_EQ(pool.held_bytes(), pool.cached_bytes()) << "nothing is kept of what was refused";
  }
  EXPECT_EQ(refusals_count, 3) << "the decoder, the message, the history";
}

}  // namespace
}  // namespace ringgate::ws
