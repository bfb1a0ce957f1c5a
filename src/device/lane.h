// A lane carries the requests of one shard to another, in order, and the replies back.
//
// Two threads use it, the asking and the answering one, each its own half. Posting is a plain store; the other side sees the
// posts once they are published. Publishing a batch at a time moves the shared cache lines once per batch, not once per parcel. A
// lane holds values, never resources. Parcels lie in segments that the asking shard lends: requests travel in them, and the
// answering side puts its replies into the segments it has emptied. So each request provides the room for its reply, and once
// every request is answered, the asking side has all segments back: a lane at rest holds none. Invariant, as free-running counts:
// replies drained <= replies posted <= requests drained <= requests published <= requests posted.
//
// Zero bytes are a lane at rest, so a lane needs no construction.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "base/assert.h"
#include "base/limits.h"
#include "device/segment.h"

namespace ringgate::device {

/// `Request` and `Reply` are trivially copyable, at most limits::parcel_bytes_max.
template <class Request, class Reply>
class Lane {
  static_assert(std::is_trivially_copyable_v<Request> && std::is_trivially_copyable_v<Reply>);
  static_assert(sizeof(Request) <= limits::parcel_bytes_max && sizeof(Reply) <= limits::parcel_bytes_max);

 public:
  Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // -- The asking thread

  /// Posts a request; the other side sees it after `publish_requests`. False, and nothing is posted, if memory is out.
  bool ask(const Request& request, SegmentPool& pool) {
    if (!make_room(pool)) return false;
    put(asking_.requests, request);
    ++asking_.posted;
    ++asking_.unanswered;
    return true;
  }

  /// Posted requests whose replies are not drained.
  std::size_t unanswered() const { return asking_.unanswered; }

  /// Shows all posted requests to the other side.
  void publish_requests() { shown_.posted.store(asking_.posted, std::memory_order_release); }

  /// Calls `take(reply)` for at most `budget` published replies, in the order of posting; returns their number. `take` borrows
  /// the reply for the call, and may ask. If no request is unanswered afterwards, `pool` has all segments back.
  template <class Take>
  std::size_t drain_replies(std::size_t budget, SegmentPool& pool, Take&& take) {
    const std::size_t count = std::min(answered_.posted.load(std::memory_order_acquire) - asking_.drained, budget);
    for (std::size_t left = count; left > 0; --left) {
      Cursor& at = asking_.replies;
      if (at.slot == Segment::slots_count) {
        Segment& emptied = *at.segment;
        at = {emptied.next, 0};
        pool.give_back(emptied);
      }
      ++asking_.drained;
      RINGGATE_ASSERT(asking_.unanswered > 0);
      --asking_.unanswered;
      take(get<Reply>(at));
    }
    if (count > 0 && asking_.unanswered == 0) rest(pool);
    return count;
  }

  // -- The answering thread

  /// As `drain_replies`, for requests: the answering thread owes an answer to each, and `take` may post it at once.
  template <class Take>
  std::size_t drain_requests(std::size_t budget, Take&& take) {
    const std::size_t count = std::min(shown_.posted.load(std::memory_order_acquire) - answering_.drained, budget);
    for (std::size_t left = count; left > 0; --left) {
      Cursor& at = answering_.requests;
      if (answering_.drained == shown_.begin) {
        at = {shown_.requests, 0};
        answering_.replies = {shown_.replies, 0};
      } else if (at.slot == Segment::slots_count) {
        Segment& emptied = *at.segment;
        at = {emptied.next, 0};
        emptied.next = answering_.emptied;
        answering_.emptied = &emptied;
      }
      ++answering_.drained;
      take(get<Request>(at));
    }
    return count;
  }

  /// Drained requests without an answer.
  std::size_t owed() const { return answering_.drained - answering_.posted; }

  /// Posts a reply to one drained request; the other side sees it after `publish_replies`. Do not publish inside
  /// `drain_requests`: the asking side takes all segments back once it sees the last reply.
  void answer(const Reply& reply) {
    RINGGATE_ASSERT(owed() > 0);
    Cursor& at = answering_.replies;
    if (at.slot == Segment::slots_count) {
      Segment* const segment = answering_.emptied;
      RINGGATE_ASSERT(segment != nullptr);  // as many as the requests filled, and one more
      answering_.emptied = segment->next;
      at.segment->next = segment;
      at = {segment, 0};
    }
    put(at, reply);
    ++answering_.posted;
  }

  /// Shows all posted replies to the other side.
  void publish_replies() { answered_.posted.store(answering_.posted, std::memory_order_release); }

 private:
  struct Cursor {
    Segment* segment;
    std::size_t slot;  // the next slot; slots_count: the first slot of the next segment, if one follows
  };

  template <class Parcel>
  static void put(Cursor& at, const Parcel& parcel) {
    new (at.segment->slots[at.slot++].bytes) Parcel(parcel);
  }
  template <class Parcel>
  static const Parcel& get(Cursor& at) {
    return *std::launder(reinterpret_cast<const Parcel*>(at.segment->slots[at.slot++].bytes));
  }

  /// Makes room for the next request; the first request also gets a segment for replies. Later replies lie in the segments that
  /// the requests before them filled.
  bool make_room(SegmentPool& pool) {
    Cursor& at = asking_.requests;
    if (at.segment != nullptr && at.slot < Segment::slots_count) return true;
    Segment* const segment = pool.take();
    if (segment == nullptr) return false;
    if (at.segment != nullptr) {
      at.segment->next = segment;
    } else {
      Segment* const for_replies = pool.take();
      if (for_replies == nullptr) {
        pool.give_back(*segment);
        return false;
      }
      asking_.replies = {for_replies, 0};
      shown_.begin = asking_.posted;
      shown_.requests = segment;
      shown_.replies = for_replies;
    }
    at = {segment, 0};
    return true;
  }

  /// Call it when every request is answered. The answering side has used all emptied segments for replies, and touches nothing
  /// until it sees another request. One segment is left in each direction; both go back.
  void rest(SegmentPool& pool) {
    pool.give_back(*asking_.replies.segment);
    pool.give_back(*asking_.requests.segment);
    asking_.requests = {nullptr, 0};
    asking_.replies = {nullptr, 0};
  }

  // Four cache lines, by who writes and who reads. The asking thread writes, the answering one reads. `posted` is stored with
  // release and loaded with acquire: it publishes the requests before it, their segments, and the other members. Those are
  // written only while no request is unanswered, and read only after a new `posted` was seen.
  struct alignas(64) Shown {
    std::atomic<std::size_t> posted;
    std::size_t begin;  // the count at which `requests` and `replies` begin
    Segment* requests;
    Segment* replies;
  } shown_;
  struct alignas(64) Asking {  // the asking thread's own
    Cursor requests;
    Cursor replies;
    std::size_t posted;
    std::size_t drained;
    std::size_t unanswered;
  } asking_;
  // The answering thread stores (release), the asking one loads (acquire): publishes the replies before it, their segments, and
  // that the answering side no longer touches the answered requests.
  struct alignas(64) Answered {
    std::atomic<std::size_t> posted;
  } answered_;
  struct alignas(64) Answering {  // the answering thread's own
    Cursor requests;
    Cursor replies;
    std::size_t posted;
    std::size_t drained;
    Segment* emptied;  // of their requests; for the next replies
  } answering_;
};

}  // namespace ringgate::device
