// Parcels for which the kernel has no memory: what must arrive is asked again, in its order, and without anybody's help.
#include <sys/mman.h>

#include "device/segment.h"
#include "unit/dispatch/device_fixture.h"

namespace {
int slabs_refused = 0;  // so many maps of a slab fail from now on
}  // namespace

extern "C" {
void* __real_mmap64(void* address, size_t size, int protection, int flags, int descriptor, off_t offset);
void* __wrap_mmap64(void* address, size_t size, int protection, int flags, int descriptor, off_t offset) {
  if (size == ringgate::device::Slab::bytes && slabs_refused > 0) {
    --slabs_refused;
    return MAP_FAILED;
  }
  return __real_mmap64(address, size, protection, flags, descriptor, offset);
}
}

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class ShortOfMemory : public DeviceFixture {
 protected:
  ShortOfMemory() {
    options.shards_count = 2;
    options.settings.limits.ping_interval_ns = 0;
  }
  ~ShortOfMemory() override { slabs_refused = 0; }

  void broadcast_from_shard_1(std::initializer_list<std::string_view> payloads) {
    gate->on_shard(1, [&](dispatch::PushService& pushes) {
      for (const std::string_view payload : payloads)
        pushes.broadcast(ws::MessageRef::encode(MessageType::text, bytes_of(payload)),
                         [this](const BroadcastResult& result) { results.push_back(result); });
    });
  }

  std::vector<BroadcastResult> results;
};

TEST_F(ShortOfMemory, NoBroadcastOvertakesOneForWhichThereWasNoMemory) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  slabs_refused = 2;  // of the first: when it is asked for, and when it is tried again
  broadcast_from_shard_1({"first", "second", "third"});
  gate->pass(seconds(1));
  EXPECT_EQ(slabs_refused, 0);
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_EQ(results.size(), 3U);
}

TEST_F(ShortOfMemory, WhatWasDeferredIsTriedAgainThoughNobodyWakesTheShard) {
  start();
  DeviceClient older = device("a", "/handler", 0);
  slabs_refused = 1'000'000;
  DeviceClient newer = device("a", "/handler", 1);  // whose shard has to tell the other one of it
  slabs_refused = 0;
  older.read();
  EXPECT_FALSE(older.close_code().has_value());
  gate->pass(seconds(1));
  older.read();
  EXPECT_EQ(older.close_code(), 4409);
}

TEST_F(ShortOfMemory, ABroadcastThatWasGivenUpMeanwhileReachesNobody) {
  start();
  DeviceClient near = device("near", "/handler", 1);
  DeviceClient far = device("far", "/handler", 0);
  slabs_refused = 1'000'000;
  broadcast_from_shard_1({"first", "second"});
  gate->pass(seconds(limits::broadcast_answer_seconds + 1));
  ASSERT_EQ(results.size(), 2U);
  for (const BroadcastResult& result : results) EXPECT_EQ(result.outcome, BroadcastOutcome::unknown_outcome);
  slabs_refused = 0;
  broadcast_from_shard_1({"third"});
  gate->pass(seconds(1));
  EXPECT_EQ(near.take(Opcode::text), (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_EQ(far.take(Opcode::text), std::vector<std::string>{"third"});
  EXPECT_EQ(gate->counters(1).answers_late.get(), 0U);
}

}  // namespace
}  // namespace ringgate::simulated
