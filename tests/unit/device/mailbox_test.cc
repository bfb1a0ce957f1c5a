#include "device/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <random>
#include <span>
#include <thread>
#include <vector>

namespace ringgate::device {
namespace {

struct Request {
  std::uint64_t ticket;
  std::uint64_t rest[7] = {};  // as large as parcels may be
};
struct Reply {
  std::uint64_t ticket;
  std::uint64_t result;
  std::uint64_t rest[6] = {};
};
using Boxes = Mailboxes<Request, Reply>;

/// Publishes where no doorbell has to be rung, because nobody sleeps.
void publish(Boxes& boxes, std::uint32_t from, std::uint32_t to) { EXPECT_FALSE(boxes.of(from).publish(to)); }

/// Writes down what arrives, and answers when told to.
struct Recorder {
  struct Arrival {
    std::uint32_t from;
    std::uint64_t ticket;
    friend bool operator==(const Arrival&, const Arrival&) = default;
  };
  std::vector<Arrival> requests, replies;
  std::vector<std::uint64_t> outside;

  void on_request(std::uint32_t from, const Request& request) { requests.push_back({from, request.ticket}); }
  void on_reply(std::uint32_t from, const Reply& reply) { replies.push_back({from, reply.ticket}); }
  void on_outside(const Request& request) { outside.push_back(request.ticket); }
};

TEST(Mailbox, CarriesARequestThereAndItsReplyBack) {
  Boxes boxes({.shards_count = 3});
  ASSERT_TRUE(boxes.of(0).ask(2, {41}));
  publish(boxes, 0, 2);
  Recorder at_two, at_zero;
  EXPECT_EQ(boxes.of(1).drain(9, at_two), 0U);
  EXPECT_EQ(boxes.of(2).drain(9, at_two), 1U);
  EXPECT_EQ(at_two.requests, (std::vector<Recorder::Arrival>{{0, 41}}));
  boxes.of(2).answer(0, {41, 7});
  publish(boxes, 2, 0);
  EXPECT_EQ(boxes.of(0).drain(9, at_zero), 1U);
  EXPECT_EQ(at_zero.replies, (std::vector<Recorder::Arrival>{{2, 41}}));
}

TEST(Mailbox, ShowsABatchWhenItIsPublished) {
  Boxes boxes({.shards_count = 2});
  Recorder at_one, at_zero;
  ASSERT_TRUE(boxes.of(0).ask(1, {1}) && boxes.of(0).ask(1, {2}));
  EXPECT_TRUE(boxes.of(1).empty());
  EXPECT_EQ(boxes.of(1).drain(9, at_one), 0U);
  publish(boxes, 0, 1);
  EXPECT_EQ(boxes.of(1).drain(9, at_one), 2U);
  boxes.of(1).answer(0, {1, 0});
  boxes.of(1).answer(0, {2, 0});
  EXPECT_EQ(boxes.of(0).drain(9, at_zero), 0U);
  publish(boxes, 1, 0);
  EXPECT_EQ(boxes.of(0).drain(9, at_zero), 2U);
}

TEST(Mailbox, RefusesToPublishWhileItDrainsAndToSleepWithAnythingUnpublished) {
  Boxes boxes({.shards_count = 2});
  struct Hasty : Recorder {
    Boxes& boxes;
    explicit Hasty(Boxes& all) : boxes(all) {}
    void on_request(std::uint32_t from, const Request&) { (void)boxes.of(1).publish(from); }
  } hasty(boxes);
  ASSERT_TRUE(boxes.of(0).ask(1, {1}));
  EXPECT_DEATH((void)boxes.of(0).may_sleep(), "assertion");
  publish(boxes, 0, 1);
  EXPECT_DEATH((void)boxes.of(1).drain(9, hasty), "assertion");
}

TEST(Mailbox, RefusesRequestsBeyondTheUnansweredOnesALaneHolds) {
  Boxes boxes({.shards_count = 2, .lane_parcels = 4});
  Recorder recorder;
  for (std::uint64_t ticket = 0; ticket < 4; ++ticket) ASSERT_TRUE(boxes.of(0).ask(1, {ticket}));
  EXPECT_FALSE(boxes.of(0).ask(1, {4}));
  publish(boxes, 0, 1);
  EXPECT_EQ(boxes.of(1).drain(9, recorder), 4U);
  EXPECT_FALSE(boxes.of(0).ask(1, {4})) << "drained, but not answered";
  boxes.of(1).answer(0, {0, 0});
  publish(boxes, 1, 0);
  EXPECT_FALSE(boxes.of(0).ask(1, {4})) << "answered, but the answer may still need its room";
  EXPECT_EQ(boxes.of(0).drain(9, recorder), 1U);
  EXPECT_TRUE(boxes.of(0).ask(1, {4}));
  EXPECT_TRUE(boxes.of(1).ask(0, {5})) << "the other direction has its own room";
}

TEST(Mailbox, RefusesPostsFromOutsideBeyondItsInlet) {
  Boxes boxes({.shards_count = 1, .inlet_parcels = 2});
  Recorder recorder;
  EXPECT_TRUE(boxes.post_from_outside(0, {1}) && boxes.post_from_outside(0, {2}));
  EXPECT_FALSE(boxes.post_from_outside(0, {3}));
  EXPECT_EQ(boxes.of(0).drain(9, recorder), 2U);
  EXPECT_EQ(recorder.outside, (std::vector<std::uint64_t>{1, 2}));
}

TEST(Mailbox, RefusesToAnswerWhatWasNotAsked) {
  Boxes boxes({.shards_count = 2});
  EXPECT_DEATH(boxes.of(1).answer(0, {}), "assertion");
  EXPECT_DEATH((void)boxes.of(1).ask(1, {}), "assertion");
}

TEST(Mailbox, LetsNoSenderWaitForABusyOne) {
  Boxes boxes({.shards_count = 3, .lane_parcels = 1024});
  for (std::uint64_t ticket = 0; ticket < 1000; ++ticket) ASSERT_TRUE(boxes.of(0).ask(2, {ticket}));
  ASSERT_TRUE(boxes.of(1).ask(2, {7}));
  publish(boxes, 0, 2);
  publish(boxes, 1, 2);
  ASSERT_TRUE(boxes.post_from_outside(2, {8}));
  Recorder recorder;
  EXPECT_EQ(boxes.of(2).drain(100, recorder), 100U);
  EXPECT_EQ(recorder.outside.size(), 1U);
  EXPECT_EQ(recorder.requests.size(), 99U);
  EXPECT_EQ(std::count(recorder.requests.begin(), recorder.requests.end(), Recorder::Arrival{1, 7}), 1);
  while (boxes.of(2).drain(3, recorder) != 0) {
  }
  std::uint64_t expected = 0;
  for (const auto& arrival : recorder.requests) {
    if (arrival.from == 0) {
      ASSERT_EQ(arrival.ticket, expected++);
    }
  }
  EXPECT_EQ(expected, 1000U);
}

TEST(Mailbox, PublishesToAllThatWereWrittenTo) {
  constexpr std::uint32_t shards_count = 200;
  Boxes boxes({.shards_count = shards_count});
  for (std::uint32_t shard = 1; shard < shards_count; ++shard) ASSERT_TRUE(boxes.of(shard).may_sleep());
  std::vector<std::uint32_t> rung;
  const auto note = [&](std::uint32_t to) { rung.push_back(to); };
  boxes.of(0).publish_all(note);
  EXPECT_TRUE(rung.empty());
  for (const std::uint32_t to : {1U, 31U, 32U, 64U, 199U}) {
    ASSERT_TRUE(boxes.of(0).ask(to, {to}));
    ASSERT_TRUE(boxes.of(0).ask(to, {to}));
  }
  boxes.of(0).publish_all(note);
  EXPECT_EQ(rung, (std::vector<std::uint32_t>{1, 31, 32, 64, 199}));
  EXPECT_TRUE(boxes.of(0).may_sleep());
  for (const std::uint32_t to : rung) {
    Recorder recorder;
    EXPECT_EQ(boxes.of(to).drain(9, recorder), 2U);
    EXPECT_EQ(recorder.requests.front(), (Recorder::Arrival{0, to}));
    boxes.of(to).answer(0, {to});
    boxes.of(to).answer(0, {to});
    boxes.of(to).publish_all([](std::uint32_t asking) { EXPECT_EQ(asking, 0U); });
  }
  Recorder recorder;
  EXPECT_EQ(boxes.of(0).drain(99, recorder), 10U);
}

TEST(Mailbox, TellsExactlyOnePosterToRing) {
  Boxes boxes({.shards_count = 2});
  EXPECT_FALSE(boxes.must_ring(0)) << "awake";
  ASSERT_TRUE(boxes.of(0).may_sleep());
  ASSERT_TRUE(boxes.of(1).ask(0, {1}));
  EXPECT_TRUE(boxes.of(1).publish(0));
  ASSERT_TRUE(boxes.post_from_outside(0, {2}));
  EXPECT_FALSE(boxes.must_ring(0)) << "somebody rings already";
}

TEST(Mailbox, DoesNotSleepOverAnythingThatWaits) {
  Boxes boxes({.shards_count = 2});
  Recorder recorder;
  ASSERT_TRUE(boxes.of(1).ask(0, {1}));
  publish(boxes, 1, 0);
  EXPECT_FALSE(boxes.of(0).may_sleep());
  EXPECT_FALSE(boxes.must_ring(0));
  boxes.of(0).drain(9, recorder);
  boxes.of(0).answer(1, {});
  publish(boxes, 0, 1);
  EXPECT_FALSE(boxes.of(1).may_sleep());
  boxes.of(1).drain(9, recorder);
  ASSERT_TRUE(boxes.post_from_outside(1, {2}));
  EXPECT_FALSE(boxes.of(1).may_sleep());
  boxes.of(1).drain(9, recorder);
  EXPECT_TRUE(boxes.of(1).may_sleep());
  boxes.of(1).awake();
  EXPECT_FALSE(boxes.must_ring(1));
}

/// Memory of this process that is there, not merely reserved.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t mapped = 0, resident = 0;
  file >> mapped >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Answers everything at once.
struct Answering {
  Boxes& boxes;
  std::uint32_t shard;
  void on_request(std::uint32_t from, const Request& request) {
    boxes.of(shard).answer(from, {request.ticket, request.ticket * 3});
  }
  void on_reply(std::uint32_t, const Reply& reply) { ASSERT_EQ(reply.result, reply.ticket * 3); }
  void on_outside(const Request&) {}
};

/// `count` requests of `from` to `to` and their replies, at most `batch` at a time.
void exchange(Boxes& boxes, std::uint32_t from, std::uint32_t to, std::uint64_t count, std::uint64_t batch) {
  Answering asking{boxes, from}, answering{boxes, to};
  for (std::uint64_t ticket = 0; ticket < count;) {
    for (std::uint64_t end = std::min(count, ticket + batch); ticket < end; ++ticket)
      ASSERT_TRUE(boxes.of(from).ask(to, {ticket}));
    (void)boxes.of(from).publish(to);
    boxes.of(to).drain(SIZE_MAX, answering);
    (void)boxes.of(to).publish(from);
    boxes.of(from).drain(SIZE_MAX, asking);
  }
}

constexpr std::size_t mebibyte = 1024 * 1024;

TEST(Mailbox, OfTheLargestGateCostsLittleUntilItIsUsed) {
  const std::size_t before = resident_bytes();
  Boxes boxes({.shards_count = limits::shards_max});
  exchange(boxes, 0, limits::shards_max - 1, 1, 1);
  for (std::uint32_t shard = 0; shard < limits::shards_max; ++shard) EXPECT_TRUE(boxes.of(shard).may_sleep());
  EXPECT_LT(resident_bytes() - before, 4 * mebibyte);
}

TEST(Mailbox, KeepsNoMemoryForPairsThatHaveBeenBusy) {
  constexpr std::uint32_t shards_count = 12;
  const std::size_t before = resident_bytes();
  Boxes boxes({.shards_count = shards_count});
  for (std::uint32_t from = 0; from < shards_count; ++from) {
    for (std::uint32_t to = 0; to < shards_count; ++to) {
      if (from != to) exchange(boxes, from, to, 10'000, limits::lane_parcels_max);
    }
  }
  EXPECT_LT(resident_bytes() - before, 8 * mebibyte);
}

/// A shard that does nothing but ask, answer and sleep on an eventfd until its doorbell rings.
class StormShard {
 public:
  StormShard(Boxes& boxes, std::span<const int> doorbells, std::uint32_t shard, std::uint64_t asks, unsigned seed)
      : boxes_(boxes), doorbells_(doorbells), shard_(shard), asks_left_(asks), random_(seed + shard) {
    last_request_.fill(0);
  }

  /// Until everything it asked is answered and `finished_all` says nobody asks any more.
  void run(std::uint64_t outside_expected, std::atomic<std::uint64_t>& unfinished) {
    bool reported = false;
    while (unfinished.load(std::memory_order_acquire) != 0) {
      ask_some();
      boxes_.of(shard_).drain(1 + random_() % 100, *this);
      answer_some();
      ring_touched();
      if (!reported && asks_left_ == 0 && waiting_ == 0 && outside_ == outside_expected) {
        reported = true;
        if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) {
          for (const int doorbell : doorbells_) eventfd_write(doorbell, 1);
        }
      }
      const bool idle = pending_.empty() && (asks_left_ == 0 || waiting_ > 0);
      if (idle && boxes_.of(shard_).may_sleep()) {
        sleep();
        boxes_.of(shard_).awake();
      }
    }
  }

  void on_request(std::uint32_t from, const Request& request) {
    ASSERT_EQ(request.ticket, ++last_request_[from]) << "order of one sender";
    pending_.push_back({from, request.ticket});
  }
  void on_reply(std::uint32_t, const Reply& reply) {
    ASSERT_EQ(reply.result, reply.ticket * 3);
    --waiting_;
    ++replies;
  }
  void on_outside(const Request&) { ++outside_; }

  std::uint64_t replies = 0;
  std::uint64_t sleeps = 0;
  std::uint64_t deadlines_missed = 0;

 private:
  void ask_some() {
    for (std::uint64_t burst = random_() % 20; burst > 0 && asks_left_ > 0; --burst) {
      const auto to = static_cast<std::uint32_t>((shard_ + 1 + random_() % (doorbells_.size() - 1)) % doorbells_.size());
      if (!boxes_.of(shard_).ask(to, {asked_[to] + 1})) return;
      ++asked_[to], --asks_left_, ++waiting_;
      touched_[to] = true;
    }
  }
  void answer_some() {
    while (!pending_.empty() && random_() % 8 != 0) {
      boxes_.of(shard_).answer(pending_.back().from, {pending_.back().ticket, pending_.back().ticket * 3});
      touched_[pending_.back().from] = true;
      pending_.pop_back();
    }
  }
  void ring_touched() {
    for (std::uint32_t to = 0; to < doorbells_.size(); ++to) {
      if (std::exchange(touched_[to], false) && boxes_.of(shard_).publish(to)) eventfd_write(doorbells_[to], 1);
    }
  }
  void sleep() {
    ++sleeps;
    pollfd waiting{doorbells_[shard_], POLLIN, 0};
    if (::poll(&waiting, 1, 20'000) != 1) ++deadlines_missed;
    eventfd_t rings = 0;
    eventfd_read(doorbells_[shard_], &rings);
  }

  Boxes& boxes_;
  std::span<const int> doorbells_;
  const std::uint32_t shard_;
  std::uint64_t asks_left_;
  std::uint64_t waiting_ = 0, outside_ = 0;
  std::mt19937_64 random_;
  std::array<std::uint64_t, 8> last_request_, asked_{};
  std::array<bool, 8> touched_{};
  std::vector<Recorder::Arrival> pending_;
};

TEST(Mailbox, LosesNoParcelAndNoWakeUpInAStorm) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  constexpr std::uint32_t shards_count = 3;
  constexpr std::uint64_t asks_count = 100'000, outside_count = 20'000;
  Boxes boxes({.shards_count = shards_count, .lane_parcels = 16, .inlet_parcels = 16});
  std::array<int, shards_count> doorbells;
  for (int& doorbell : doorbells) doorbell = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::atomic<std::uint64_t> unfinished{shards_count};
  std::deque<StormShard> shards;
  for (std::uint32_t shard = 0; shard < shards_count; ++shard) shards.emplace_back(boxes, doorbells, shard, asks_count, seed);
  std::vector<std::thread> threads;
  for (StormShard& shard : shards) threads.emplace_back([&] { shard.run(2 * outside_count, unfinished); });
  for (int outsider = 0; outsider < 2; ++outsider) {
    threads.emplace_back([&] {
      for (std::uint64_t sent = 0; sent < outside_count * shards_count;) {
        const auto to = static_cast<std::uint32_t>(sent % shards_count);
        if (boxes.post_from_outside(to, {sent})) {
          ++sent;
        } else {
          std::this_thread::yield();
        }
        if (boxes.must_ring(to)) eventfd_write(doorbells[to], 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const StormShard& shard : shards) {
    EXPECT_EQ(shard.replies, asks_count);
    EXPECT_EQ(shard.deadlines_missed, 0U) << "slept over a parcel";
    EXPECT_GT(shard.sleeps, 100U) << "the storm must make shards sleep";
  }
  for (const int doorbell : doorbells) ::close(doorbell);
}

}  // namespace
}  // namespace ringgate::device
