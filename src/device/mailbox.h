// What shards say to each other: requests and their replies, by value, over a lane per direction of every
// pair of shards; and requests from threads that are no shard, over one inlet per shard.
//
// Makes no system call and never sleeps: it says when a doorbell has to be rung, the caller rings it. What a
// shard posts in a turn is seen by the other shard when it is published, once per turn and destination. Owned
// by the server, which outlives the shards. A parcel holds values and generation handles; the only pointer it
// may carry is one owned reference to an immutable, counted message, as an opaque word, which the taker of
// the parcel then owns. Invariant: a shard has at most `lane_parcels` requests at another one unanswered, so
// a reply always finds room.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>
#include <span>
#include <type_traits>

#include "base/assert.h"
#include "base/limits.h"
#include "device/inlet.h"
#include "device/lane.h"
#include "device/zero_pages.h"

namespace ringgate::device {

struct MailboxOptions {
  std::uint32_t shards_count = 1;
  std::size_t lane_parcels =
      limits::lane_parcels_max;  // power of two; each direction of a pair grows to this many parcels
  std::size_t inlet_parcels = limits::inlet_parcels_max;  // power of two; allocated at once
};

/// All mailboxes of a gate. `Request` and `Reply` are trivially copyable, at most 64 bytes.
template <class Request, class Reply>
class Mailboxes {
  static_assert(sizeof(Request) <= limits::parcel_bytes_max && sizeof(Reply) <= limits::parcel_bytes_max);

 public:
  class Mailbox;

  /// Reserves address space for all lanes; memory follows use. Throws std::bad_alloc: start-up only.
  explicit Mailboxes(const MailboxOptions& options)
      : shards_count_(options.shards_count), slots_(slots_bytes(options)) {
    RINGGATE_ASSERT(options.shards_count > 0 && options.shards_count <= limits::shards_max);
    if (slots_.data() == nullptr) throw std::bad_alloc();
    auto* free = static_cast<std::byte*>(slots_.data());
    for (std::size_t pair = 0; pair < shards_count_ * shards_count_; ++pair) {
      auto* const requests = reinterpret_cast<Request*>(free);
      free += options.lane_parcels * limits::parcel_bytes_max;
      auto* const replies = reinterpret_cast<Reply*>(free);
      free += options.lane_parcels * limits::parcel_bytes_max;
      pairs_.emplace_back(std::span(requests, options.lane_parcels),
                          std::span(replies, options.lane_parcels));
    }
    for (std::uint32_t shard = 0; shard < shards_count_; ++shard) boxes_.emplace_back(*this, shard, options);
  }
  Mailboxes(const Mailboxes&) = delete;
  Mailboxes& operator=(const Mailboxes&) = delete;

  /// The mailbox of `shard`, for that shard's thread alone.
  Mailbox& of(std::uint32_t shard) { return boxes_[shard]; }

  /// Any thread that is no shard. False, with nothing posted, if the shard has as many waiting as its inlet
  /// holds. No reply comes back this way. Seen at once; call `must_ring(to)` afterwards.
  bool post_from_outside(std::uint32_t to, const Request& request) { return boxes_[to].inlet_.post(request); }

  /// Any thread, once its posts to `to` can be seen there: one call covers them all. True if that shard
  /// sleeps and the caller is the one to ring its doorbell; of many callers exactly one is told so per sleep.
  bool must_ring(std::uint32_t to) {
    std::atomic<std::uint32_t>& sleeping = boxes_[to].sleeping_;
    std::atomic_thread_fence(
        std::memory_order_seq_cst);  // after the posts; partner: the fence in `may_sleep`
    return sleeping.load(std::memory_order_relaxed) != 0 &&
           sleeping.exchange(0, std::memory_order_acq_rel) != 0;
  }

 private:
  // One asking and one answering shard. Each plain count is touched by one of the two only, on a line of its
  // own.
  struct Pair {
    Pair(std::span<Request> request_slots, std::span<Reply> reply_slots)
        : requests(request_slots), replies(reply_slots) {}
    Lane<Request> requests;
    Lane<Reply> replies;
    alignas(64) std::size_t unanswered = 0;  // the asking shard's: requests posted less replies drained
    alignas(64) std::size_t owed = 0;        // the answering shard's: requests drained less replies posted
  };

  static std::size_t slots_bytes(const MailboxOptions& options) {
    return std::size_t{options.shards_count} * options.shards_count * 2 * options.lane_parcels *
           limits::parcel_bytes_max;
  }
  Pair& pair(std::uint32_t asking, std::uint32_t answering) {
    return pairs_[asking * shards_count_ + answering];
  }

  const std::size_t shards_count_;
  const ZeroPages slots_;
  std::deque<Pair> pairs_;  // deques, since neither can be moved
  std::deque<Mailbox> boxes_;
};

/// One shard's face to all others. Thread: the owner shard.
template <class Request, class Reply>
class Mailboxes<Request, Reply>::Mailbox {
 public:
  Mailbox(Mailboxes& all, std::uint32_t shard, const MailboxOptions& options)
      : all_(all), shard_(shard), inlet_(options.inlet_parcels) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Asks another shard. Exactly one reply will come, in the order they are answered there. False,
  /// with nothing posted, if as many requests as the lane holds are unanswered. Unseen until `publish(to)`.
  bool ask(std::uint32_t to, const Request& request) {
    RINGGATE_ASSERT(to != shard_);
    Pair& pair = all_.pair(shard_, to);
    if (pair.unanswered == pair.requests.capacity()) return false;
    ++pair.unanswered;
    const bool posted = pair.requests.post(request);
    RINGGATE_ASSERT(posted);
    return true;
  }

  /// Answers one drained request of `to`: once for each, at once or later. Unseen until `publish(to)`.
  void answer(std::uint32_t to, const Reply& reply) {
    Pair& pair = all_.pair(to, shard_);
    RINGGATE_ASSERT(pair.owed > 0);
    --pair.owed;
    const bool posted = pair.replies.post(reply);
    RINGGATE_ASSERT(posted);
  }

  /// Lets `to` see everything asked and answered since the last call: once per turn for each shard written
  /// to. True if the caller has to ring its doorbell, as `must_ring` says. Never inside `drain`: the slots of
  /// the parcels in hand are not free yet, so the other side might find no room for what it says next.
  [[nodiscard]] bool publish(std::uint32_t to) {
    RINGGATE_ASSERT(to != shard_ && !draining_);
    all_.pair(shard_, to).requests.publish();
    all_.pair(to, shard_).replies.publish();
    return all_.must_ring(to);
  }

  /// Hands over at most `budget` parcels, a few per sender and round, starting where the last call stopped,
  /// so that no sender waits for another. Calls `handler.on_request(from, request)`, which owes an answer,
  /// `handler.on_reply(from, reply)` and `handler.on_outside(request)`, which may ask and answer. Returns how
  /// many there were.
  template <class Handler>
  std::size_t drain(std::size_t budget, Handler&& handler) {
    RINGGATE_ASSERT(!draining_);
    draining_ = true;
    std::size_t handled = 0;
    // As many visits in a row that ran a source dry as there are sources end the call.
    const std::size_t sources = 2 * all_.shards_count_ + 1;
    for (std::size_t dry_visits = 0; dry_visits < sources && handled < budget;) {
      const std::size_t offered = std::min(quantum, budget - handled);
      const std::size_t count = drain_source(offered, handler);
      source_ = source_ + 1 == sources ? 0 : source_ + 1;
      dry_visits = count < offered ? dry_visits + 1 : 0;
      handled += count;
    }
    draining_ = false;
    return handled;
  }

  /// Announces sleep, with everything published. True: nothing is waiting, and whoever posts from now on will
  /// be told to ring. False: drain first.
  bool may_sleep() {
    RINGGATE_ASSERT(published());
    sleeping_.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // before looking; partner: the fence in `must_ring`
    if (empty()) return true;
    awake();
    return false;
  }

  /// After the sleep, whatever ended it: from now on nobody needs to ring.
  void awake() { sleeping_.store(0, std::memory_order_relaxed); }

  /// True if `drain` would find nothing.
  bool empty() {
    for (std::uint32_t other = 0; other < all_.shards_count_; ++other) {
      if (!all_.pair(other, shard_).requests.empty() || !all_.pair(shard_, other).replies.empty())
        return false;
    }
    return inlet_.empty();
  }

 private:
  friend class Mailboxes;
  static constexpr std::size_t quantum = 32;  // parcels of one sender before the next one's turn

  /// True if nothing that was asked or answered waits for `publish`.
  bool published() {
    for (std::uint32_t other = 0; other < all_.shards_count_; ++other) {
      if (!all_.pair(shard_, other).requests.published() || !all_.pair(other, shard_).replies.published())
        return false;
    }
    return true;
  }

  // Sources in turn: the replies of each shard, the requests of each shard, the inlet.
  template <class Handler>
  std::size_t drain_source(std::size_t budget, Handler& handler) {
    if (source_ == 2 * all_.shards_count_) {
      return inlet_.drain(budget, [&](const Request& request) { handler.on_outside(request); });
    }
    const bool replies = source_ < all_.shards_count_;
    const auto from = static_cast<std::uint32_t>(replies ? source_ : source_ - all_.shards_count_);
    if (replies) {
      Pair& pair = all_.pair(shard_, from);
      return pair.replies.drain(budget, [&](const Reply& reply) {
        RINGGATE_ASSERT(pair.unanswered > 0);
        --pair.unanswered;
        handler.on_reply(from, reply);
      });
    }
    Pair& pair = all_.pair(from, shard_);
    return pair.requests.drain(budget, [&](const Request& request) {
      ++pair.owed;
      handler.on_request(from, request);
    });
  }

  Mailboxes& all_;
  const std::uint32_t shard_;
  std::size_t source_ = 0;  // whose turn it is in `drain`
  bool draining_ = false;   // inside `drain`
  Inlet<Request> inlet_;
  // 1 from `may_sleep` (relaxed, ordered by its fence) until a poster's exchange (acq_rel) or `awake`.
  // Publishes nothing: the lanes publish themselves. The two fences make sure that either the poster sees 1
  // or the shard sees the post.
  alignas(64) std::atomic<std::uint32_t> sleeping_{0};
};

}  // namespace ringgate::device
