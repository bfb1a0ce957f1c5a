// The books that ringgate_books_difference shows: they balance after any storm, and show what is missing.
#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "admin/metrics.h"
#include "admin_gate.h"

namespace ringgate::admin {
namespace {

using namespace testing;

/// The differences by book.
std::map<std::string, double> books_of(AdminGate& gate) {
  const std::string text = gate.ask_once(get_request("/metrics")).body;
  const std::regex series("ringgate_books_difference\\{book=\"([a-z_]+)\"\\} ([0-9.e+-]+)");
  std::map<std::string, double> books;
  for (std::sregex_iterator found(text.begin(), text.end(), series), end; found != end; ++found)
    books[found->str(1)] = std::stod(found->str(2));
  return books;
}

/// Waits until connections that end have ended.
void calm(AdminGate& gate) { gate.advance(12 * nanoseconds_per_second); }

void expect_balance(AdminGate& gate) {
  const auto books = books_of(gate);
  EXPECT_EQ(books.size(), 4U);
  for (const auto& [book, difference] : books) EXPECT_EQ(difference, 0) << book;
}

TEST(Books, BalanceBeforeAnythingHappens) {
  AdminGate gate({.shards_count = 2});
  expect_balance(gate);
}

TEST(Books, BalanceAfterStorms) {
  for (const unsigned seed : {1U, 2U, 3U, 4U, std::random_device{}()}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    AdminGate gate({.shards_count = 3, .seed = seed});
    std::vector<FakePeer*> devices;
    const auto id = [&] { return "d" + std::to_string(below(20)); };
    for (int step = 0; step < 300; ++step) {
      FakePeer* const device = devices.empty() ? nullptr : devices[below(static_cast<unsigned>(devices.size()))];
      switch (below(12)) {
        case 0:
        case 1: devices.push_back(&gate.connect_device(id(), below(3))); break;
        case 2:
          if (device != nullptr) device->reset();
          break;
        case 3:
          if (device != nullptr) device->close();
          break;
        case 4: {  // masked Close 1000, or a frame that breaks a rule
          static constexpr std::array<std::uint8_t, 8> close{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8};
          static constexpr std::array<std::uint8_t, 2> unmasked{0x81, 0x00};
          if (device != nullptr) below(2) == 0 ? device->send(ByteView(close)) : device->send(ByteView(unmasked));
          break;
        }
        case 5:
        case 6: (void)gate.ask_once(push_request("hello", id()), below(3)); break;
        case 7:
          (void)gate.ask_once("POST /v1/broadcast HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
                              below(3));
          break;
        case 8: (void)gate.ask_once(get_request("/v1/devices/" + id(), "", "DELETE"), below(3)); break;
        case 9: {  // a handshake that is refused, cut off, or never comes
          FakePeer& peer = gate.world.connect(gate.devices_address, {.ring_index = below(3), .from = {}});
          const unsigned kind = below(4);
          if (kind == 0) peer.send("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n");
          if (kind == 1) peer.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
          if (kind == 2) peer.send("GET /ws HTT");
          if (below(2) == 0) below(2) == 0 ? peer.close() : peer.reset();
          break;
        }
        case 10: (void)gate.ask_once(push_request("\xff", id()), below(3)); break;
        case 11: gate.advance(below(50) * nanoseconds_per_millisecond); break;
      }
      gate.settle();
    }
    calm(gate);
    expect_balance(gate);
    EXPECT_GT(gate.sum(&ShardCounters::push_delivered), 0U);
    EXPECT_GT(gate.sum(&ShardCounters::handshakes_refused), 0U);
    EXPECT_GT(gate.sum(&ShardCounters::vanished), 0U);
  }
}

TEST(Books, ShowWhatHasNoEnd) {
  AdminGate gate({.shards_count = 2});
  gate.counters[1].push_asked.add(3);
  gate.counters[0].handshakes_accepted.add(2);
  gate.state.outside.broadcasts[0].fetch_add(1);
  const auto books = books_of(gate);
  EXPECT_EQ(books.at("pushes"), 3);
  EXPECT_EQ(books.at("devices"), 2);
  EXPECT_EQ(books.at("connections"), -2);
  EXPECT_EQ(books.at("broadcasts"), -1);
}

}  // namespace
}  // namespace ringgate::admin
