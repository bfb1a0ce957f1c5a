// Calls of an embedding program from threads of its own, on the real ring: decisions, questions and prepared messages. Runs under
// ThreadSanitizer as well.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../../support/plain_device.h"
#include "ringgate/server.h"

namespace ringgate {
namespace {

using test::PlainDevice;

/// Puts every decision off, and hands it to whoever decides.
class UndecidedHandler final : public Handler {
 public:
  UpgradeVerdict on_upgrade(const UpgradeRequest& request) override {
    if (request.query_parameter("deviceId").value_or("").starts_with("now")) return UpgradeAccept{};
    const std::lock_guard lock(mutex);
    waiting.push_back(request.ref());
    return UpgradeLater{};
  }
  void on_open(Connection&) override { ++open_count; }
  void on_message(Connection& connection, MessageView) override { connection.echo(); }

  std::optional<ConnectionRef> take() {
    const std::lock_guard lock(mutex);
    if (waiting.empty()) return std::nullopt;
    const ConnectionRef ref = waiting.front();
    waiting.pop_front();
    return ref;
  }

  std::mutex mutex;
  std::deque<ConnectionRef> waiting;
  std::atomic<int> open_count{0};
};

class EmbedderCalls : public testing::Test {
 protected:
  void SetUp() override {
    Config config;
    config.server.shards_count = 2;
    config.listeners = {{.bind = "127.0.0.1:0"}};
    config.admin.bind = "off";
    config.limits.connections_max = 500;
    config.log.level = LogLevel::off;
    auto created = Server::create(config);
    if (!created && created.error().exit_code == ExitCode::uring_unavailable) GTEST_SKIP() << created.error().cause;
    ASSERT_TRUE(created) << to_line(created.error());
    server = std::move(*created);
    RouteConfig route{.path = "/ws"};
    route.limits.message_bytes_max = 1000;
    server->mount(route, handler);
    const auto started = server->start();
    ASSERT_TRUE(started) << to_line(started.error());
    address = server->device_addresses().front();
  }

  UndecidedHandler handler;
  std::unique_ptr<Server> server;
  std::string address;
};

TEST_F(EmbedderCalls, DecideFromOtherThreads) {
  constexpr int devices_count = 40;
  std::atomic<int> opened{0}, refused{0}, answers{0};
  std::atomic<bool> over{false};
  std::vector<std::jthread> deciders;
  for (int i = 0; i < 2; ++i) {
    deciders.emplace_back([&] {
      while (!over.load()) {
        const auto ref = handler.take();
        if (!ref) {
          std::this_thread::yield();
          continue;
        }
        const auto count = [&](DecideOutcome outcome) {
          ++answers;
          opened += outcome == DecideOutcome::opened ? 1 : 0;
          refused += outcome == DecideOutcome::refused ? 1 : 0;
        };
        if (ref->word % 4 == 0) server->decide(*ref, UpgradeRefusal{}, count);
        else server->decide(*ref, UpgradeAccept{.fields = {{"X-Decided", "later"}}}, count);
      }
    });
  }
  int seen_open = 0;
  int seen_refused = 0;
  for (int i = 0; i < devices_count; ++i) {
    try {
      PlainDevice device(address, "d" + std::to_string(i));
      device.send_text("x");
      EXPECT_EQ(device.receive().payload, "x");
      ++seen_open;
    } catch (const std::runtime_error& error) {
      EXPECT_TRUE(std::string_view(error.what()).starts_with("not upgraded: HTTP/1.1 403 ")) << error.what();
      ++seen_refused;
    }
  }
  over = true;
  deciders.clear();
  server->stop();
  EXPECT_EQ(answers.load(), devices_count);
  EXPECT_EQ(opened.load(), seen_open);
  EXPECT_EQ(refused.load(), seen_refused);
  EXPECT_EQ(handler.open_count.load(), seen_open);
}

TEST_F(EmbedderCalls, DecideNobodyAndNothing) {
  std::vector<DecideOutcome> outcomes;
  const auto note = [&](DecideOutcome outcome) { outcomes.push_back(outcome); };
  server->decide({}, UpgradeAccept{}, note);
  server->decide({.word = ~std::uint64_t{0}}, UpgradeAccept{}, note);
  server->stop();
  server->decide({.word = 1}, UpgradeAccept{}, note);
  server->decide({.word = 1}, UpgradeAccept{}, nullptr);
  EXPECT_EQ(outcomes, (std::vector{DecideOutcome::gone, DecideOutcome::gone, DecideOutcome::unavailable}));
}

TEST_F(EmbedderCalls, FindListAndClose) {
  std::vector<std::unique_ptr<PlainDevice>> devices;
  std::set<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string id = "now" + std::to_string(i);
    devices.push_back(std::make_unique<PlainDevice>(address, id));
    expected.insert(id);
  }
  const DescribeResult found = server->find_and_wait("now7");
  ASSERT_EQ(found.outcome, DescribeOutcome::found);
  EXPECT_EQ(found.device->device_id, "now7");
  EXPECT_EQ(server->find_and_wait("nobody").outcome, DescribeOutcome::unknown_device);

  std::set<std::string> seen;
  DeviceCursor cursor;
  do {
    const ListResult page = server->list_and_wait(cursor, 6);
    ASSERT_EQ(page.outcome, ListOutcome::completed);
    for (const DeviceInfo& info : page.devices) seen.insert(info.device_id);
    cursor = page.next;
  } while (cursor != DeviceCursor{});
  EXPECT_EQ(seen, expected);

  EXPECT_EQ(server->close_and_wait("now7", static_cast<CloseCode>(4001), "enough"), CloseOutcome::closed);
  const PlainDevice::Frame frame = devices[7]->receive();
  EXPECT_EQ(frame.opcode, 8);
  EXPECT_EQ(frame.close_code(), 4001);
  EXPECT_EQ(server->close_and_wait("now7", CloseCode::normal, ""), CloseOutcome::unknown_device);
  server->stop_now();
  EXPECT_NE(server->find_and_wait("now8").outcome, DescribeOutcome::found);
  EXPECT_NE(server->close_and_wait("now8", CloseCode::normal, ""), CloseOutcome::closed);
  EXPECT_EQ(server->list_and_wait({}, 5).outcome, ListOutcome::unavailable);
}

TEST_F(EmbedderCalls, SharePreparedMessagesBetweenThreads) {
  constexpr int threads_count = 3;
  constexpr int messages_count = 20;
  PlainDevice one(address, "now1");
  PlainDevice two(address, "now2");
  const auto message = *PreparedMessage::make({MessageType::text, bytes_of("shared")});
  std::atomic<int> delivered{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < threads_count; ++i) {
      threads.emplace_back([&, copy = message] {
        for (int n = 0; n < messages_count; ++n) {
          server->push(n % 2 == 0 ? "now1" : "now2", copy,
                       [&](const PushResult& result) { delivered += result.outcome == PushOutcome::delivered ? 1 : 0; });
        }
      });
    }
  }
  for (PlainDevice* device : {&one, &two})
    for (int i = 0; i < threads_count * messages_count / 2; ++i) ASSERT_EQ(device->receive().payload, "shared");
  server->stop();
  EXPECT_EQ(delivered.load(), threads_count * messages_count);
}

TEST_F(EmbedderCalls, MountWithLimitsOfTheRoute) {
  PlainDevice device(address, "now");
  device.send_text(std::string(1001, 'x'));
  const PlainDevice::Frame frame = device.receive();
  EXPECT_EQ(frame.opcode, 8);
  EXPECT_EQ(frame.close_code(), 1009);
}

}  // namespace
}  // namespace ringgate
