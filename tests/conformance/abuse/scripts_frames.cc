// Rows about frames: every size at every place, pongs that nobody reads, characters over the seam of two buffers.
#include <algorithm>
#include <utility>

#include "deflate.h"
#include "script_tools.h"
#include "simulated_scripts.h"

namespace ringgate::abuse {

namespace {

constexpr std::size_t places_count = 64;

std::vector<std::size_t> sizes_around_the_forms() {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 130; ++size) sizes.push_back(size);
  for (std::size_t size = 65'530; size <= 65'540; ++size) sizes.push_back(size);
  return sizes;
}

std::string pattern(std::size_t size) {
  std::string payload(size, '\0');
  for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7 + size);
  return payload;
}

}  // namespace

/// A frame of filler in front moves the next one through 64 places of the buffer. The masking phase is that of a cut: the second
/// segment begins at each of the key's four bytes.
void every_size_phase_and_place(SimulatedWorld& world) {
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  simulated::DeviceClient client = online_device(world, "sizes");
  for (const std::size_t size : sizes_around_the_forms()) {
    const std::string payload = pattern(size);
    const std::string bytes = frame(0x82, payload);
    const std::size_t header_bytes = bytes.size() - size;
    for (std::size_t phase = 0; phase < 4; ++phase) {
      for (std::size_t place = 0; place < places_count; ++place) {
        client.peer().send(frame(0x82, std::string(place, 'f')) + bytes.substr(0, std::min(bytes.size(), header_bytes + phase)));
        world.gate().settle();
        client.peer().send(bytes.substr(std::min(bytes.size(), header_bytes + phase)));
        world.gate().settle();
        const std::vector<std::string> echoes = client.take(ws::Opcode::binary);
        ASSERT_EQ(echoes.size(), 2U) << size << " bytes, phase " << phase << ", place " << place;
        ASSERT_TRUE(echoes[1] == payload) << size << " bytes, phase " << phase << ", place " << place;
      }
    }
  }
  client.peer().close();
  expect_nothing_left(world);
}

/// Pongs are answered in order, joined above a number of them, and what waits stays small; in the end the send deadline comes.
void pings_unread(SimulatedWorld& world) {
  constexpr std::size_t burst = 5000;
  constexpr std::size_t pings_count = 1'000'000;
  ASSERT_EQ(world.prepare({}, Port::devices), "");
  simulated::DeviceClient client = online_device(world, "pings");
  client.peer().stop_reading(1000);
  std::string pings;
  for (std::size_t i = 0; i < burst; ++i) pings += frame(0x89, "ping " + std::to_string(i));
  const std::uint64_t before = world.gate().counters().pings_in.get();
  std::uint64_t queued_max = 0;
  for (std::size_t sent = 0; sent < pings_count; sent += burst) {
    client.peer().send(pings);
    world.gate().settle();
    queued_max = std::max(queued_max, world.gate().counters().send_queue_bytes.get());
  }
  EXPECT_LE(queued_max, 64U * 1024);
  EXPECT_EQ(world.gate().counters().pings_in.get() - before, pings_count);
  world.gate().pass(seconds(20));
  EXPECT_TRUE(client.saw_reset() || client.saw_end());
  EXPECT_GT(world.gate().counters().slow_consumers.get(), 0U);
  EXPECT_EQ(world.gate().counters().slots_used.get(), 0U);
  client.peer().close();
  expect_nothing_left(world);
}

/// Buffers so small that every frame spans several, both kinds of them.
void character_over_two_buffers(SimulatedWorld& world) {
  const std::string text = "\xF0\x9F\x98\x80 \xE2\x82\xAC \xC3\xA9 ascii ";
  for (const bool incremental : {false, true}) {
    simulated::GateOptions options = SimulatedWorld::options_for({});
    options.ring.classic_buffer_bytes = 16;
    options.ring.incremental_buffer_bytes = 16;
    options.ring.allowed.incremental_buffers = incremental;
    world.open(options, {});
    simulated::DeviceClient client = online_device(world, "seams");
    std::string payload;
    for (int i = 0; i < 40; ++i) {
      payload += text;
      client.peer().send(frame(0x81, payload));
      world.gate().settle();
      ASSERT_EQ(client.take(ws::Opcode::text), std::vector<std::string>{payload}) << "incremental " << incremental;
    }
    client.peer().close();
    expect_nothing_left(world);
  }
}

/// The price is by bytes, whatever the machine: 16 MB/s of one-megabyte messages is above one percent of a core, and below twenty.
void costly_messages(SimulatedWorld& world) {
  constexpr int messages_max = 100;
  const std::string message = frame(0xC2, deflated(std::string(1'000'000, 'z')));
  std::string opening = good_upgrade("costly");
  opening.insert(opening.size() - 2, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  const auto flood = [&](const std::string& budget, DurationNs pause) {
    EXPECT_EQ(
        world.prepare({"route.0.deflate.mode=on", "limits.inflate_cpu=" + budget, "limits.ping_interval=off"}, Port::devices),
        "");
    const auto channel = world.connect(Port::devices);
    channel->send(opening);
    for (int i = 0; i < messages_max && !channel->view().close(); ++i) {
      channel->send(message);
      channel->wait(pause);
    }
    return channel->view();
  };
  for (const auto& [budget, pause] : {std::pair{"5", DurationNs{0}}, {"1", milliseconds(62)}}) {
    const WireView view = flood(budget, pause);
    ASSERT_TRUE(view.close()) << "budget " << budget;
    EXPECT_EQ(view.close()->code, 1008);
    EXPECT_GT(view.frames().size(), 1U) << "nothing is let through";
  }
  const WireView view = flood("20", milliseconds(62));
  EXPECT_FALSE(view.close());
  EXPECT_EQ(view.frames().size(), std::size_t{messages_max});
  expect_nothing_left(world);
}

}  // namespace ringgate::abuse
