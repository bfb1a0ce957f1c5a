// Mailboxes carry parcels between shards: requests and replies, by value, over one lane per asking and answering shard; and
// requests of threads that are no shard, over one inlet per shard.
//
// A mailbox never sleeps and makes no system call, except to map memory for a burst larger than any before. It tells the caller
// when to ring a doorbell. A shard publishes its posts of a turn once per destination; then the other shard sees them. Owned by
// the server, which outlives the shards. A parcel holds values and generation handles, and at most one owned object (a counted
// message, a task), as an opaque word; the taker of the parcel owns that object. Invariant: of one shard's requests at most
// `lane_parcels` are unanswered at another shard, and each provides the room for its reply (lane.h).
//
// Cost follows use: an unused lane is an untouched page, a lane at rest takes a few cache lines, and a shard visits only the
// shards that wrote to it (source_set.h).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>

#include "base/assert.h"
#include "base/limits.h"
#include "device/inlet.h"
#include "device/lane.h"
#include "device/segment.h"
#include "device/source_set.h"
#include "device/zero_pages.h"

namespace ringgate::device {

struct MailboxOptions {
  std::uint32_t shards_count = 1;
  std::size_t lane_parcels = limits::lane_parcels_max;    // unanswered requests of one shard at another
  std::size_t inlet_parcels = limits::inlet_parcels_max;  // a power of two
};

/// All mailboxes of a gate. `Request` and `Reply` as for Lane.
template <class Request, class Reply>
class Mailboxes {
 public:
  class Mailbox;

  /// Reserves address space for all lanes and inlets; memory follows use. Throws std::bad_alloc: start-up only.
  explicit Mailboxes(const MailboxOptions& options)
      : shards_count_(options.shards_count), pages_(lanes_count(options) * sizeof(Lane<Request, Reply>)) {
    RINGGATE_ASSERT(options.shards_count > 0 && options.shards_count <= limits::shards_max);
    if (pages_.data() == nullptr) throw std::bad_alloc();
    lanes_ = static_cast<Lane<Request, Reply>*>(pages_.data());
    for (std::uint32_t shard = 0; shard < shards_count_; ++shard) boxes_.emplace_back(*this, shard, options);
  }
  Mailboxes(const Mailboxes&) = delete;
  Mailboxes& operator=(const Mailboxes&) = delete;

  /// The mailbox of `shard`; only that shard's thread uses it.
  Mailbox& of(std::uint32_t shard) { return boxes_[shard]; }

  /// Posts a request that gets no reply; the shard sees it at once. Call `must_ring(to)` afterwards. False, and nothing is
  /// posted, if the inlet is full. Any thread.
  bool post_from_outside(std::uint32_t to, const Request& request) {
    if (!boxes_[to].inlet_.post(request)) return false;
    boxes_[to].notices_.put_up(inlet_source(), 1);
    return true;
  }

  /// True if shard `to` sleeps and the caller has to ring its doorbell; exactly one caller gets true per sleep. Call it once
  /// after all posts to `to` are published. Any thread.
  bool must_ring(std::uint32_t to) {
    std::atomic<std::uint32_t>& sleeping = boxes_[to].sleeping_;
    return sleeping.load(std::memory_order_seq_cst) != 0 && sleeping.exchange(0, std::memory_order_acq_rel) != 0;
  }

 private:
  // Sources of a mailbox: requests and replies of each shard, side by side, then the inlet.
  static constexpr std::uint64_t requests_bit = 1;
  static constexpr std::uint64_t replies_bit = 2;
  static std::size_t requests_source(std::uint32_t from) { return 2 * std::size_t{from}; }
  std::size_t inlet_source() const { return 2 * shards_count_; }
  std::size_t sources_count() const { return 2 * shards_count_ + 1; }

  static std::size_t lanes_count(const MailboxOptions& options) {
    return std::size_t{options.shards_count} * options.shards_count;
  }
  Lane<Request, Reply>& lane(std::uint32_t asking, std::uint32_t answering) { return lanes_[asking * shards_count_ + answering]; }

  const std::size_t shards_count_;
  const ZeroPages pages_;
  Lane<Request, Reply>* lanes_ = nullptr;
  std::deque<Mailbox> boxes_;  // a deque, since mailboxes do not move
};

/// The mailbox of one shard. Owner shard.
template <class Request, class Reply>
class Mailboxes<Request, Reply>::Mailbox {
 public:
  Mailbox(Mailboxes& all, std::uint32_t shard, const MailboxOptions& options)
      : all_(all), shard_(shard), lane_parcels_(options.lane_parcels), inlet_(options.inlet_parcels) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Posts a request to another shard; it is seen there once published. Exactly one reply follows, in the order in which that
  /// shard answers. False, and nothing is posted, if `lane_parcels` requests are unanswered or memory is out.
  bool ask(std::uint32_t to, const Request& request) {
    RINGGATE_ASSERT(to != shard_);
    Lane<Request, Reply>& lane = all_.lane(shard_, to);
    if (lane.unanswered() == lane_parcels_ || !lane.ask(request, pool_)) return false;
    unpublished_.add(requests_source(to));
    return true;
  }

  /// Answers one drained request of `to`, at once or later; call it once for each request. Seen there once published.
  void answer(std::uint32_t to, const Reply& reply) {
    all_.lane(to, shard_).answer(reply);
    unpublished_.add(requests_source(to) + 1);
  }

  /// Lets `to` see everything asked and answered since the last call. True if the caller has to ring its doorbell, as in
  /// `must_ring`. Never inside `drain` (asserted): the other side takes back the memory of answered requests, also of one that
  /// `drain` still reads.
  [[nodiscard]] bool publish(std::uint32_t to) {
    RINGGATE_ASSERT(to != shard_ && !draining_);
    const std::size_t requests = requests_source(to);
    std::uint64_t news = 0;
    if (unpublished_.contains(requests)) {
      all_.lane(shard_, to).publish_requests();
      news |= requests_bit;
    }
    if (unpublished_.contains(requests + 1)) {
      all_.lane(to, shard_).publish_replies();
      news |= replies_bit;
    }
    unpublished_.remove(requests);
    unpublished_.remove(requests + 1);
    if (news == 0) return false;
    all_.boxes_[to].notices_.put_up(requests_source(shard_), news);
    return all_.must_ring(to);
  }

  /// Publishes to every shard that was asked or answered, and calls `ring(to)` for each doorbell that has to be rung. Once per
  /// turn.
  template <class Ring>
  void publish_all(Ring&& ring) {
    while (!unpublished_.empty()) {
      const auto to = static_cast<std::uint32_t>(unpublished_.next(0) / 2);
      if (publish(to)) ring(to);
    }
  }

  /// Hands at most `budget` parcels to `handler`; returns their number. Takes a few per source and round, and starts where the
  /// last call stopped, so that no source waits for another. Calls `handler.on_request(from, request)`, which owes an answer,
  /// `handler.on_reply(from, reply)` and `handler.on_outside(request)`. All three may ask and answer.
  template <class Handler>
  std::size_t drain(std::size_t budget, Handler&& handler) {
    RINGGATE_ASSERT(!draining_);
    draining_ = true;
    std::size_t handled = 0;
    notices_.take_down(waiting_);
    while (handled < budget && (!waiting_.empty() || notices_.take_down(waiting_))) {
      const std::size_t source = waiting_.next(source_);
      const std::size_t offered = std::min(quantum, budget - handled);
      const std::size_t count = drain_source(source, offered, handler);
      if (count < offered) waiting_.remove(source);  // later parcels are announced again
      source_ = source + 1 == all_.sources_count() ? 0 : source + 1;
      handled += count;
    }
    draining_ = false;
    return handled;
  }

  /// Announces that the shard will sleep. Publish everything first (asserted). True: nothing waits, and whoever posts from now on
  /// is told to ring. False: drain first.
  bool may_sleep() {
    RINGGATE_ASSERT(unpublished_.empty());
    sleeping_.store(1, std::memory_order_seq_cst);  // before looking
    if (empty()) return true;
    awake();
    return false;
  }

  /// Call it after the sleep, whatever ended it: from now on nobody needs to ring.
  void awake() { sleeping_.store(0, std::memory_order_relaxed); }

  /// True if `drain` has emptied every announced source.
  bool empty() const { return waiting_.empty() && notices_.empty(); }

  /// The memory that this shard lends to its lanes or keeps for them.
  const SegmentPool& pool() const { return pool_; }

 private:
  friend class Mailboxes;
  static constexpr std::size_t quantum = 32;  // parcels of one source before the next source

  template <class Handler>
  std::size_t drain_source(std::size_t source, std::size_t budget, Handler& handler) {
    if (source == all_.inlet_source()) return inlet_.drain(budget, [&](const Request& request) { handler.on_outside(request); });
    const auto from = static_cast<std::uint32_t>(source / 2);
    if (source == requests_source(from)) {
      return all_.lane(from, shard_).drain_requests(budget, [&](const Request& request) { handler.on_request(from, request); });
    }
    return all_.lane(shard_, from).drain_replies(budget, pool_, [&](const Reply& reply) { handler.on_reply(from, reply); });
  }

  Mailboxes& all_;
  const std::uint32_t shard_;
  const std::size_t lane_parcels_;
  SourceSet unpublished_{all_.sources_count()};  // by destination: asked or answered since the last `publish`
  SourceSet waiting_{all_.sources_count()};      // announced, and not yet drained empty
  std::size_t source_ = 0;                       // the source that `drain` looks at next
  bool draining_ = false;                        // inside `drain`
  SegmentPool pool_;
  Inlet<Request> inlet_;
  SourceNotices notices_;
  // 1 from `may_sleep` (seq_cst) until a poster's exchange (acq_rel) or `awake` (relaxed). It publishes nothing: lanes and inlet
  // publish themselves. The owner stores 1 and then reads the notices; a poster puts a notice up and then reads this; all
  // seq_cst. So either the poster sees 1 or the owner sees the notice.
  alignas(64) std::atomic<std::uint32_t> sleeping_{0};
};

}  // namespace ringgate::device
