// Webhooks and connect hooks when the allocator has nothing left: each allocation fails in turn. Events are counted as dropped or tried
// again, each question has its answer, and nothing is thrown.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <thread>

#include "hooks/event_source.h"
#include "support/failing_allocations.h"
#include "unit/events/samples.h"

namespace ringgate::hooks {
namespace {

class HooksWithoutMemory : public ::testing::Test {
 protected:
  HooksWithoutMemory() {
    config.name = "a-backend-with-a-long-name";
    config.url = "http://127.0.0.1:1/a-path-that-is-on-the-heap";  // nobody listens there
    config.local_allowed = true;
    config.validation = WebhookValidation::off;
    config.lanes_count = 2;
    config.events = {"device.connected"};
  }
  void open() {
    settings = {std::make_shared<const WebhookSettings>(WebhookSettings{config, {}, "a-machine-with-a-long-name"})};
    counters.emplace_back().name = config.name;
    thread = std::make_unique<HookThread>(
        settings, counters, [](const Reply&) {},
        DecisionCourier([](ConnectionRef, UpgradeDecision&) { return true; }, nanoseconds_per_second));
    hub = std::make_unique<events::EventHub>(events::EventHub::Options{.shards_count = 1,
                                                                       .ring_bytes = 4096,
                                                                       .log_bytes = 16 * 1024,
                                                                       .boot = 1,
                                                                       .routes = {"/ws"},
                                                                       .wake = [](std::uint8_t) {},
                                                                       .clock = [] { return TimeNs{0}; },
                                                                       .threads = events::EventHub::Threads::none});
    caller = std::make_unique<HttpCaller>();
    webhooks.emplace_back(settings.front(), *caller, counters.front(), [](const Reply&) {});
    source = std::make_unique<EventSource>(*hub, 1U, *thread);
  }
  void shut() {
    webhooks.front().end();
    expect_balance();
    EXPECT_EQ(counters.front().queued_messages.get(), 0U);
    EXPECT_EQ(counters.front().queued_bytes.get(), 0U);
    source.reset();
    webhooks.clear();
    caller.reset();
    hub.reset();
    thread.reset();
    counters.clear();
  }
  void connect(std::string_view device) {
    const events::Bytes record =
        events::written({.type = events::EventType::connected, .device_id = device, .payload = bytes_of("192.0.2.1:5")});
    ASSERT_TRUE(hub->log().append(record.data(), record.size()));
    hub->log().publish();
  }
  void read() {
    while (source->read(webhooks, monotonic_now())) {
    }
  }
  std::uint64_t dropped(WebhookDrop why) const { return counters.front().dropped[static_cast<std::size_t>(why)].get(); }
  void expect_balance() const {
    const WebhookCounters& of = counters.front();
    std::uint64_t all = 0;
    for (const Counter& counter : of.dropped) all += counter.get();
    EXPECT_EQ(of.taken.get(), of.delivered.get() + all + of.queued_messages.get());
    EXPECT_EQ(hub->log().end() + of.notices.get(), of.taken.get() + of.unwanted.get());
  }

  WebhookConfig config;
  AllSettings settings;
  std::deque<WebhookCounters> counters;
  std::unique_ptr<HookThread> thread;
  std::unique_ptr<events::EventHub> hub;
  std::unique_ptr<HttpCaller> caller;
  std::deque<Webhook> webhooks;
  std::unique_ptr<EventSource> source;
};

TEST_F(HooksWithoutMemory, EventsThatCannotBeKeptAreCounted) {
  std::uint64_t lost = 0;
  for (const bool is_behind : {false, true}) {  // the log has overwritten some
    for (int allocations = 0;; ++allocations) {
      SCOPED_TRACE(testing::Message() << is_behind << " " << allocations);
      ASSERT_LT(allocations, 3000);
      open();
      for (int i = 0; i < 5 || (is_behind && hub->log().begin() < 5); ++i)
        connect("a-device-with-a-long-name-" + std::to_string(i));
      {
        const test::ScarceMemory scarce(allocations);
        EXPECT_NO_THROW(read());
      }
      const bool has_failed = test::failures_count > 0;
      lost += dropped(WebhookDrop::memory);
      expect_balance();
      EXPECT_EQ(dropped(WebhookDrop::overwritten), is_behind ? hub->log().begin() : 0U);
      shut();
      if (!has_failed || HasFailure()) break;
    }
  }
  EXPECT_GT(lost, 5U);
}

TEST_F(HooksWithoutMemory, RequestsThatCannotBeMadeAreTriedAgain) {
  for (const std::uint64_t batch_count : {1U, 10U}) {
    config.batch_count_max = batch_count;
    config.queue_messages_max = 4;  // the oldest are dropped and announced
    for (int allocations = 0;; ++allocations) {
      SCOPED_TRACE(testing::Message() << batch_count << " " << allocations);
      ASSERT_LT(allocations, 3000);
      open();
      for (int i = 0; i < 6; ++i) connect("a-device-with-a-long-name-" + std::to_string(i));
      read();
      TimeNs now = monotonic_now();
      {
        const test::ScarceMemory scarce(allocations);
        EXPECT_NO_THROW(webhooks.front().run(now));
        EXPECT_NO_THROW(webhooks.front().run(now));
      }
      const bool has_failed = test::failures_count > 0;
      expect_balance();
      EXPECT_EQ(counters.front().queued_messages.get(), 4U) << "nothing is lost";
      EXPECT_EQ(webhooks.front().due_at(now) == UINT64_MAX, !has_failed) << "it is tried again";
      shut();
      if (!has_failed || HasFailure()) break;
    }
  }
}

TEST_F(HooksWithoutMemory, AReceiverIsAskedAgainWhetherItAgrees) {
  config.validation = WebhookValidation::warn;
  for (int allocations = 0;; ++allocations) {
    SCOPED_TRACE(allocations);
    ASSERT_LT(allocations, 1000);
    open();
    const TimeNs now = monotonic_now();
    {
      const test::ScarceMemory scarce(allocations);
      EXPECT_NO_THROW(webhooks.front().run(now));
    }
    const bool has_failed = test::failures_count > 0;
    EXPECT_EQ(webhooks.front().due_at(now) == UINT64_MAX, !has_failed) << "else it waits for an answer";
    shut();
    if (!has_failed || HasFailure()) break;
  }
}

TEST_F(HooksWithoutMemory, EachQuestionHasOneAnswer) {
  for (int allocations = 0;; ++allocations) {
    SCOPED_TRACE(allocations);
    ASSERT_LT(allocations, 1000);
    open();
    QuestionDesk desk(settings.front(), *caller, counters.front());
    std::vector<std::string> faults;
    const TimeNs now = monotonic_now();
    const auto question = [&] {
      return Question{.id = "an-id-that-is-on-the-heap",
                      .subject = "a-device-with-a-long-name",
                      .body = std::string(100, 'x'),
                      .asked_at = now,
                      .deadline = now + nanoseconds_per_second,
                      .on_answer = [&](const Answer& answer) { faults.emplace_back(answer.fault); }};
    };
    std::deque<Question> asked;
    for (int i = 0; i < 4; ++i) asked.push_back(question());
    faults.reserve(10);
    {
      const test::ScarceMemory scarce(allocations);
      for (Question& each : asked) {
        ASSERT_TRUE(desk.reserve());
        EXPECT_NO_THROW(desk.put(std::move(each)));
      }
      EXPECT_NO_THROW(desk.run(now));
    }
    const bool has_failed = test::failures_count > 0;
    desk.end();
    EXPECT_EQ(faults.size(), 4U);
    EXPECT_EQ(counters.front().questions_waiting.get(), 0U);
    shut();
    if (!has_failed || HasFailure()) break;
  }
}

TEST_F(HooksWithoutMemory, AQuestionThatCannotBePostedIsRefused) {
  for (int allocations = 0;; ++allocations) {
    SCOPED_TRACE(allocations);
    ASSERT_LT(allocations, 100);
    open();
    int answers = 0;
    bool is_asked = false;
    Question question{.body = std::string(100, 'x'), .deadline = UINT64_MAX, .on_answer = [&](const Answer&) { ++answers; }};
    {
      const test::ScarceMemory scarce(allocations);
      EXPECT_NO_THROW(is_asked = thread->ask(0, std::move(question)));
    }
    const bool has_failed = test::failures_count > 0;
    EXPECT_EQ(is_asked, !has_failed);
    thread->stop();
    thread->start();
    EXPECT_TRUE(thread->wait(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
    EXPECT_EQ(answers, is_asked ? 1 : 0);
    shut();
    if (!has_failed) break;
  }
}

/// Answers each request on a loopback port alike.
class AnsweringServer {
 public:
  AnsweringServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this] { serve(); });
  }
  ~AnsweringServer() {
    shutdown(socket_, SHUT_RDWR);  // ends accept
    thread_.join();
    close(socket_);
  }
  AnsweringServer(const AnsweringServer&) = delete;
  AnsweringServer& operator=(const AnsweringServer&) = delete;

  std::string url;

 private:
  void serve() {
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n" +
        std::string(1000, 'x');
    for (int peer = 0; (peer = accept(socket_, nullptr, nullptr)) >= 0; close(peer)) {
      std::string request;
      char bytes[4096];
      for (ssize_t count = 0; !request.contains("\r\n\r\n") && (count = recv(peer, bytes, sizeof bytes, 0)) > 0;)
        request.append(bytes, static_cast<std::size_t>(count));
      (void)send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  const int socket_;
  std::thread thread_;
};

TEST(HttpCallerWithoutMemory, SaysThatThereWasNoneForTheAnswer) {
  AnsweringServer server;
  int without_answer = 0;
  for (int allocations = 0;; ++allocations) {
    SCOPED_TRACE(allocations);
    ASSERT_LT(allocations, 100);
    HttpCaller caller;
    HttpCaller::Call call(caller);
    Answer answer;
    bool is_done = false;
    call.start({.url = server.url, .authority_file = {}, .local_allowed = true, .timeout = 10 * nanoseconds_per_second}, "POST",
               {}, "body", [&](Answer got) {
                 answer = std::move(got);
                 is_done = true;
               });
    {
      const test::ScarceMemory scarce(allocations);
      EXPECT_NO_THROW(while (!is_done) caller.run(nanoseconds_per_second));
    }
    if (test::failures_count == 0) {
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.body.size(), 1000U);
      break;
    }
    ++without_answer;
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.fault, without_memory);
  }
  EXPECT_GT(without_answer, 1);
}

TEST(DecisionCourierWithoutMemory, GivesAVerdictUpAtWorst) {
  for (int allocations = 0;; ++allocations) {
    ASSERT_LT(allocations, 100);
    int taken = 0;
    bool is_scarce = true;
    DecisionCourier courier(
        [&](ConnectionRef, UpgradeDecision&) -> bool {
          if (is_scarce) throw std::bad_alloc();
          ++taken;
          return true;
        },
        nanoseconds_per_second);
    UpgradeDecision decision = UpgradeRefusal{};
    {
      const test::ScarceMemory scarce(allocations);
      EXPECT_NO_THROW(courier.bring({1}, std::move(decision), 1));
      EXPECT_NO_THROW(courier.run(2));
    }
    const bool has_failed = test::failures_count > 0;
    is_scarce = false;
    courier.run(3);
    EXPECT_EQ(taken, has_failed ? 0 : 1);
    if (!has_failed) break;
  }
}

}  // namespace
}  // namespace ringgate::hooks
