// What one shard asks another: its requests, in order, and the replies to them.
//
// Two threads, the asking and the answering one, each with its own half. Posting is a plain store: the other
// side sees what was posted when it is published, a batch at a time, so the lines that both sides touch cross
// over once per batch and not once per parcel. Holds values, never resources. Parcels lie in segments that the
// asking shard lends: requests travel in them to the answering side, which puts its replies into the segments
// it has emptied. So a request brings the room for its reply, and once everything is answered the asking side
// has all segments back: a lane at rest holds none. Invariant: replies drained <= replies posted <= requests
// drained <= requests published <= requests posted, as free-running counts.
//
// All of it may start as zero bytes: that is a lane at rest.
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

  /// Posts a request; unseen until `publish_requests`. False, with nothing posted, without memory.
  bool ask(const Request& request, SegmentPool& pool) {
    if (!make_room(pool)) return false;
    put(asking_.requests, request);
    ++asking_.posted;
    ++asking_.unanswered;
    return true;
  }

  /// Requests posted whose replies have not been drained.
  std::size_t unanswered() const { return asking_.unanswered; }

  /// Shows the other side all requests that were posted.
  void publish_requests() { shown_.posted.store(asking_.posted, std::memory_order_release); }

  /// Calls `take(reply)` for at most `budget` published replies, in the order in which they were posted, and
  /// returns how many there were. `take` reads the reply where it lies, and may ask. If nothing is unanswered
  /// afterwards, `pool` has got back all segments.
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

  /// As `drain_replies`, for requests: `take` owes an answer to each, and may give it at once.
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

  /// Requests drained that have no answer yet.
  std::size_t owed() const { return answering_.drained - answering_.posted; }

  /// Posts a reply to one drained request; unseen until `publish_replies`, which must not be called while
  /// `drain_requests` is: the asking side takes everything back once the last reply is there.
  void answer(const Reply& reply) {
    RINGGATE_ASSERT(owed() > 0);
    Cursor& at = answering_.replies;
    if (at.slot == Segment::slots_count) {
      Segment* const segment = answering_.emptied;
      RINGGATE_ASSERT(segment != nullptr);  // as many as requests filled, and one more
      answering_.emptied = segment->next;
      at.segment->next = segment;
      at = {segment, 0};
    }
    put(at, reply);
    ++answering_.posted;
  }

  /// Shows the other side all replies that were posted.
  void publish_replies() { answered_.posted.store(answering_.posted, std::memory_order_release); }

 private:
  struct Cursor {
    Segment* segment;
    std::size_t slot;  // the next one; slots_count: the next segment's first, if anything follows
  };

  template <class Parcel>
  static void put(Cursor& at, const Parcel& parcel) {
    new (at.segment->slots[at.slot++].bytes) Parcel(parcel);
  }
  template <class Parcel>
  static const Parcel& get(Cursor& at) {
    return *std::launder(reinterpret_cast<const Parcel*>(at.segment->slots[at.slot++].bytes));
  }

  /// Makes the next slot for a request, and with the first one that for a reply. A segment for every
  /// `slots_count` requests: the replies need no more than the requests before them have filled.
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

  /// Everything is answered: the answering side has put all it emptied into replies, and touches nothing until
  /// it is shown another request. What is left is one segment each way.
  void rest(SegmentPool& pool) {
    pool.give_back(*asking_.replies.segment);
    pool.give_back(*asking_.requests.segment);
    asking_.requests = {nullptr, 0};
    asking_.replies = {nullptr, 0};
  }

  // Four lines: who writes, who reads.
  // The asking thread writes, the answering one reads. `posted` is stored with release and loaded with acquire:
  // publishes the requests before it, their segments, and the other members, which are written only while
  // nothing is unanswered and read only when something new was seen.
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
  // The answering thread stores (release), the asking one loads (acquire): publishes the replies before it and
  // their segments, and that the requests they answer are not touched any more.
  struct alignas(64) Answered {
    std::atomic<std::size_t> posted;
  } answered_;
  struct alignas(64) Answering {  // the answering thread's own
    Cursor requests;
    Cursor replies;
    std::size_t posted;
    std::size_t drained;
    Segment* emptied;  // of requests, for replies to come
  } answering_;
};

}  // namespace ringgate::device
