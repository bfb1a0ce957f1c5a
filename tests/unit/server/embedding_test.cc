// What a program that embeds the gate may rely on: its settings are judged, calls before the start and null callbacks are defined,
// two servers know nothing of each other, and a drain ends.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../../support/plain_device.h"
#include "base/log.h"
#include "ringgate/server.h"

namespace ringgate {
namespace {

using namespace std::chrono_literals;
using test::PlainDevice;

Config small_config() {
  Config config;
  config.server.shards_count = 1;
  config.listeners = {{.bind = "127.0.0.1:0"}};
  config.admin.bind = "off";
  config.limits.connections_max = 100;
  config.log.level = LogLevel::off;
  return config;
}

class CallingHandler final : public Handler {
 public:
  void on_message(Connection& connection, MessageView message) override {
    if (on_text) on_text(connection, text_of(message.payload));
  }
  std::function<void(Connection&, std::string_view)> on_text;
};

class Embedding : public testing::Test {
 protected:
  /// Null, with the test skipped or failed, if there is none.
  static std::unique_ptr<Server> create(const Config& config) {
    auto created = Server::create(config);
    if (created) return std::move(*created);
    if (created.error().exit_code != ExitCode::uring_unavailable) ADD_FAILURE() << to_line(created.error());
    return nullptr;
  }
  static void start(Server& server) {
    const auto started = server.start();
    ASSERT_TRUE(started) << to_line(started.error());
  }
  static bool serves(const Server& server, const std::string& path) {
    try {
      const PlainDevice device(server.device_addresses().front(), "d", path);
      return true;
    } catch (const std::runtime_error& error) {
      EXPECT_TRUE(std::string_view(error.what()).starts_with("not upgraded: HTTP/1.1 404 ")) << error.what();
      return false;
    }
  }
  static std::string refusal(const Config& config) {
    const auto created = Server::create(config);
    return created ? "" : created.error().cause;
  }
  static std::string start_refusal(Server& server) {
    const auto started = server.start();
    return started ? "" : started.error().cause;
  }
};

TEST_F(Embedding, IsJudgedByTheRulesOfTheLoader) {
  Config config = small_config();
  config.limits.inflate_cpu_percent = 0;
  EXPECT_EQ(refusal(config), "limits.inflate_cpu: 0 is out of range");
  config = small_config();
  config.ring.buffers_count = 3;
  EXPECT_EQ(refusal(config), "ring.buffers: 3 is not a power of two");
  config = small_config();
  config.device.id_from = {"deviceId"};
  EXPECT_EQ(refusal(config), "device.id_from: \"deviceId\" does not fit");
}

TEST_F(Embedding, RefusesMoreConnectionsThanFitIfTheProgramAskedForThem) {
  Config config = small_config();
  config.limits.connections_max = 100'000'000;
  EXPECT_TRUE(refusal(config).starts_with("limits.max_connections = 100000000 does not fit")) << refusal(config);
}

TEST_F(Embedding, RefusesARouteTooManyAndAPathThatIsNone) {
  CallingHandler handler;
  auto server = create(small_config());
  if (server == nullptr) GTEST_SKIP() << "no io_uring here";
  for (int i = 0; i < 257; ++i) server->mount("/" + std::to_string(i), handler);
  EXPECT_EQ(start_refusal(*server), "route: 257 entries are out of range");
  server = create(small_config());
  server->mount("ws", handler);
  EXPECT_EQ(start_refusal(*server), "route.0.path: \"ws\" does not fit");
}

TEST_F(Embedding, ServesTheRouteThatWasMountedLast) {
  CallingHandler first, last;
  last.on_text = [](Connection& connection, std::string_view) { connection.send_text(connection.path()); };
  const auto server = create(small_config());
  if (server == nullptr) GTEST_SKIP() << "no io_uring here";
  for (int i = 0; i < 255; ++i) server->mount("/" + std::to_string(i), first);
  server->mount("/last", last);
  start(*server);
  PlainDevice device(server->device_addresses().front(), "d", "/last");
  device.send_text("where");
  EXPECT_EQ(device.receive().payload, "/last");
}

TEST_F(Embedding, HasNoEchoBesideWhatIsMountedUnlessAskedFor) {
  CallingHandler handler;
  auto server = create(small_config());
  if (server == nullptr) GTEST_SKIP() << "no io_uring here";
  server->mount("/mine", handler);
  start(*server);
  EXPECT_FALSE(serves(*server, "/ws"));
  EXPECT_TRUE(serves(*server, "/mine"));

  Config config = small_config();
  config.routes = {RouteConfig{}};
  server = create(config);
  server->mount("/mine", handler);
  start(*server);
  EXPECT_TRUE(serves(*server, "/ws"));

  server = create(small_config());
  start(*server);
  EXPECT_TRUE(serves(*server, "/ws")) << "nothing is mounted at all";
}

TEST_F(Embedding, DefinesCallsBeforeTheStart) {
  CallingHandler handler;
  const auto server = create(small_config());
  if (server == nullptr) GTEST_SKIP() << "no io_uring here";
  EXPECT_TRUE(server->device_addresses().empty());
  EXPECT_EQ(server->admin_address(), "");
  EXPECT_EQ(server->push_and_wait("d", {MessageType::text, bytes_of("x")}).outcome, PushOutcome::unknown_device);
  std::optional<BroadcastResult> result;
  server->broadcast({MessageType::text, bytes_of("x")}, [&](const BroadcastResult& r) { result = r; });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->matched, 0U);
  EXPECT_FALSE(server->with_connection({.word = 1}, [](Connection&) {}));
  server->drain();
  server->wait();
  EXPECT_TRUE(server->wait(std::chrono::steady_clock::now()).has_ended);
  server->stop();
  server->stop_now();
  server->mount("/ws", handler);
  start(*server);
  EXPECT_EQ(start_refusal(*server), "this server was started before");
}

TEST_F(Embedding, IsStillDefinedWhenTheStartFailed) {
  const auto first = create(small_config());
  if (first == nullptr) GTEST_SKIP() << "no io_uring here";
  start(*first);
  Config config = small_config();
  config.listeners = {{.bind = first->device_addresses().front()}};
  const auto second = create(config);
  EXPECT_NE(start_refusal(*second), "");
  EXPECT_EQ(second->push_and_wait("d", {MessageType::text, bytes_of("x")}).outcome, PushOutcome::unknown_device);
  std::optional<BroadcastResult> result;
  second->broadcast({MessageType::text, bytes_of("x")}, [&](const BroadcastResult& r) { result = r; });
  EXPECT_TRUE(result);
  EXPECT_FALSE(second->with_connection({.word = 1}, [](Connection&) {}));
  second->stop();
}

TEST_F(Embedding, TakesNullForACallback) {
  Config config = small_config();
  config.server.shards_count = 2;
  CallingHandler handler;
  std::unique_ptr<Server> server = create(config);
  if (server == nullptr) GTEST_SKIP() << "no io_uring here";
  handler.on_text = [&](Connection&, std::string_view) {  // on a shard, half of the devices are on the other one
    for (int i = 0; i < 8; ++i) server->push("d" + std::to_string(i), {MessageType::text, bytes_of("pushed")}, nullptr);
    server->broadcast({MessageType::text, bytes_of("pushed")}, nullptr);
  };
  server->mount("/ws", handler);
  start(*server);
  std::vector<std::unique_ptr<PlainDevice>> devices;
  for (int i = 0; i < 8; ++i)
    devices.push_back(std::make_unique<PlainDevice>(server->device_addresses().front(), "d" + std::to_string(i)));
  const auto expect_two_each = [&] {
    for (auto& device : devices)
      for (int i = 0; i < 2; ++i) EXPECT_EQ(device->receive().payload, "pushed");
  };
  devices.front()->send_text("push");
  expect_two_each();
  for (int i = 0; i < 8; ++i) server->push("d" + std::to_string(i), {MessageType::text, bytes_of("pushed")}, nullptr);
  server->broadcast({MessageType::text, bytes_of("pushed")}, nullptr);
  expect_two_each();
  server->push("nobody", {MessageType::text, bytes_of("x")}, nullptr);
  server->push("d0", {MessageType::binary, ByteView(bytes_of(std::string(2 << 20, 'x')))}, nullptr);  // too large
  EXPECT_FALSE(server->with_connection({.word = 1}, nullptr));
}

TEST_F(Embedding, TwoServersReachTheirOwnDevices) {
  CallingHandler of_a, of_b;
  const auto a = create(small_config());
  if (a == nullptr) GTEST_SKIP() << "no io_uring here";
  const auto b = create(small_config());
  std::atomic<int> known_to_a{0};
  of_a.on_text = [&](Connection&, std::string_view text) {
    const MessageView message{MessageType::text, bytes_of(text)};
    b->push("both", message, [&](const PushResult& result) {
      if (result.outcome != PushOutcome::delivered) ADD_FAILURE() << name_of(result.outcome);
    });
    b->push("only-a", message, [&](const PushResult& result) { known_to_a += result.outcome != PushOutcome::unknown_device; });
    b->broadcast(message, [](const BroadcastResult& result) { EXPECT_EQ(result.matched, 1U); });
  };
  a->mount("/ws", of_a);
  b->mount("/ws", of_b);
  start(*a);
  start(*b);
  PlainDevice both_at_a(a->device_addresses().front(), "both");
  PlainDevice only_at_a(a->device_addresses().front(), "only-a");
  PlainDevice both_at_b(b->device_addresses().front(), "both");
  both_at_a.send_text("through a to b");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(both_at_b.receive().payload, "through a to b");
  // What A's devices get is A's: the next thing they see is this.
  for (const char* id : {"both", "only-a"})
    EXPECT_EQ(a->push_and_wait(id, {MessageType::text, bytes_of("own")}).outcome, PushOutcome::delivered);
  EXPECT_EQ(both_at_a.receive().payload, "own");
  EXPECT_EQ(only_at_a.receive().payload, "own");
  EXPECT_EQ(known_to_a, 0);
}

TEST_F(Embedding, WritesTheLogItsSettingsAskFor) {
  Config config = small_config();
  config.log = {LogLevel::info, LogFormat::logfmt};
  auto server = create(config);
  if (server == nullptr) GTEST_SKIP() << "no io_uring here";
  testing::internal::CaptureStderr();
  start(*server);
  {
    auto quiet = create(small_config());
    start(*quiet);
  }
  server->stop();
  server.reset();  // writes what is queued
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("level=info msg=\"listening\" listener=devices address=127.0.0.1:"), std::string::npos) << log;
  EXPECT_NE(log.find("msg=\"draining\""), std::string::npos) << log;
  EXPECT_FALSE(log::enabled(LogLevel::error)) << "nobody needs the log any more";
}

TEST_F(Embedding, NamesTheShardThatIsStuckWhenTheTimeToDrainIsOver) {
  Config config = small_config();
  config.server.shards_count = 2;
  config.drain.duration_ns = 1'000'000'000;
  config.limits.close_timeout_ns = 100'000'000;
  std::atomic<bool> is_stuck{false};
  std::binary_semaphore free{0};
  CallingHandler handler;
  handler.on_text = [&](Connection&, std::string_view) {
    is_stuck = true;
    free.acquire();
  };
  const auto server = create(config);
  if (server == nullptr) GTEST_SKIP() << "no io_uring here";
  server->mount("/ws", handler);
  start(*server);
  PlainDevice sticky(server->device_addresses().front(), "sticky");
  sticky.send_text("block");
  while (!is_stuck) std::this_thread::yield();

  EXPECT_EQ(server->wait(std::chrono::steady_clock::now()).running.size(), 2U) << "both still run";
  const auto asked_at = std::chrono::steady_clock::now();
  const Server::Time deadline = server->drain(Server::Grace::skipped);
  EXPECT_GE(deadline, asked_at + 1100ms);
  EXPECT_LE(deadline, std::chrono::steady_clock::now() + 1100ms);
  EXPECT_LE(server->drain(Server::Grace::skipped), deadline) << "a second call does not put it off";
  const auto running = server->wait(deadline + 2s).running;
  EXPECT_EQ(running.size(), 1U);
  free.release();
  server->wait();
  EXPECT_TRUE(server->wait(std::chrono::steady_clock::now()).has_ended);
}

}  // namespace
}  // namespace ringgate
