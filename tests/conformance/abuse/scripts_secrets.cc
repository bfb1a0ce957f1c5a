// Rows about secrets: tokens that are compared, and texts that compression would give away.
#include <algorithm>
#include <array>
#include <ctime>

#include "admin/access.h"
#include "ringgate/handler.h"
#include "script_tools.h"
#include "simulated_scripts.h"
#include "support/source_root.h"

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

std::shared_ptr<const admin::AccessTable> tokens_of_the_list() {
  auto file = auth::AdminTokens::load(source_file("tests/conformance/abuse/credentials/admin_tokens"));
  return std::make_shared<const admin::AccessTable>(std::vector{file.value()});
}

/// The least time of several goes, each of many look-ups.
DurationNs cost_of_finding(const admin::AccessTable& table, const std::string& token) {
  const auto cpu_now = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<DurationNs>(now.tv_sec) * nanoseconds_per_second + static_cast<DurationNs>(now.tv_nsec);
  };
  DurationNs least = ~DurationNs{0};
  for (int go = 0; go < 40; ++go) {
    const DurationNs begin = cpu_now();
    for (int i = 0; i < 200; ++i) EXPECT_FALSE(table.find(token, 0).has_value());
    least = std::min(least, cpu_now() - begin);
  }
  return least;
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

/// A token that is wrong in its first byte takes as long as one that is wrong in its last: the table is searched by hash.
void wrong_tokens_take_one_time() {
  const auto table = tokens_of_the_list();
  const std::array<std::string, 3> wrong{"Token-of-pushes", "token-of-pushez", "xxxxxxxxxxxxxxx"};
  std::array<DurationNs, 3> costs{};
  bool is_equal = false;
  for (int tries = 0; tries < 20 && !is_equal; ++tries) {  // another program's work on the same core looks like a difference
    std::ranges::transform(wrong, costs.begin(), [&](const std::string& token) { return cost_of_finding(*table, token); });
    const auto [least, most] = std::ranges::minmax(costs);
    is_equal = most * 100 <= least * 105;
  }
  EXPECT_TRUE(is_equal) << costs[0] << ", " << costs[1] << ", " << costs[2] << " ns for 200 of them";
}

}  // namespace ringgate::abuse
