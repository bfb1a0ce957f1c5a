// What a handler sees when a newer connection takes an id over: the orders that handler.h promises, and the ones it warns of.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

/// Writes down every call with the connection it was for.
class RecordingHandler final : public Handler {
 public:
  struct Call {
    std::string what;
    ConnectionRef connection;
    std::string id;
  };
  void on_open(Connection& connection) override { note("open", connection); }
  void on_message(Connection& connection, MessageView message) override {
    note("message " + std::string(text_of(message.payload)), connection);
    connection.echo();
  }
  void on_close(Connection& connection, CloseCode code, std::string_view) override {
    note("close " + std::to_string(static_cast<int>(code)), connection);
  }

  std::vector<std::string> of(ConnectionRef connection) const {
    std::vector<std::string> found;
    for (const Call& call : calls)
      if (call.connection == connection) found.push_back(call.what);
    return found;
  }
  std::size_t place_of(std::string_view what, ConnectionRef connection) const {
    const auto found = std::ranges::find_if(calls, [&](const Call& c) { return c.what == what && c.connection == connection; });
    EXPECT_NE(found, calls.end()) << what;
    return static_cast<std::size_t>(found - calls.begin());
  }

  std::vector<Call> calls;

 private:
  void note(std::string what, Connection& connection) {
    calls.push_back({std::move(what), connection.ref(), std::string(connection.device_id())});
  }
};

class Takeover : public DeviceFixture {
 protected:
  Takeover() {
    options.shards_count = 2;
    options.handler = &recorder;
  }
  ConnectionRef latest() const { return recorder.calls.back().connection; }

  RecordingHandler recorder;
};

TEST_F(Takeover, OnOneShardTheOlderOneIsClosingBeforeTheNewerOneOpens) {
  start();
  DeviceClient older = device("a");
  const ConnectionRef old_ref = latest();
  DeviceClient newer = connect();
  newer.open("a", "/handler");
  while (gate->counters().takeovers.get() == 0) gate->turn(0);
  const ConnectionRef new_ref = latest();
  EXPECT_NE(new_ref, old_ref) << "one id, two connections: the reference tells them apart";
  EXPECT_EQ(recorder.calls.back().id, "a");
  older.peer().send(DeviceClient::frame(Opcode::text, "too late"));
  gate->settle();
  older.read();
  older.close(4409);
  gate->pass(seconds(2));
  EXPECT_EQ(recorder.of(old_ref), (std::vector<std::string>{"open", "close 4409"})) << "no message after the takeover";
  EXPECT_GT(recorder.place_of("close 4409", old_ref), recorder.place_of("open", new_ref));
  EXPECT_EQ(recorder.of(new_ref), std::vector<std::string>{"open"});
}

TEST_F(Takeover, AcrossShardsMessagesOfTheOlderOneMayComeAfterTheNewerOneHasOpened) {
  start();
  DeviceClient older = device("a", "/handler", 0);
  const ConnectionRef old_ref = latest();
  older.peer().send(DeviceClient::frame(Opcode::text, "under way"));
  DeviceClient newer = connect(1);
  newer.open("a", "/handler");
  while (gate->counters(1).takeovers.get() == 0) gate->turn(1);  // shard 0 has not turned: it knows nothing yet
  const ConnectionRef new_ref = latest();
  gate->settle();
  older.read();
  EXPECT_EQ(older.close_code(), 4409);
  older.close(4409);
  gate->pass(seconds(2));
  EXPECT_GT(recorder.place_of("message under way", old_ref), recorder.place_of("open", new_ref));
  EXPECT_EQ(recorder.of(old_ref), (std::vector<std::string>{"open", "message under way", "close 4409"}));
}

TEST_F(Takeover, AcrossShardsTheOlderOneMayHaveClosedBeforeTheNewerOneIsTold) {
  start();
  DeviceClient older = device("a", "/handler", 0);
  const ConnectionRef old_ref = latest();
  DeviceClient newer = connect(1);
  newer.open("a", "/handler");
  older.peer().reset();
  gate->pass(milliseconds(1));
  older.read();
  gate->settle();
  const std::vector<std::string> of_old = recorder.of(old_ref);
  ASSERT_EQ(of_old.size(), 2U) << "on_open and on_close, once each, whoever was first";
  EXPECT_EQ(of_old.front(), "open");
  EXPECT_TRUE(of_old.back() == "close 1006" || of_old.back() == "close 4409") << of_old.back();
  newer.read();
  EXPECT_EQ(newer.status(), 101);
  EXPECT_TRUE(is_online("a")) << "the older one's end takes nothing from the newer one";
}

TEST_F(Takeover, EachConnectionHasItsOwnWordOfTheEmbedder) {
  options.handler = &handler;
  int places[2] = {};
  int opened = 0;
  handler.opened = [&](Connection& connection) {
    EXPECT_EQ(connection.user_data(), nullptr);
    connection.user_data() = &places[opened++];
  };
  start();
  DeviceClient older = device("a", "/handler", 0);
  DeviceClient newer = device("a", "/handler", 1);
  EXPECT_EQ(opened, 2);
  const auto word_of_newer = [&] {
    void* word = nullptr;
    handler.received = [&](Connection& connection, MessageView) { word = connection.user_data(); };
    newer.peer().send(DeviceClient::frame(Opcode::text, "x"));
    gate->settle();
    return word;
  };
  EXPECT_EQ(word_of_newer(), &places[1]);
}

}  // namespace
}  // namespace ringgate::simulated
