// Rows about opening handshakes: what they cost, and who wins when there are many.
#include <algorithm>
#include <chrono>
#include <ctime>

#include "http/request_head_parser.h"
#include "script_tools.h"
#include "simulated_scripts.h"
#include "ws/handshake.h"

namespace ringgate::abuse {

namespace {

std::string upgrade_with(const std::string& line) {
  std::string request = good_upgrade();
  return request.insert(request.size() - 2, line + "\r\n");
}

DurationNs cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<DurationNs>(now.tv_sec) * nanoseconds_per_second + static_cast<DurationNs>(now.tv_nsec);
}

/// The least CPU time of several goes at parsing and judging `request`, which must be refused.
DurationNs cost_of_refusing(const std::string& request) {
  DurationNs least = ~DurationNs{0};
  for (int go = 0; go < 50; ++go) {
    const DurationNs begin = cpu_now();
    http::RequestHeadParser parser;
    EXPECT_EQ(parser.resume(bytes_of(request)).status, http::HeadStatus::complete);
    EXPECT_FALSE(ws::check_handshake(parser.view(bytes_of(request))).has_value());
    least = std::min(least, cpu_now() - begin);
  }
  return least;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr DurationNs sanitizer_factor = 20;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr DurationNs sanitizer_factor = 20;
#else
constexpr DurationNs sanitizer_factor = 1;
#endif
#else
constexpr DurationNs sanitizer_factor = 1;
#endif
constexpr DurationNs refusal_cost_max = 100 * nanoseconds_per_microsecond * sanitizer_factor;

}  // namespace

/// Counted in bytes looked at, which no busy machine changes.
void large_head_byte_by_byte() {
  std::string request = good_upgrade();
  for (int i = 0; i < 4; ++i) request.insert(request.size() - 2, "X-Fill: " + std::string(3900, 'x') + "\r\n");
  http::RequestHeadParser whole;
  ASSERT_EQ(whole.resume(bytes_of(request)).status, http::HeadStatus::complete);
  http::RequestHeadParser slow;
  for (std::size_t size = 1; size < request.size(); ++size)
    ASSERT_EQ(slow.resume(bytes_of(request).first(size)).status, http::HeadStatus::need_more) << size;
  ASSERT_EQ(slow.resume(bytes_of(request)).status, http::HeadStatus::complete);
  EXPECT_LE(slow.bytes_examined(), 3 * whole.bytes_examined());
}

void blanks_in_a_list() {
  EXPECT_LE(cost_of_refusing(upgrade_with("Sec-WebSocket-Protocol: b" + std::string(8000, ' ') + "x")), refusal_cost_max);
}

void quoted_value_without_end() {
  std::string value = "Sec-WebSocket-Extensions: a; b=\"";
  for (int i = 0; i < 4000; ++i) value += "\\c";
  EXPECT_LE(cost_of_refusing(upgrade_with(value)), refusal_cost_max);
}

void thousand_handshakes_for_one_id(SimulatedWorld& world) {
  constexpr int count = 1000;
  simulated::GateOptions options = SimulatedWorld::options_for({});
  options.slots_count = 2048;
  options.settings.limits.connections_max = 2048;
  world.open(options, {});
  std::vector<simulated::DeviceClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(world.gate().connect()).open("contested");
    if (i % 7 == 0) world.gate().settle();  // some come together, some one after the other
    world.ring_world().advance(milliseconds(1));
  }
  world.gate().settle();
  int replaced = 0;
  int alive = 0;
  for (simulated::DeviceClient& client : clients) {
    client.read();
    EXPECT_EQ(client.status(), 101);
    replaced += client.close_code() == 4409 ? 1 : 0;
    alive += client.close_code() ? 0 : 1;
  }
  EXPECT_EQ(replaced, count - 1);
  EXPECT_EQ(alive, 1);
  EXPECT_EQ(world.gate().state().map.count(), 1U);
  for (simulated::DeviceClient& client : clients) client.peer().close();
  expect_nothing_left(world);
}

namespace {

/// A gate with `setting` takes three connections, and answers `status` to a fourth until one of the three has gone.
void one_more_than_three(SimulatedWorld& world, const std::string& setting, int status) {
  world.open(SimulatedWorld::options_for({setting}), {});
  std::vector<simulated::DeviceClient> clients;
  for (const char* id : {"a", "b", "c"}) clients.push_back(online_device(world, id));
  const std::string request = good_upgrade("d");
  for (std::size_t cut = 1; cut <= request.size(); ++cut) {
    simulated::DeviceClient refused(world.gate().connect());
    refused.peer().send(request.substr(0, cut));
    world.gate().settle();
    refused.peer().send(request.substr(cut));
    world.gate().settle();
    refused.read();
    ASSERT_EQ(refused.status(), status) << "cut at " << cut;
    ASSERT_NE(refused.head().find("\r\nRetry-After: "), std::string::npos);
    ASSERT_TRUE(refused.saw_end());
    refused.peer().close();
    world.gate().settle();
    ASSERT_EQ(world.gate().counters().slots_used.get(), 3U);
  }
  clients.front().peer().close();
  world.gate().settle();
  clients.front() = online_device(world, "d");
  for (simulated::DeviceClient& client : clients) client.peer().close();
  expect_nothing_left(world);
}

}  // namespace

void one_connection_too_many(SimulatedWorld& world) { one_more_than_three(world, "limits.max_connections=3", 503); }

void one_too_many_from_one_address(SimulatedWorld& world) { one_more_than_three(world, "limits.connections_per_prefix=3", 429); }

}  // namespace ringgate::abuse
