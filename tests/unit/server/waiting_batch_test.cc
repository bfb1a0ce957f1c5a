// A batch whose pushes wait for devices: it is woken by what becomes of them, and costs nothing meanwhile.
#include "base/limits.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

class WaitingBatch : public DeviceFixture {
 protected:
  WaitingBatch() {
    options.shards_count = 2;
    options.settings.admin.bind = "127.0.0.1:0";
  }

  static std::string request(std::size_t lines_count) {
    std::string body;
    for (std::size_t i = 0; i < lines_count; ++i)
      body += "{\"device\":\"a\",\"text\":\"x\",\"wait\":\"ponged\",\"timeout\":\"60s\"}\n";
    return "POST /v1/messages:batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static void answer_pings(DeviceClient& client) {
    for (const std::string& payload : client.take(ws::Opcode::ping))
      client.peer().send(DeviceClient::frame(ws::Opcode::pong, payload));
  }
};

TEST_F(WaitingBatch, SleepsUntilItsPushesAreAnswered) {
  for (const std::size_t shard : {0U, 1U}) {
    SCOPED_TRACE(shard);
    start();
    DeviceClient client = device("a", "/ws", 0);
    ring::FakePeer& backend = gate->connect_admin(shard);
    constexpr std::size_t lines_count = limits::batch_lines_open_max + 2000;
    backend.send(request(lines_count));
    gate->pass(seconds(2));
    EXPECT_EQ(client.take_messages().size(), limits::batch_lines_open_max) << "the rest waits for them";
    const std::uint64_t turns = gate->counters(shard).turns.get();
    gate->pass(seconds(2));
    EXPECT_LT(gate->counters(shard).turns.get() - turns, 50U);
    for (int i = 0; i < 12; ++i) {  // each pong answers for what was written before its ping
      answer_pings(client);
      gate->settle();
    }
    EXPECT_TRUE(backend.received_text().contains("{\"lines\":" + std::to_string(lines_count) +
                                                 ",\"delivered\":" + std::to_string(lines_count) + "}"));
  }
}

// Its lines are read once the answer before it has left, and until then nothing is looked for.
TEST_F(WaitingBatch, SleepsBehindAnAnswerThatIsOwed) {
  start();
  DeviceClient client = device("a");
  ring::FakePeer& backend = gate->connect_admin(0);
  backend.send(
      "POST /v1/devices/a/messages?wait=ponged&timeout=60s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
      "Content-Length: 1\r\n\r\nx" +
      request(10));
  gate->pass(seconds(2));
  const std::uint64_t turns = gate->counters(0).turns.get();
  gate->pass(seconds(2));
  EXPECT_LT(gate->counters(0).turns.get() - turns, 50U);
  EXPECT_EQ(client.take(ws::Opcode::text).size(), 1U);
  for (int i = 0; i < 3; ++i) {
    answer_pings(client);
    gate->settle();
  }
  EXPECT_TRUE(backend.received_text().contains(R"({"lines":10,"delivered":10})"));
}

}  // namespace
}  // namespace ringgate::simulated
