// One simulated ring with a listener, driven turn by turn, for the tests of the simulated ring itself.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "fake_ring/fake_world.h"
#include "ring/ring.h"

namespace ringgate::ring {

/// A completion with what it brought, copied.
struct Event {
  Completion completion;
  std::string bytes;
};

/// A ring and the least a caller must do for it.
class Station {
 public:
  explicit Station(const RingOptions& options = small()) : ring(*Ring::open(options)) {}

  static RingOptions small() {
    RingOptions options;
    options.sockets_max = 8;
    options.classic_buffers_count = 4;
    options.classic_buffer_bytes = 64;
    options.incremental_buffers_count = 2;
    options.incremental_buffer_bytes = 256;
    return options;
  }

  std::vector<Event> collect() {
    std::vector<Event> events;
    std::array<Completion, 7> batch;  // odd on purpose
    while (const std::size_t count = ring->reap(batch)) {
      for (std::size_t i = 0; i < count; ++i) {
        events.push_back({batch[i], ""});
        if (batch[i].has_buffer) events.back().bytes = text_of(ring->received(batch[i]));
      }
    }
    return events;
  }

  /// One turn as a shard makes it: enter, reap, give back what the enter before made free.
  std::vector<Event> turn(const WaitPolicy& policy = {}) {
    (void)ring->submit_and_wait(policy);
    auto events = collect();
    (void)ring->return_buffers();
    return events;
  }

  ListenAddress listen() { return *ring->listen(listeners_count++, {"127.0.0.1", 0}, {}); }

  std::unique_ptr<Ring> ring;
  std::uint32_t listeners_count = 0;
};

class FakeRing : public ::testing::Test {
 protected:
  static constexpr std::uint64_t seed = 20'26;

  /// A world with one ring that listens and accepts. For tests that need other options: call again.
  void start(const FakeOptions& options = {}, const RingOptions& ring_options = Station::small()) {
    station.reset();
    world.reset();
    world = std::make_unique<FakeWorld>(seed, options);
    station = std::make_unique<Station>(ring_options);
    address = station->listen();
    station->ring->accept(0);
    (void)station->turn();
  }
  FakeRing() { start(); }

  Ring& ring() { return *station->ring; }
  std::vector<Event> turn() { return station->turn(); }

  /// Connects a peer and accepts it as `last_socket`.
  FakePeer& accepted_peer() {
    FakePeer& peer = world->connect(address);
    const auto events = turn();
    EXPECT_EQ(events.size(), 1U);
    EXPECT_EQ(events.at(0).completion.error, IoError::none);
    last_socket = static_cast<Socket>(events.at(0).completion.result);
    ++generation;
    return peer;
  }
  Token token(OperationKind kind) const { return {kind, last_socket, generation}; }
  void receive() { ring().receive(last_socket, token(OperationKind::receive)); }
  void cancel(OperationKind kind = OperationKind::receive) { ring().cancel(token(kind), token(OperationKind::cancel)); }
  void send(std::string_view text, bool silent) {
    const Piece piece{bytes_of(text).data(), text.size()};
    ring().send(last_socket, {&piece, 1}, silent ? Ring::Sending::silent : Ring::Sending::completes, token(OperationKind::send));
  }
  void close(bool reset) { ring().close(last_socket, reset, token(OperationKind::close)); }

  std::unique_ptr<FakeWorld> world;
  std::unique_ptr<Station> station;
  ListenAddress address;
  Socket last_socket = 0;
  std::uint32_t generation = 0;
};

inline std::string joined(const std::vector<Event>& events) {
  std::string all;
  for (const Event& event : events) all += event.bytes;
  return all;
}

/// The only event of `kind`; fails the test if there is none or more than one.
inline Event only(const std::vector<Event>& events, OperationKind kind) {
  Event found;
  int count = 0;
  for (const Event& event : events)
    if (event.completion.token.kind == kind) {
      found = event;
      ++count;
    }
  EXPECT_EQ(count, 1) << "completions of kind " << static_cast<int>(kind);
  return found;
}

}  // namespace ringgate::ring
