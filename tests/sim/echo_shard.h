// One shard of nothing but a transport, on the simulated ring: it sends back the bytes that it receives.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conn/transport.h"
#include "fake_ring/fake_world.h"

namespace ringgate::conn {

/// The hostile ring with some of its features.
inline ring::FakeOptions draw_options(ring::FakeRandom& dice, std::uint64_t send_buffer_bytes_max) {
  ring::FakeOptions options = ring::FakeOptions::hostile();
  options.features.incremental_buffers = dice.chance(0.5);
  options.features.multishot_receive = dice.chance(0.7);
  options.features.silent_sends = dice.chance(0.8);
  options.features.peer_name_command = dice.chance(0.5);
  options.features.direct_descriptors = dice.chance(0.7);
  options.send_buffer_bytes = 32 + dice.below(send_buffer_bytes_max - 32);
  return options;
}

/// Sends back whatever comes; pauses while much waits; finishes when the peer does.
class RawEcho final : public Session {
 public:
  explicit RawEcho(Transport& transport) : transport_(transport) {}

  void on_open(Connection& connection) override {
    ++open_count;
    latest = &connection;
    opened_from.push_back(connection.peer.text());
  }
  void on_output_given_up(Connection&) override {
    if (open_count == 0) ++strangers_count;
  }
  void on_received(Connection& connection, MutableBytes bytes) override {
    bytes_count += bytes.size();
    if (heard) heard(connection, bytes);
    transport_.write(connection, bytes);
    if (connection.output_waits()) on_output_waits(connection);
  }
  void on_end_of_stream(Connection& connection) override {
    ++ends_count;
    if (puts_ends_off) transport_.pause(connection);
    else transport_.flush_and_close(connection);
  }
  /// Only what waits is followed by on_output_progress.
  void on_output_waits(Connection& connection) override {
    if (transport_.queued_bytes(connection) > queue_bytes_max) transport_.pause(connection);
  }
  void on_output_progress(Connection& connection) override {
    if (transport_.queued_bytes(connection) < queue_bytes_max / 2) transport_.resume(connection);
    if (connection.output_waits()) return;
    transport_.write(connection, bytes_of(drained_text));
    if (closes_when_drained) transport_.flush_and_close(connection);
  }
  void on_deadline(Connection&) override {}
  void on_gone(Connection& connection, EndCause) override {
    --open_count;
    if (latest == &connection) latest = nullptr;
  }

  int open_count = 0;
  std::vector<std::string> opened_from;  // the clients, as they were known at the opening
  int ends_count = 0;
  std::size_t bytes_count = 0;
  int strangers_count = 0;       // calls for a connection while none was open
  Connection* latest = nullptr;  // opened last; null once it is gone
  std::move_only_function<void(const Connection&, ByteView)> heard;
  bool puts_ends_off = false;
  std::string drained_text;
  bool closes_when_drained = false;

 private:
  static constexpr std::size_t queue_bytes_max = 512;
  Transport& transport_;
};

/// One shard of nothing but a transport. Retries an enter that did not take everything before it looks at completions.
class EchoShard {
 public:
  struct Options {
    std::size_t bulk_bytes = SIZE_MAX;
    std::shared_ptr<const tls::Context> tls = nullptr;  // null: plain bytes
    std::uint32_t buffer_bytes = 64;
    std::uint64_t output_bytes_max = UINT64_MAX;
    std::uint32_t handshakes_max = 1000;
    ring::Features allowed = ring::RingOptions{}.allowed;
    std::shared_ptr<const net::ProxyPolicy> proxies = nullptr;  // null: peers are clients
  };
  explicit EchoShard(std::size_t bulk_bytes = SIZE_MAX) : EchoShard(Options{.bulk_bytes = bulk_bytes}) {}
  explicit EchoShard(const Options& options)
      : ring_(*ring::Ring::open(ring_options(options))),
        address(*ring_->listen(0, {"127.0.0.1", 0}, {})),
        transport(*ring_, counters_,
                  {.slots_count = slots_count,
                   .output_bytes_max = options.output_bytes_max,
                   .handshakes_max = options.handshakes_max,
                   .bulk_bytes = options.bulk_bytes}),
        session(transport) {
    transport.start_accepting(
        0, {.session = &session, .slots_left_free = 2, .counts_output = true, .tls = options.tls, .proxies = options.proxies});
    transport.finish_turn();
  }

  void turn() {
    const bool may_sleep = !transport.wants_turn();
    ring::WaitPolicy policy{.may_sleep = may_sleep, .timeout = transport.next_timer().value_or(0)};
    for (int tries = 0; !ring_->submit_and_wait(policy) && tries < 100; ++tries) policy.may_sleep = false;
    transport.set_now(ring_->now());
    std::vector<ring::Completion> completions;
    std::array<ring::Completion, 16> batch;
    while (const std::size_t count = ring_->reap(batch))
      completions.insert(completions.end(), batch.begin(), batch.begin() + count);
    transport.run(completions);
    transport.expire_timers();
    transport.finish_turn();
  }

  std::uint32_t buffers_lent() const { return ring_->buffers_lent(); }
  const ShardCounters& counters() const { return counters_; }

 private:
  static constexpr std::uint32_t slots_count = 40;  // process descriptors begin at 16
  static ring::RingOptions ring_options(const Options& wanted) {
    ring::RingOptions options;
    options.allowed = wanted.allowed;
    options.sockets_max = slots_count;
    options.classic_buffers_count = 8;
    options.classic_buffer_bytes = wanted.buffer_bytes;
    options.incremental_buffers_count = 4;
    options.incremental_buffer_bytes = 4 * wanted.buffer_bytes;
    return options;
  }

  ShardCounters counters_;
  std::unique_ptr<ring::Ring> ring_;

 public:
  const ring::ListenAddress address;
  Transport transport;
  RawEcho session;
};

}  // namespace ringgate::conn
