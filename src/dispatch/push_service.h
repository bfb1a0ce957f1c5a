// Reaches devices on any shard: on this one directly, on others through the mailboxes. Serves the requests of other shards. It
// does not move bytes: the device session delivers. Owned by the shard; owner shard.
//
// Invariant: every request gets exactly one answer: an outcome at once, the reply of the owner shard, or an unknown outcome when
// the time for that reply is over. A push does not follow a device that moved between look-up and arrival, because that would
// break the order of pushes. Closing and describing follow it (decision 0004).
//
// Files: push_service.cc (parcels and pushes), ordering.cc (pushes with options), presence.cc (closing, takeover, describing), listing.cc
// (pages of devices), linking.cc (the quality of links), broadcast.cc, requesting.cc (messages that a device answers), elsewhere.cc (devices of other gates), outside.cc
// (threads without a shard, and the end), tickets.h (who waits for an answer).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "dispatch/device_session.h"
#include "dispatch/elsewhere.h"
#include "dispatch/gate_state.h"
#include "dispatch/link_reader.h"
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

  /// The service of that gate's shard on this thread; null on all other threads, also on a shard of another gate.
  static PushService* of_this_thread(const GateState& gate);
  /// Whether a shard of any gate runs on this thread.
  static bool is_on_shard();
  void bind_to_this_thread();

  /// Whom to ask for devices that are not on this gate; without it, or null, there is nobody. It outlives this object. Before the turns.
  void set_elsewhere(Elsewhere* elsewhere) { elsewhere_ = elsewhere; }

  /// A null message: there was no memory for it. Callbacks: see Server::push.
  void push(std::string_view device_id, ws::MessageRef message, PushCallback on_result);
  /// The same with options.
  void push(std::string_view device_id, ws::MessageRef message, const PushOptions& options, PushCallback on_result);
  /// The same, only to connections that `reach` selects, each judged on its shard when the message arrives there. Null: to all.
  void push(std::string_view device_id, ws::MessageRef message, const PushOptions& options,
            std::shared_ptr<const Selection> reach, PushCallback on_result);
  void broadcast(ws::MessageRef message, BroadcastCallback on_result) { broadcast(std::move(message), {}, std::move(on_result)); }
  /// To the devices of a selection alone.
  void broadcast(ws::MessageRef message, Selection selection, BroadcastCallback on_result);
  /// Does `sweep` for every device of its selection, in one order with broadcasts. `delivered` of the result is how many it was done for.
  /// Refused with backpressure while limits::broadcasts_open_max are under way.
  void sweep(Sweep sweep, BroadcastCallback on_result);
  /// Refuses a push before `push`: counts it and answers at once.
  void refuse_push(PushOutcome outcome, PushCallback on_result);
  void refuse_broadcast(BroadcastOutcome outcome, BroadcastCallback on_result);

  /// Starts the closing handshake of the connection that holds the id when the request reaches its shard, and of all others that the
  /// device has.
  void close_device(std::string_view device_id, CloseCode code, std::string reason, CloseCallback on_result);

  void close_device(device::IdKey key, CloseCode code, std::string reason, CloseCallback on_result);

  /// Sets when the credential ends, in Unix seconds, on every connection of the device. CloseOutcome::closed stands for success.
  void extend_credential(std::string_view device_id, std::int64_t expires_at, CloseCallback on_result);

  /// Changes the groups of every connection of the device. CloseOutcome::closed stands for success.
  void change_group(std::string_view device_id, GroupChange change, CloseCallback on_result);

  /// Sends a message that the device answers with one of the same correlation id (route.correlation), within `timeout`, of at most
  /// limits::request_seconds_max. Of a device with several connections the newest is asked. Counted as a push once it was sent or refused.
  void request(std::string_view device_id, ws::MessageRef message, DurationNs timeout, RequestCallback on_result);

  /// A page of the devices of all shards, of at most `limit` (1 to listed_devices_max).
  void list(DeviceCursor cursor, std::size_t limit, ListCallback on_result);

  void describe(std::string_view device_id, DescribeCallback on_result) {
    describe(device_id, Detail::record, std::move(on_result));
  }
  /// A device of another gate is described without its link.
  void describe(std::string_view device_id, Detail detail, DescribeCallback on_result);
  /// The same by key, of which only the index must be set: a page of the device map has no more.
  void describe(device::IdKey key, DescribeCallback on_result) { describe(key, Detail::record, std::move(on_result)); }
  void describe(device::IdKey key, Detail detail, DescribeCallback on_result);

  void notify_replaced(device::ConnectionRef replaced, device::IdKey key) override;

  // -- The turn
  /// Serves at most `budget` parcels of the mailbox, then gives up overdue questions. True if there may be more parcels.
  bool drain_mailbox(std::size_t budget);
  /// Continues the broadcasts to this shard's devices; true if devices are left.
  bool continue_broadcasts();
  /// Continues the questions about links; true if work is left that no completion announces.
  bool continue_links() { return links_.continue_reading(); }
  /// At the end of a turn that lasted so long, for the metrics.
  void note_turn(DurationNs lasted);
  /// Publishes this turn's parcels to their shards and wakes each of these that sleeps, once. Last in a turn.
  void ring_doorbells();
  /// When this turn began.
  TimeNs now() const { return transport_.now(); }
  /// Unix time, for people and credentials.
  std::int64_t wall_clock_seconds() const { return ring_.wall_clock_seconds(); }
  /// The device map as this shard uses it.
  const device::DeviceMap::Shard& map() const { return map_; }
  /// How long a turn may sleep at most; nullopt: no answer is awaited, and nothing is deferred.
  std::optional<DurationNs> sleep_max() const;
  /// Open tickets: replies that are still to come.
  std::size_t outstanding() const { return tickets_.open_count() + elsewhere_open_; }

  /// Answers everything that still waits here with `closing`. On one thread, after the threads of all shards have ended. True if
  /// anything waited: then the services of other shards may have new work.
  bool close_down();

  // -- Called by Mailbox::drain
  void on_request(std::uint32_t from, const Request& request);
  void on_reply(std::uint32_t from, const Reply& reply);
  void on_outside(const Request& request);

 private:
  using BroadcastDone = std::move_only_function<void(const BroadcastResult&)>;

  struct BroadcastJob {
    SweepRef sweep;
    std::uint32_t next_slot = 0;
    std::uint32_t slots_end = 0;
    BroadcastResult result;
    BroadcastDone on_done;
    std::vector<device::ConnectionRef> links = {};  // of a comparison by links: to be read
  };

  // push_service.cc
  /// Posts `request`; false if the lane is full, and then nothing has changed.
  bool ask(std::uint32_t shard, const Request& request);
  void ask_in_order(std::uint32_t shard, const Request& request);
  void retry_deferred();
  bool drop_if_given_up(std::uint32_t shard, const Request& request);
  void answer(std::uint32_t shard, TicketName ticket, const decltype(Reply::of)& reply);
  TimeNs clock();
  void give_up_overdue();
  void on_late_reply(std::uint32_t from, const Reply& reply);
  struct PushSum;
  static std::shared_ptr<PushSum> new_sum(std::size_t parts, PushCallback& on_result);
  PushWaiter part_of(const std::shared_ptr<PushSum>& sum);
  void finish_push(PushWaiter& waiter, const PushReport& report, device::ConnectionRef target);
  void finish_push(PushWaiter& waiter, PushOutcome outcome, device::ConnectionRef target, std::uint64_t queued_bytes);
  // The caller has counted that it was asked for.
  void refuse_asked(PushOutcome outcome, PushCallback on_result);
  void refuse_asked(BroadcastOutcome outcome, BroadcastCallback on_result);
  void broadcast_asked(ws::MessageRef message, Selection selection, BroadcastCallback on_result);
  void push_to_device(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result);
  bool push_to_several(device::IdKey key, const ws::MessageRef& message, PushCallback& on_result);
  std::vector<device::ConnectionRef> all_of(device::IdKey key);
  template <typename... When>
  std::optional<TicketName> try_open(Ticket& ticket, When... when);
  void push_to(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushWaiter waiter);
  void push_here(conn::Connection* connection, device::ConnectionRef owner, device::IdKey key, const ws::MessageRef& message,
                 PushWaiter& waiter);
  DeliveryResult deliver(conn::Connection* connection, device::IdKey key, const ws::MessageRef& message);
  void serve_push(std::uint32_t from, const Request& request);

  // ordering.cc
  struct LocalOrder;
  void order_to_device(device::ConnectionRef owner, device::IdKey key, PushOrder order, std::span<const ConnectionRef> only_to,
                       PushCallback on_result);
  void order_to(device::ConnectionRef owner, device::IdKey key, PushOrder order, PushWaiter waiter);
  void serve_order(std::uint32_t from, const Request& request);
  void deliver(device::ConnectionRef target, device::IdKey key, PushOrder order, ReportCallback on_report);

  // presence.cc
  template <typename Question>
  std::optional<device::ConnectionRef> next_owner(Question& question);
  void close_everywhere(CloseQuestion whole);
  void close_where_it_is(std::unique_ptr<CloseQuestion> question);
  static void finish_close(CloseQuestion& question, CloseOutcome outcome);
  void describe_where_it_is(std::unique_ptr<DescribeQuestion> question);
  void on_close_reply(std::unique_ptr<CloseQuestion> question, CloseOutcome outcome);
  void on_describe_reply(std::unique_ptr<DescribeQuestion> question, DescribeResult result);
  std::unique_ptr<DeviceInfo> describe_here(device::ConnectionRef ref);
  bool close_here(const Request& request, std::string_view reason);
  void serve_close(std::uint32_t from, const Request& request);
  void serve_extension(std::uint32_t from, const Request& request);
  void serve_group_change(std::uint32_t from, const Request& request);
  std::optional<device::ConnectionRef> next_to_close(CloseQuestion& question);
  CloseOutcome carry_out_here(const Request& request, const CloseQuestion& question);
  void serve_describe(std::uint32_t from, const Request& request);

  // linking.cc
  using DescribedCallback = std::move_only_function<void(std::unique_ptr<DeviceInfo>)>;
  void add_link(std::unique_ptr<DeviceInfo> device, device::ConnectionRef ref, DescribedCallback on_described);
  std::size_t ranked_links_left(const BroadcastJob& job) const;
  void rank_by_links(BroadcastJob job);

  // requesting.cc
  void finish_request(RequestWaiter& waiter, RequestResult result);
  void serve_request(std::uint32_t from, const Request& request);
  void request_here(device::ConnectionRef target, device::IdKey key, const DeviceRequest& request, RequestCallback on_result);

  // listing.cc
  struct ListedPage {
    DeviceCursor cursor;
    std::size_t limit = 0;
    ListCallback on_result;
  };
  struct PageSum;
  void start_pages();
  void start_page(ListedPage page);
  void finish_page(PageSum& sum);

  // broadcast.cc
  void start_sweep(SweepRef sweep, BroadcastDone on_done);
  void visit_slots(BroadcastJob& job, std::uint32_t& budget);
  void deliver_to_all(BroadcastJob& job, std::uint32_t& budget);
  void visit_members(BroadcastJob& job, std::uint32_t& budget);
  void visit(BroadcastJob& job, std::uint32_t slot, std::uint32_t& budget);
  void add(BroadcastSum& sum, const BroadcastResult& part);

  // elsewhere.cc
  void push_elsewhere(std::string_view device_id, ws::MessageRef message, const PushOptions& options, const Selection* reach,
                      PushCallback on_result);
  bool is_elsewhere(device::IdKey key) const { return elsewhere_ != nullptr && !map_.find(key); }
  void close_elsewhere(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result);
  void describe_elsewhere(std::string_view device_id, DescribeCallback on_result);

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
  // The clock of the tickets; `clock` brings it up to date. A turn moves it by at most `sleep_slice`. So a process that was stopped, or a
  // machine that was suspended, does not give up answers that are about to arrive.
  TimeNs clock_ = 0;
  TimeNs turned_at_ = 0;
  std::uint64_t pushes_of_turn_ = 0;    // to devices of this shard
  std::vector<std::uint32_t> overdue_;  // by shard: answers that were given up and have not arrived since
  Elsewhere* elsewhere_ = nullptr;
  std::size_t elsewhere_open_ = 0;  // questions that other gates have not answered yet
  std::deque<BroadcastJob> broadcasts_;
  LinkReader links_;
  std::uint32_t broadcasts_open_ = 0;  // started here: at most limits::broadcasts_open_max
  // By shard, in order: notices and broadcasts that found a full lane or no memory. Bounded by connections and by broadcasts_open_.
  std::map<std::uint32_t, std::deque<Request>> deferred_;
  std::size_t requests_crossing_ = 0;  // open tickets of requests: at most limits::requests_crossing_max
  std::deque<ListedPage> pages_;       // that wait for the one before: at most limits::listings_waiting_max
  bool page_is_open_ = false;          // its devices are being described
  bool deferred_given_up_ = false;     // a broadcast was, and may be among them
  bool closed_ = false;
  std::size_t waits_crossing_ = 0;  // open tickets that await receipts: at most limits::receipts_crossing_max
  static constexpr DurationNs sleep_slice = nanoseconds_per_second;
  static constexpr DurationNs deferred_pause = 100 * nanoseconds_per_millisecond;  // nothing tells when there is memory again
};

}  // namespace ringgate::dispatch
