// Rows about secrets: texts that compression would give away.
#include <array>

#include "ringgate/handler.h"
#include "script_tools.h"
#include "simulated_scripts.h"

namespace ringgate::abuse {

namespace {

constexpr std::string_view secret = "session=8c1f0a5e27d94b36";

/// Answers each message with its secret beside that message, as a page does that shows what was searched for.
class Teller final : public Handler {
 public:
  Compress compress = Compress::as_agreed;

  void on_message(Connection& connection, MessageView message) override {
    const std::string text =
        "hello, your " + std::string(secret) + "; you asked for " + std::string(text_of(message.payload)) + std::string(200, '.');
    connection.send({MessageType::text, bytes_of(text)}, {.compress = compress});
  }
};

/// What the answer to `guess` looks like to somebody who sees the wire and cannot read it.
simulated::ServerFrame answer_to(SimulatedWorld& world, simulated::DeviceClient& client, std::string_view guess) {
  client.text(guess);
  world.gate().settle();
  client.read();
  EXPECT_EQ(client.frames().size(), 1U);
  if (client.frames().empty()) return {};
  simulated::ServerFrame answer = client.frames().front();
  client.frames().clear();
  return answer;
}

}  // namespace

/// Uncompressed, all guesses of one length look alike. Compressed, the right one is told by its length: that is what the flag is for.
void secret_beside_a_guess(SimulatedWorld& world) {
  const std::array<std::string, 3> guesses{std::string(secret), "session=0000000000000000", "session=8c1f0a5e27d94b37"};
  Teller teller;
  simulated::GateOptions options = SimulatedWorld::options_for({});
  options.handler = &teller;
  for (RouteConfig& route : options.settings.routes) route.deflate.enabled = true;
  world.open(options, {});
  simulated::DeviceClient client(world.gate().connect());
  client.peer().send(simulated::DeviceClient::request("reader", "/handler", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  world.gate().settle();
  client.read();
  ASSERT_EQ(client.status(), 101);
  std::array<std::size_t, 3> sizes{};
  for (std::size_t i = 0; i < guesses.size(); ++i) {
    const auto answer = answer_to(world, client, guesses[i]);
    EXPECT_TRUE(answer.compressed) << "nothing was agreed on: this row tests nothing";
    sizes[i] = answer.payload.size();
  }
  EXPECT_LT(sizes[0], sizes[1]) << "this is the attack; without it the row tests nothing";
  teller.compress = Compress::no;
  for (const std::string& guess : guesses) {
    const auto answer = answer_to(world, client, guess);
    EXPECT_FALSE(answer.compressed) << guess;
    EXPECT_TRUE(answer.payload.contains(secret) && answer.payload.contains("asked for " + guess));
  }
  client.peer().close();
  expect_nothing_left(world);
  world.abandon();
}

}  // namespace ringgate::abuse
