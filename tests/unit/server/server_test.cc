// The gate as a library, on the real ring, with pushes from threads that are no shard. Runs under ThreadSanitizer as well.
#include "ringgate/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "../../support/plain_device.h"

namespace ringgate {
namespace {

using test::PlainDevice;

/// Counts the calls it gets, echoes, and does what a message asks for.
class ScriptedHandler final : public Handler {
 public:
  void on_open(Connection& connection) override {
    ++opened;
    const std::lock_guard lock(mutex);
    refs.push_back(connection.ref());
  }
  void on_message(Connection& connection, MessageView message) override {
    ++messages;
    const std::string_view text = text_of(message.payload);
    if (text == "throw") throw std::runtime_error("asked to");
    if (text == "close") return connection.close(static_cast<CloseCode>(4123), "asked to");
    if (text == "pause") {
      connection.send_text("pausing");
      return connection.pause();
    }
    connection.echo();
  }
  void on_close(Connection&, CloseCode code, std::string_view) override {
    ++closed;
    last_code = static_cast<int>(code);
  }

  ConnectionRef first_ref() {
    const std::lock_guard lock(mutex);
    return refs.at(0);
  }

  std::atomic<int> opened{0}, messages{0}, closed{0}, last_code{0};

 private:
  std::mutex mutex;
  std::vector<ConnectionRef> refs;
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    Config config;
    config.server.shards_count = 2;
    config.listeners = {{.bind = "127.0.0.1:0"}};
    config.admin.bind = "127.0.0.1:0";
    config.limits.connections_max = 500;
    config.limits.flap_connects = 0;  // one device comes back again and again
    config.log.level = LogLevel::off;
    auto created = Server::create(config);
    if (!created && created.error().exit_code == ExitCode::uring_unavailable) GTEST_SKIP() << created.error().cause;
    ASSERT_TRUE(created) << to_line(created.error());
    server = std::move(*created);
    server->mount("/ws", handler);
    const auto started = server->start();
    ASSERT_TRUE(started) << to_line(started.error());
    address = server->device_addresses().front();
  }

  /// The values of all series of the admin port's metrics that begin with `series`, added up.
  double metric(const std::string& series) {
    std::istringstream lines(test::http_get(server->admin_address(), "/metrics"));
    double sum = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(series)) sum += std::stod(line.substr(line.rfind(' ') + 1));
    return sum;
  }
  std::unique_ptr<PlainDevice> device(const std::string& id) { return std::make_unique<PlainDevice>(address, id); }
  PushResult push(const std::string& id, const std::string& text) {
    return server->push_and_wait(id, {MessageType::text, bytes_of(text)});
  }

  ScriptedHandler handler;
  std::unique_ptr<Server> server;
  std::string address;
};

TEST_F(ServerTest, EveryPushFromAnyThreadArrivesOnceAndInOrder) {
  constexpr int devices_count = 12, threads_count = 4, rounds = 200;
  std::vector<std::unique_ptr<PlainDevice>> devices;
  for (int i = 0; i < devices_count; ++i) devices.push_back(device("d" + std::to_string(i)));

  std::atomic<int> delivered{0}, other{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < threads_count; ++thread)
      threads.emplace_back([&, thread] {
        for (int round = 0; round < rounds; ++round)
          for (int i = 0; i < devices_count; ++i) {
            const std::string text = std::to_string(thread) + " " + std::to_string(round);
            const auto result = push("d" + std::to_string(i), text);
            ++(result.outcome == PushOutcome::delivered ? delivered : other);
          }
      });
  }
  EXPECT_EQ(delivered, devices_count * threads_count * rounds);
  EXPECT_EQ(other, 0);
  for (auto& connected : devices) {
    std::vector<int> next(threads_count, 0);
    for (int i = 0; i < threads_count * rounds; ++i) {
      const auto frame = connected->receive();
      const int thread = frame.payload[0] - '0';
      EXPECT_EQ(frame.payload, std::to_string(thread) + " " + std::to_string(next[static_cast<std::size_t>(thread)]++));
    }
  }
}

TEST_F(ServerTest, PushSaysWhatBecameOfIt) {
  EXPECT_EQ(push("nobody", "x").outcome, PushOutcome::unknown_device);
  const auto connected = device("somebody");
  EXPECT_EQ(push("somebody", std::string(1024 * 1024 + 1, 'x')).outcome, PushOutcome::too_large);
  const auto result = push("somebody", "x");
  EXPECT_EQ(result.outcome, PushOutcome::delivered);
  EXPECT_EQ(result.connection, handler.first_ref());
  EXPECT_EQ(connected->receive().payload, "x");
}

TEST_F(ServerTest, BroadcastReachesEveryDeviceOnEveryShard) {
  std::vector<std::unique_ptr<PlainDevice>> devices;
  for (int i = 0; i < 20; ++i) devices.push_back(device("d" + std::to_string(i)));
  std::promise<BroadcastResult> promise;
  server->broadcast({MessageType::binary, bytes_of("all")}, [&](const BroadcastResult& r) { promise.set_value(r); });
  const BroadcastResult result = promise.get_future().get();
  EXPECT_EQ(result.matched, 20U);
  EXPECT_EQ(result.delivered, 20U);
  for (auto& connected : devices) {
    const auto frame = connected->receive();
    EXPECT_EQ(frame.opcode, 2);
    EXPECT_EQ(frame.payload, "all");
  }
}

TEST_F(ServerTest, NewestConnectionOwnsTheIdWhileThreadsPush) {
  std::atomic<bool> done{false};
  std::atomic<int> answered{0};
  std::jthread pusher([&] {
    while (!done) {
      EXPECT_NE(push("same", "x").outcome, PushOutcome::too_large);  // anything else may be true at that moment
      ++answered;
    }
  });
  std::unique_ptr<PlainDevice> current = device("same");
  for (int i = 0; i < 100; ++i) {
    auto newer = device("same");
    auto frame = current->receive();
    while (frame.opcode != 8) frame = current->receive();
    EXPECT_EQ(frame.close_code(), 4409);
    current = std::move(newer);
  }
  done = true;
  pusher.join();
  EXPECT_GT(answered, 0);
}

TEST_F(ServerTest, BooksBalanceAfterAStorm) {
  constexpr int threads_count = 3, rounds = 300, connections_per_thread = 40;
  std::atomic<int> pushes{0}, broadcasts{0}, answered{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < threads_count; ++thread) {
      threads.emplace_back([&] {
        const std::string too_large(1024 * 1024 + 1, 'x');
        const std::string texts[] = {"x", "\xff", too_large};
        for (int round = 0; round < rounds; ++round) {
          const std::string& text = texts[round % 50 == 0 ? 2 : round % 10 == 0 ? 1 : 0];
          const std::string id = "d" + std::to_string(round % 5);
          ++pushes;
          server->push(id, {MessageType::text, bytes_of(text)}, [&](const PushResult&) { ++answered; });
          if (round % 7 != 0) continue;
          ++broadcasts;
          server->broadcast({MessageType::text, bytes_of(text)}, [&](const BroadcastResult&) { ++answered; });
        }
      });
      threads.emplace_back([&, thread] {
        for (int i = 0; i < connections_per_thread; ++i) {  // over one another, some closed properly, some not at all
          const auto connected = device("d" + std::to_string((i + thread) % 5));
          if (i % 3 == 0) connected->send(8, std::string("\x03\xE8", 2));
        }
      });
    }
  }
  while (answered < pushes + broadcasts) std::this_thread::yield();
  EXPECT_EQ(metric("ringgate_push_requests_total{"), pushes);
  EXPECT_EQ(metric("ringgate_broadcast_requests_total{"), broadcasts);
  EXPECT_EQ(metric("ringgate_push_requests_total{result=\"too_large\"}"), threads_count * rounds / 50);
  while (handler.closed < handler.opened) std::this_thread::yield();
  EXPECT_EQ(handler.opened, threads_count * connections_per_thread);
  EXPECT_EQ(metric("ringgate_handshakes_total{result=\"accepted\"}"), handler.opened);
  EXPECT_EQ(metric("ringgate_connections_closed_total{"), handler.opened);
}

TEST_F(ServerTest, PushOfAThreadIsWaitedForNoLongerThanPromised) {
  const auto connected = device("stuck");
  std::promise<void> go_on;
  ASSERT_TRUE(server->with_connection(handler.first_ref(), [&](Connection&) { go_on.get_future().wait(); }));
  const PushResult result = push("stuck", "x");
  EXPECT_EQ(result.outcome, PushOutcome::unknown_outcome);
  go_on.set_value();
  EXPECT_EQ(connected->receive().payload, "x") << "it was delivered all the same";
}

TEST_F(ServerTest, HandlerMayPauseAndBeResumedFromOutside) {
  const auto connected = device("d");
  connected->send_text("pause");
  connected->send_text("later");
  EXPECT_EQ(connected->receive().payload, "pausing");
  EXPECT_EQ(handler.messages, 1);
  ASSERT_TRUE(server->with_connection(handler.first_ref(), [](Connection& connection) { connection.resume(); }));
  EXPECT_EQ(connected->receive().payload, "later");
}

TEST_F(ServerTest, HandlerThatThrowsClosesItsConnectionWith1011) {
  const auto connected = device("d");
  connected->send_text("throw");
  const auto frame = connected->receive();
  EXPECT_EQ(frame.opcode, 8);
  EXPECT_EQ(frame.close_code(), 1011);
  EXPECT_EQ(device("e") != nullptr, true);
}

TEST_F(ServerTest, HandlerMayCloseWithItsOwnCode) {
  const auto connected = device("d");
  connected->send_text("close");
  EXPECT_EQ(connected->receive().close_code(), 4123);
}

TEST_F(ServerTest, StopClosesEveryDeviceWith1001AndCallsOnCloseOnce) {
  std::vector<std::unique_ptr<PlainDevice>> devices;
  for (int i = 0; i < 10; ++i) devices.push_back(device("d" + std::to_string(i)));
  std::jthread stopper([&] { server->stop(); });
  for (auto& connected : devices) {
    EXPECT_EQ(connected->receive().close_code(), 1001);
    connected->send(8, std::string("\x03\xE9", 2));
    EXPECT_TRUE(connected->at_end());
  }
  stopper.join();
  EXPECT_EQ(handler.opened, 10);
  EXPECT_EQ(handler.closed, 10);
  EXPECT_EQ(handler.last_code, 1001);
}

/// Pushes and broadcasts from several threads while the gate ends: each gets its one result, before, during or after.
class ServerEnd : public ServerTest, public testing::WithParamInterface<bool> {};

TEST_P(ServerEnd, EveryPushAskedForGetsOneResult) {
  std::vector<std::unique_ptr<PlainDevice>> devices;
  for (int i = 0; i < 6; ++i) devices.push_back(device("d" + std::to_string(i)));
  std::atomic<long> asked{0}, answered{0};
  std::atomic<bool> done{false};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread)
      threads.emplace_back([&] {
        while (!done) {
          for (int i = 0; i < 6; ++i, ++asked)
            server->push("d" + std::to_string(i), {MessageType::text, bytes_of("x")}, [&](const PushResult&) { ++answered; });
          ++asked;
          server->broadcast({MessageType::text, bytes_of("y")}, [&](const BroadcastResult&) { ++answered; });
          std::this_thread::yield();
        }
      });
    while (answered < 100) std::this_thread::yield();
    GetParam() ? server->stop_now() : server->stop();
    done = true;
  }
  EXPECT_EQ(answered, asked);
  EXPECT_EQ(handler.closed, handler.opened);
}

INSTANTIATE_TEST_SUITE_P(Ways, ServerEnd, testing::Bool(), [](const auto& way) { return way.param ? "AtOnce" : "Gracefully"; });

TEST_F(ServerTest, EndsAtOnceWithConnectionsOpen) {
  const auto connected = device("d");
  server->stop_now();
  EXPECT_EQ(handler.closed, 1);
  EXPECT_NE(push("d", "x").outcome, PushOutcome::delivered);
}

TEST_F(ServerTest, ForeignTaskThatThrowsClosesItsConnectionWith1011) {
  const auto connected = device("d");
  ASSERT_TRUE(server->with_connection(handler.first_ref(), [](Connection&) { throw 1; }));
  EXPECT_EQ(connected->receive().close_code(), 1011);
}

}  // namespace
}  // namespace ringgate
