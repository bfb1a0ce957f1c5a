// Rows about flow: who does not read, who sends in crumbs, and rings that run out of something.
#include <algorithm>
#include <deque>

#include "script_tools.h"
#include "simulated_scripts.h"
#include "ws/prepared_message.h"

namespace ringgate::abuse {

namespace {

/// `count` devices that are online, in the order of their numbers.
std::deque<simulated::DeviceClient> online_devices(SimulatedWorld& world, std::size_t count) {
  std::deque<simulated::DeviceClient> devices;
  for (std::size_t i = 0; i < count; ++i) devices.push_back(online_device(world, "d" + std::to_string(i)));
  return devices;
}

void close_all(SimulatedWorld& world, std::deque<simulated::DeviceClient>& devices) {
  for (simulated::DeviceClient& device : devices) device.peer().close();
  expect_nothing_left(world);
}

/// All send at once, in pieces, `rounds` times; not one echo may be missing.
void expect_all_echoed(SimulatedWorld& world, std::deque<simulated::DeviceClient>& devices, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const std::string bytes =
          frame(0x81, "round " + std::to_string(round) + " of " + std::to_string(i) + std::string(150, '.'));
      const std::vector<std::size_t> cuts{1, bytes.size() / 2};
      devices[i].peer().send_in_pieces(bytes_of(bytes), cuts);
    }
    world.gate().settle();
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const std::vector<std::string> echoes = devices[i].take(ws::Opcode::text);
      ASSERT_EQ(echoes.size(), 1U) << "device " << i << " in round " << round;
      ASSERT_TRUE(echoes[0].starts_with("round " + std::to_string(round) + " of " + std::to_string(i) + "."));
      ASSERT_FALSE(devices[i].saw_end() || devices[i].saw_reset()) << "device " << i;
    }
  }
}

}  // namespace

/// A bounded form of the row: the ceiling is lowered instead of a thousand connections opened.
void unfinished_messages(SimulatedWorld& world) {
  constexpr std::size_t fragment_bytes = 16'000;
  constexpr std::size_t ceiling =
      1024 * 1024 + 64 * 1024 + 1024 * 1024;  // the setting's least, a message, and what is kept for reuse
  ASSERT_EQ(world.prepare({"limits.reassembly_memory=1MiB", "limits.max_message=64KiB"}, Port::devices), "");
  auto devices = online_devices(world, 180);
  for (simulated::DeviceClient& device : devices) {
    device.peer().send(frame(0x02, std::string(fragment_bytes, 'u')));
    world.gate().settle();
  }
  std::size_t given_up = 0;
  for (simulated::DeviceClient& device : devices) {
    device.read();
    if (!device.close_code()) break;
    EXPECT_EQ(device.close_code(), 1013);
    ++given_up;
  }
  EXPECT_GT(given_up, 0U);
  EXPECT_LE((devices.size() - given_up) * fragment_bytes, ceiling);
  for (std::size_t i = given_up; i < devices.size(); ++i) {
    devices[i].peer().send(frame(0x80, "end"));
    world.gate().settle();
    EXPECT_EQ(devices[i].take(ws::Opcode::binary).size(), 1U) << "only the oldest are given up; device " << i;
  }
  close_all(world, devices);
}

void pushes_unread(SimulatedWorld& world) {
  constexpr std::uint64_t queue_bytes_max = 256 * 1024;
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  simulated::DeviceClient mute = online_device(world, "mute");
  mute.peer().stop_reading(4096);
  int delivered = 0;
  int refused = 0;
  std::uint64_t queued_max = 0;
  for (int i = 0; i < 3000 && !mute.saw_reset(); ++i) {
    world.gate().on_shard(0, [&](dispatch::PushService& pushes) {
      pushes.push("mute", ws::MessageRef::encode(MessageType::text, bytes_of(std::string(1024, 'p'))),
                  [&](const PushResult& result) { ++(result.outcome == PushOutcome::delivered ? delivered : refused); });
    });
    world.gate().pass(milliseconds(10));
    queued_max = std::max(queued_max, world.gate().counters().send_queue_bytes.get());
  }
  EXPECT_GE(delivered, 250);
  EXPECT_GT(refused, 0);
  EXPECT_LE(queued_max, queue_bytes_max);
  EXPECT_TRUE(mute.saw_reset()) << "the send deadline";
  EXPECT_EQ(world.gate().counters().slow_consumers.get(), 1U);
  mute.peer().close();
  expect_nothing_left(world);
}

/// Another device is served all the while.
void segments_of_one_byte(SimulatedWorld& world) {
  constexpr std::size_t segments_count = 1'000'000;
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  simulated::DeviceClient crumbs = online_device(world, "crumbs");
  simulated::DeviceClient other = online_device(world, "other");
  const std::string bytes = frame(0x81, "crumbs");
  std::size_t echoed = 0;
  for (std::size_t sent = 0; sent < segments_count; sent += bytes.size()) {
    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < bytes.size(); ++i) cuts.push_back(i);
    crumbs.peer().send_in_pieces(bytes_of(bytes), cuts);
    const bool looks_at_other = sent % (1000 * bytes.size()) == 0;
    if (looks_at_other) other.text("still served?");
    world.gate().settle();
    echoed += crumbs.take(ws::Opcode::text).size();
    if (looks_at_other) {
      ASSERT_EQ(other.take(ws::Opcode::text).size(), 1U);
    }
  }
  EXPECT_EQ(echoed, (segments_count + bytes.size() - 1) / bytes.size());
  EXPECT_EQ(world.gate().counters().uring_starved.get(), 0U);
  crumbs.peer().close();
  other.peer().close();
  expect_nothing_left(world);
}

void echoes_unread(SimulatedWorld& world) {
  constexpr std::size_t message_bytes = 1024 * 1024;
  constexpr std::size_t messages_count = 50;
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  simulated::DeviceClient greedy = online_device(world, "greedy");
  greedy.peer().stop_reading(1024);
  for (std::size_t i = 0; i < messages_count; ++i) greedy.peer().send(frame(0x82, std::string(message_bytes, 'm')));
  world.gate().settle();
  const ShardCounters& counted = world.gate().counters();
  EXPECT_LE(counted.wire_bytes_in.get(), 4 * message_bytes) << "reading is not paused";
  EXPECT_LE(counted.send_queue_bytes.get(), 4 * message_bytes);
  greedy.peer().resume_reading();
  world.gate().settle();
  EXPECT_EQ(greedy.take(ws::Opcode::binary).size(), messages_count) << "and goes on when the peer reads";
  greedy.peer().close();
  expect_nothing_left(world);
}

void sixteen_buffers(SimulatedWorld& world) {
  for (const bool incremental : {false, true}) {
    simulated::GateOptions options = SimulatedWorld::options_for({});
    options.ring.allowed.incremental_buffers = incremental;
    options.ring.classic_buffers_count = 16;
    options.ring.classic_buffer_bytes = 64;
    options.ring.incremental_buffers_count = 16;
    options.ring.incremental_buffer_bytes = 64;
    world.open(options, {});
    auto devices = online_devices(world, 180);
    expect_all_echoed(world, devices, 20);
    EXPECT_GT(world.gate().counters().uring_starved.get(), 0U) << "the buffers never ran out: this row tests nothing";
    close_all(world, devices);
  }
}

void completions_without_room(SimulatedWorld& world) {
  simulated::GateOptions options = SimulatedWorld::options_for({});
  options.ring.completion_entries = 4;
  world.open(options, {});
  auto devices = online_devices(world, 100);
  expect_all_echoed(world, devices, 20);
  EXPECT_GT(world.gate().counters().uring_overflows.get(), 0U) << "the queue never overflowed: this row tests nothing";
  close_all(world, devices);
}

/// A bounded form: as many as the simulated table holds, in one instant; nobody else notices.
void everybody_drops_at_once(SimulatedWorld& world) {
  simulated::GateOptions options = SimulatedWorld::options_for({});
  options.slots_count = 2000;
  options.settings.limits.connections_max = 2000;
  world.open(options, {});
  simulated::DeviceClient witness = online_device(world, "awake");
  auto sleepers = online_devices(world, 1500);
  for (std::size_t i = 0; i < sleepers.size(); ++i) i % 2 == 0 ? sleepers[i].peer().reset() : sleepers[i].peer().close();
  witness.text("alive?");
  world.gate().settle();
  EXPECT_EQ(witness.take(ws::Opcode::text).size(), 1U);
  EXPECT_EQ(world.gate().counters().slots_used.get(), 1U) << "no time has passed, and all are gone";
  witness.peer().close();
  expect_nothing_left(world);
}

/// Every operation fails once for want of memory, one after the other: the process lives, and the next device is served.
void no_memory_for_a_send(SimulatedWorld& world) {
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  ring::FakeOptions& faults = world.ring_world().options();
  for (std::uint64_t ahead = 1; ahead <= 12; ++ahead) {
    faults.failing_operation_error = ring::IoError::no_memory;
    faults.failing_operation_number = world.ring_world().operations_count() + ahead;
    simulated::DeviceClient victim(world.gate().connect());
    victim.open("victim");
    world.gate().settle();
    victim.text("one");
    world.gate().settle();
    victim.text("two");
    world.gate().settle();
    victim.read();
    victim.peer().close();
    world.gate().pass(seconds(1));
    faults.failing_operation_number = 0;
    simulated::DeviceClient next = online_device(world, "next");
    next.text("works");
    world.gate().settle();
    ASSERT_EQ(next.take(ws::Opcode::text).size(), 1U) << "after failure " << ahead;
    next.peer().close();
  }
  expect_nothing_left(world);
}

}  // namespace ringgate::abuse
