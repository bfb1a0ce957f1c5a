// Reaches devices wherever they are: on this shard directly, on others through the mailboxes; and serves what other shards ask.
//
// Every request gets exactly one answer: an outcome here and now, or the reply of the owner shard. A device that moved between
// look-up and arrival is not followed, which would break the order of its pushes: the push is refused. Owner shard.
// Invariant: a ticket is open exactly while its answer is outstanding.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "dispatch/device_session.h"
#include "dispatch/gate_state.h"
#include "dispatch/parcel.h"
#include "ring/ring.h"
#include "ringgate/push.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

class PushService final : public TakeoverNotice {
 public:
  /// Null if nobody has that id. Runs once; before the call returns if the device is on this shard.
  using DescribeCallback = std::move_only_function<void(std::unique_ptr<DeviceInfo>)>;

  PushService(std::uint8_t shard_index, GateState& gate, ring::Ring& ring, DeviceSession& devices, conn::Transport& transport,
              ShardCounters& counters);
  ~PushService() override;

  /// The service of the shard of that gate that runs on this thread; null on other threads, a shard of another gate's included.
  static PushService* of_this_thread(const GateState& gate);
  /// Whether a shard runs on this thread, of whatever gate.
  static bool is_on_shard();
  void bind_to_this_thread();

  void push(std::string_view device_id, ws::MessageRef message, PushCallback on_result);
  void broadcast(ws::MessageRef message, BroadcastCallback on_result);

  /// Starts the closing handshake; outcome delivered, unknown_device, closing or backpressure (queue between shards full).
  void close_device(std::string_view device_id, CloseCode code, std::string reason, PushCallback on_result);

  void describe(std::string_view device_id, DescribeCallback on_result);
  /// The same for a reference, as a page of the device map holds them.
  void describe(device::ConnectionRef ref, DescribeCallback on_result);

  void notify_replaced(device::ConnectionRef replaced, device::IdKey key) override;

  // -- The turn
  /// Serves the mailbox: at most `budget` parcels. True if there may be more.
  bool drain_mailbox(std::size_t budget);
  /// Goes on with broadcasts to this shard's devices; true if there are more to reach.
  bool continue_broadcasts();
  /// Lets each shard that was written to see it, and rings those that sleep, once. Ends a turn.
  void ring_doorbells();
  /// When this turn began.
  TimeNs now() const { return transport_.now(); }
  /// The device map as this shard uses it.
  const device::DeviceMap::Shard& map() const { return map_; }
  /// Open tickets: replies that are still to come.
  std::size_t outstanding() const { return tickets_open_; }

  /// After the threads of all shards have ended, on one thread: answers what still waits here with `closing`. True if anything did;
  /// the others' services may have more to do then.
  bool close_down();

  // -- Called by Mailbox::drain
  void on_request(std::uint32_t from, const Request& request);
  void on_reply(std::uint32_t from, const Reply& reply);
  void on_outside(const Request& request);

 private:
  using Continuation = std::move_only_function<void(const Reply&)>;

  struct Ticket {
    PushCallback on_pushed;  // or
    Continuation on_reply;
    std::uint32_t next_free = 0;
  };
  struct BroadcastJob {
    ws::MessageRef message;
    std::uint32_t next_slot = 0;
    std::uint32_t slots_end = 0;
    BroadcastResult result;
    std::move_only_function<void(const BroadcastResult&)> on_done;
  };
  struct Deferred {
    std::uint32_t shard;
    Request request;
  };

  std::uint32_t open_ticket(PushCallback on_pushed, Continuation on_reply);
  /// Posts `request`; false if the lane is full, and then nothing has changed.
  bool ask(std::uint32_t shard, const Request& request);
  void answer(std::uint32_t shard, Reply reply, std::uint32_t ticket);
  void finish_push(PushCallback& on_result, PushOutcome outcome, device::ConnectionRef target, std::uint64_t queued_bytes);
  void push_to(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result);
  DeliveryResult deliver(device::ConnectionRef target, device::IdKey key, const ws::MessageRef& message);
  void serve_push(std::uint32_t from, const Request& request);
  void serve_close(std::uint32_t from, const Request& request);
  void start_broadcast(ws::MessageRef message, std::move_only_function<void(const BroadcastResult&)> on_done);
  void retry_deferred();
  void decline(std::uint32_t from, const Request& request);

  const std::uint8_t shard_index_;
  GateState& gate_;
  ring::Ring& ring_;
  DeviceSession& devices_;
  conn::Transport& transport_;
  ShardCounters& counters_;
  device::Mailboxes<Request, Reply>::Mailbox& mailbox_;
  device::DeviceMap::Shard map_;
  std::vector<Ticket> tickets_;
  std::uint32_t free_ticket_ = no_ticket;
  std::size_t tickets_open_ = 0;
  std::deque<BroadcastJob> broadcasts_;
  std::vector<Deferred> deferred_;    // takeover notices that found a full lane: bounded by connections
  bool closed_ = false;
  static constexpr std::uint32_t no_ticket = UINT32_MAX;
};

}  // namespace ringgate::dispatch
