// Reaches devices wherever they are: on this shard directly, on others through the mailboxes; and serves what other shards ask.
//
// Every request gets exactly one answer: an outcome here and now, the reply of the owner shard, or an unknown outcome once the time
// for that reply is over. A push does not follow a device that moved between look-up and arrival, which would break the order of its
// pushes; closing and describing do (decision 0004). Owner shard.
//
// Files: push_service.cc (parcels and pushes), presence.cc (closing, takeover, describing), broadcast.cc, outside.cc (what comes from
// threads that are no shard, and the end), tickets.h (who waits for an answer).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "dispatch/device_session.h"
#include "dispatch/gate_state.h"
#include "dispatch/parcel.h"
#include "dispatch/tickets.h"
#include "ring/ring.h"
#include "ringgate/push.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

class PushService final : public TakeoverNotice {
 public:
  PushService(std::uint8_t shard_index, GateState& gate, ring::Ring& ring, DeviceSession& devices, conn::Transport& transport,
              ShardCounters& counters);
  ~PushService() override;

  /// The service of the shard of that gate that runs on this thread; null on other threads, a shard of another gate's included.
  static PushService* of_this_thread(const GateState& gate);
  /// Whether a shard runs on this thread, of whatever gate.
  static bool is_on_shard();
  void bind_to_this_thread();

  /// A message of null: there was no memory for it. Callbacks: see Server::push.
  void push(std::string_view device_id, ws::MessageRef message, PushCallback on_result);
  void broadcast(ws::MessageRef message, BroadcastCallback on_result);
  /// Ends a push that did not come as far as `push`: counted, and answered at once.
  void refuse_push(PushOutcome outcome, PushCallback on_result);
  void refuse_broadcast(BroadcastOutcome outcome, BroadcastCallback on_result);

  /// Starts the closing handshake of whichever connection holds the id when its shard gets to it.
  void close_device(std::string_view device_id, CloseCode code, std::string reason, CloseCallback on_result);

  void describe(std::string_view device_id, DescribeCallback on_result);
  /// The same for a key of which only the index is known, as a page of the device map holds them.
  void describe(device::IdKey key, DescribeCallback on_result);

  void notify_replaced(device::ConnectionRef replaced, device::IdKey key) override;

  // -- The turn
  /// Serves the mailbox: at most `budget` parcels; then gives up what has waited too long. True if there may be more.
  bool drain_mailbox(std::size_t budget);
  /// Goes on with broadcasts to this shard's devices; true if there are more to reach.
  bool continue_broadcasts();
  /// Lets each shard that was written to see it, and rings those that sleep, once. Ends a turn.
  void ring_doorbells();
  /// When this turn began.
  TimeNs now() const { return transport_.now(); }
  /// The device map as this shard uses it.
  const device::DeviceMap::Shard& map() const { return map_; }
  /// How long a turn may sleep at the most; nullopt: no answer is awaited.
  std::optional<DurationNs> sleep_max() const;
  /// Open tickets: replies that are still to come.
  std::size_t outstanding() const { return tickets_.open_count(); }

  /// After the threads of all shards have ended, on one thread: answers what still waits here with `closing`. True if anything did;
  /// the others' services may have more to do then.
  bool close_down();

  // -- Called by Mailbox::drain
  void on_request(std::uint32_t from, const Request& request);
  void on_reply(std::uint32_t from, const Reply& reply);
  void on_outside(const Request& request);

 private:
  using BroadcastDone = std::move_only_function<void(const BroadcastResult&)>;

  struct BroadcastJob {
    ws::MessageRef message;
    std::uint32_t next_slot = 0;
    std::uint32_t slots_end = 0;
    BroadcastResult result;
    BroadcastDone on_done;
  };
  struct Deferred {
    std::uint32_t shard;
    Request request;
  };

  // push_service.cc
  /// Posts `request`; false if the lane is full, and then nothing has changed.
  bool ask(std::uint32_t shard, const Request& request);
  void ask_in_order(std::uint32_t shard, const Request& request);
  void retry_deferred();
  void answer(std::uint32_t shard, TicketName ticket, const decltype(Reply::of)& reply);
  void give_up_overdue();
  void on_late_reply(std::uint32_t from, const Reply& reply);
  void finish_push(PushCallback& on_result, PushOutcome outcome, device::ConnectionRef target, std::uint64_t queued_bytes);
  void push_to(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result);
  DeliveryResult deliver(device::ConnectionRef target, device::IdKey key, const ws::MessageRef& message);
  void serve_push(std::uint32_t from, const Request& request);

  // presence.cc
  template <typename Question>
  std::optional<device::ConnectionRef> next_owner(Question& question);
  void close_where_it_is(std::unique_ptr<CloseQuestion> question);
  void describe_where_it_is(std::unique_ptr<DescribeQuestion> question);
  void on_close_reply(std::unique_ptr<CloseQuestion> question, CloseOutcome outcome);
  void on_describe_reply(std::unique_ptr<DescribeQuestion> question, DescribeResult result);
  std::unique_ptr<DeviceInfo> describe_here(device::ConnectionRef ref);
  bool close_here(const Request& request, std::string_view reason);
  void serve_close(std::uint32_t from, const Request& request);
  void serve_describe(std::uint32_t from, const Request& request);

  // broadcast.cc
  void start_broadcast(ws::MessageRef message, BroadcastDone on_done);
  void add(BroadcastSum& sum, const BroadcastResult& part);

  // outside.cc
  void decline(std::uint32_t from, const Request& request);

  const std::uint8_t shard_index_;
  GateState& gate_;
  ring::Ring& ring_;
  DeviceSession& devices_;
  conn::Transport& transport_;
  ShardCounters& counters_;
  device::Mailboxes<Request, Reply>::Mailbox& mailbox_;
  device::DeviceMap::Shard map_;
  Tickets tickets_;
  // The clock of the tickets: a turn moves it by `sleep_slice` at the most, so that a process that was stopped, or a machine that was
  // suspended, does not give up answers which are about to come.
  TimeNs clock_ = 0;
  TimeNs turned_at_ = 0;
  std::vector<std::uint32_t> overdue_;  // by shard: answers that were given up and have not come yet
  std::deque<BroadcastJob> broadcasts_;
  std::uint32_t broadcasts_open_ = 0;  // started here: at most limits::broadcasts_open_max
  std::vector<Deferred> deferred_;  // notices and broadcasts that found a full lane: bounded by connections and by the line above
  std::vector<std::uint32_t> deferred_counts_;  // of these, by shard
  bool closed_ = false;
  static constexpr DurationNs sleep_slice = nanoseconds_per_second;
};

}  // namespace ringgate::dispatch
