// A small gate on the simulated ring for the tests of the admin port: shards with devices and an admin
// listener, driven turn by turn.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/admin_session.h"
#include "conn/transport.h"
#include "dispatch/device_session.h"
#include "dispatch/echo.h"
#include "dispatch/push_service.h"
#include "fake_ring/fake_world.h"
#include "requests.h"

namespace ringgate::admin::testing {

using ring::FakeOptions;
using ring::FakePeer;
using ring::FakeWorld;

/// A response taken apart; `head` is status line and fields.
struct Reply {
  int status = 0;
  std::string head;
  std::string body;

  bool has(std::string_view field_line) const { return head.find(field_line) != std::string::npos; }
  bool closes() const { return has("Connection: close\r\n"); }
};

/// Takes responses apart; `to_head`: they answer HEAD. What is no whole response fails the test.
inline std::vector<Reply> parse_replies(std::string_view bytes, bool to_head = false) {
  std::vector<Reply> replies;
  while (!bytes.empty()) {
    const std::size_t head_end = bytes.find("\r\n\r\n");
    if (!bytes.starts_with("HTTP/1.1 ") || head_end == std::string_view::npos) {
      ADD_FAILURE() << "no response: " << bytes.substr(0, 200);
      return replies;
    }
    Reply reply{.head = std::string(bytes.substr(0, head_end + 2))};
    reply.status = std::stoi(reply.head.substr(9, 3));
    bytes.remove_prefix(head_end + 4);
    constexpr std::string_view length_name = "Content-Length: ";
    const std::size_t length_at = reply.head.find(length_name);
    if (length_at != std::string::npos && !to_head) {
      const std::size_t length = std::stoul(reply.head.substr(length_at + length_name.size()));
      EXPECT_LE(length, bytes.size());
      reply.body = bytes.substr(0, length);
      bytes.remove_prefix(std::min(length, bytes.size()));
    }
    replies.push_back(std::move(reply));
  }
  return replies;
}

struct GateOptions {
  std::uint32_t shards_count = 1;
  FakeOptions world;
  AdminSettings admin{.body_bytes_max = 65536, .version = "1.2.3"};
  Services services;
  std::uint64_t seed = 11;
  std::uint32_t receive_buffers_count = 8;  // of 64 KiB, per ring
};

class AdminGate {
 public:
  explicit AdminGate(GateOptions options = {})
      : world(options.seed, options.world),
        settings_({.routes = {RouteConfig{}}}, {{"/ws", &echo_}}),
        state(options.shards_count, LimitsConfig{.connections_max = 1000}, secret()),
        counters(options.shards_count) {
    for (const ShardCounters& one : counters) all_counters_.push_back(&one);
    ring::ListenAddress devices{"127.0.0.1", 0};
    ring::ListenAddress admin{"127.0.0.1", 0};
    for (std::uint32_t i = 0; i < options.shards_count; ++i) {
      Shard& shard = shards_.emplace_back(*this, static_cast<std::uint8_t>(i), options);
      devices = *shard.ring->listen(0, devices, {});
      admin = *shard.ring->listen(1, admin, {});
      shard.transport.start_accepting(0, {.session = &shard.devices, .slots_left_free = 1, .asks_at_end = true});
      shard.transport.start_accepting(1, {&shard.admin, 1});
      shard.transport.finish_turn();
    }
    devices_address = devices;
    admin_address = admin;
    state.ready = true;
    settle();
  }

  /// Turns all shards until nothing is left to do at this moment of the clock.
  void settle() {
    for (int quiet = 0, rounds = 0; quiet < 3 && rounds < 10'000; ++rounds) {
      bool busy = false;
      for (Shard& shard : shards_)
        if (&shard != stuck_) busy = shard.turn() || busy;
      quiet = busy || !world.idle() ? 0 : quiet + 1;
    }
  }

  /// A shard that does not turn any more, as if a handler held it; nullopt: all turn.
  void hold(std::optional<std::size_t> shard) { stuck_ = shard ? &shards_[*shard] : nullptr; }

  /// Turns one shard only.
  void turn(std::size_t shard) { (void)shards_[shard].turn(); }

  /// Moves the clock in steps of at most 16 ms, settling after each.
  void advance(DurationNs duration) {
    constexpr DurationNs step = 16 * nanoseconds_per_millisecond;
    for (DurationNs gone = 0; gone < duration; gone += step) {
      world.advance(std::min(step, duration - gone));
      settle();
    }
  }

  /// Unix time, by which tokens expire.
  std::int64_t wall_clock_seconds() { return shards_.front().ring->wall_clock_seconds(); }

  FakePeer& connect(std::size_t shard = 0) {
    FakePeer& peer = world.connect(admin_address, {.ring_index = shard, .from = {}});
    settle();
    return peer;
  }

  /// A device that is connected as `id` to `shard`; what it has received so far is taken.
  FakePeer& connect_device(std::string_view id, std::size_t shard = 0) {
    FakePeer& peer = world.connect(devices_address, {.ring_index = shard, .from = {}});
    peer.send("GET /ws?deviceId=" + std::string(id) +
              " HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    settle();
    EXPECT_TRUE(peer.received_text().starts_with("HTTP/1.1 101 ")) << peer.received_text();
    (void)peer.take_received();
    return peer;
  }

  /// Sends `bytes` on `peer` and returns the responses that have come.
  std::vector<Reply> ask(FakePeer& peer, std::string_view bytes) {
    peer.send(bytes);
    settle();
    return replies(peer);
  }
  std::vector<Reply> replies(FakePeer& peer, bool to_head = false) {
    const std::vector<std::uint8_t> bytes = peer.take_received();
    return parse_replies(text_of(bytes), to_head);
  }
  /// The one answer to one request on a connection of its own.
  Reply ask_once(std::string_view bytes, std::size_t shard = 0) {
    FakePeer& peer = connect(shard);
    const auto all = ask(peer, bytes);
    peer.close();
    settle();
    EXPECT_EQ(all.size(), 1U) << bytes.substr(0, 200);
    return all.empty() ? Reply{} : all.front();
  }

  std::uint64_t admin_connections() const { return sum(&ShardCounters::admin_connections); }
  std::uint64_t sum(Counter ShardCounters::* counter) const {
    std::uint64_t total = 0;
    for (const ShardCounters& one : counters) total += (one.*counter).get();
    return total;
  }

 private:
  struct Shard {
    Shard(AdminGate& gate, std::uint8_t index, const GateOptions& options)
        : ring(*ring::Ring::open(ring_options(options.receive_buffers_count))),
          transport(*ring, gate.counters[index], {.slots_count = slots_count}),
          devices(index, gate.settings_, gate.state, *ring, transport, gate.counters[index]),
          push(index, gate.state, *ring, devices, transport, gate.counters[index]),
          departure_notes(gate.state.departed, gate.state.hash, *ring),
          admin(options.admin, gate.state, push, transport, gate.counters[index], gate.all_counters_, options.services),
          mailbox(gate.state.mailboxes.of(index)),
          map(gate.state.map) {
      gate.state.doorbells[index] = ring->doorbell();
      devices.add_observer(departure_notes);
    }

    static constexpr std::uint32_t slots_count = 256;
    static ring::RingOptions ring_options(std::uint32_t buffers_count) {
      ring::RingOptions options;
      options.sockets_max = slots_count;
      options.incremental_buffers_count = buffers_count;
      return options;
    }

    /// True if there is more to do at once.
    bool turn() {
      ring::WaitPolicy policy;
      if (!transport.wants_turn() && !devices.wants_turn() && mailbox.empty() && !broadcasts_wait_ && !links_wait_ &&
          !streams_wait_) {
        policy.may_sleep = true;
        policy.timeout = transport.next_timer().value_or(0);
      }
      for (int tries = 0; !ring->submit_and_wait(policy) && tries < 100; ++tries) policy = {};
      transport.set_now(ring->now());
      std::vector<ring::Completion> completions;
      std::array<ring::Completion, 64> batch;
      while (const std::size_t count = ring->reap(batch))
        completions.insert(completions.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count));
      transport.run(completions);
      const bool parcels_wait = push.drain_mailbox(4096);
      broadcasts_wait_ = push.continue_broadcasts();
      links_wait_ = push.continue_links();
      transport.expire_timers();
      devices.settle_pushes();
      streams_wait_ = admin.run_streams();
      transport.finish_turn();
      push.ring_doorbells();
      push.note_turn(nanoseconds_per_microsecond);
      map.reclaim();
      return parcels_wait || broadcasts_wait_ || links_wait_ || streams_wait_ || transport.wants_turn() || devices.wants_turn() ||
             !completions.empty() || !mailbox.empty();
    }

    std::unique_ptr<ring::Ring> ring;
    conn::Transport transport;
    dispatch::DeviceSession devices;
    dispatch::PushService push;
    dispatch::DepartureNotes departure_notes;
    AdminSession admin;
    device::Mailboxes<dispatch::Request, dispatch::Reply>::Mailbox& mailbox;
    device::DeviceMap& map;
    bool broadcasts_wait_ = false;
    bool links_wait_ = false;
    bool streams_wait_ = false;
  };

  static device::KeyedHash::Secret secret() {
    device::KeyedHash::Secret secret;
    for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(i * 167 + 13);
    return secret;
  }

 public:
  FakeWorld world;

 private:
  dispatch::EchoHandler echo_;
  dispatch::DeviceSettings settings_;

 public:
  dispatch::GateState state;
  std::deque<ShardCounters> counters;
  ring::ListenAddress devices_address;
  ring::ListenAddress admin_address;

 private:
  std::vector<const ShardCounters*> all_counters_;
  std::deque<Shard> shards_;
  const Shard* stuck_ = nullptr;
};

}  // namespace ringgate::admin::testing
