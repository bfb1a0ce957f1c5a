// The parcels of a push across shards: one request and its reply, in batches, beside a deque under a mutex. Items are such pairs.
// Budget: ≤ 150 ns per pair in batches of 16 and more.
//
// "same_thread" is the cost of the instructions alone. The others use two threads, each pinned to its own core: "round_trip"
// waits for all replies of a batch before the next batch (the whole latency), "stream" keeps batches under way, as busy shards do
// (the cost per push). It needs two free cores: if one thread loses its core, the other's time includes the wait.
#include <benchmark/benchmark.h>

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "device/mailbox.h"

namespace ringgate::device {
namespace {

struct Parcel {
  std::uint64_t words[6];
};

/// Shards 0 and 1, with mailboxes.
class Boxed {
 public:
  void ask(const Parcel& parcel) {
    if (!boxes_.of(0).ask(1, parcel)) std::abort();
  }
  void end_asking() { benchmark::DoNotOptimize(boxes_.of(0).publish(1)); }
  std::size_t serve() {
    const std::size_t count = boxes_.of(1).drain(256, Handler{&boxes_});
    if (count != 0) benchmark::DoNotOptimize(boxes_.of(1).publish(0));
    return count;
  }
  std::size_t collect() { return boxes_.of(0).drain(256, Handler{&boxes_}); }

 private:
  struct Handler {
    Mailboxes<Parcel, Parcel>* boxes;
    void on_request(std::uint32_t from, const Parcel& parcel) { boxes->of(1).answer(from, parcel); }
    void on_reply(std::uint32_t, const Parcel& parcel) { benchmark::DoNotOptimize(parcel.words[0]); }
    void on_outside(const Parcel&) {}
  };
  Mailboxes<Parcel, Parcel> boxes_{{.shards_count = 2}};
};

/// As Boxed, with a locked queue in each direction.
class Locked {
 public:
  void ask(const Parcel& parcel) { requests_.push(parcel); }
  void end_asking() {}
  std::size_t serve() {
    return requests_.drain([this](const Parcel& parcel) { replies_.push(parcel); });
  }
  std::size_t collect() {
    return replies_.drain([](const Parcel& parcel) { benchmark::DoNotOptimize(parcel.words[0]); });
  }

 private:
  struct Queue {
    void push(const Parcel& parcel) {
      const std::lock_guard lock(mutex);
      parcels.push_back(parcel);
    }
    template <class Take>
    std::size_t drain(Take&& take) {
      {
        const std::lock_guard lock(mutex);
        taken.swap(parcels);
      }
      for (const Parcel& parcel : taken) take(parcel);
      const std::size_t count = taken.size();
      taken.clear();
      return count;
    }
    std::mutex mutex;
    std::deque<Parcel> parcels, taken;
  };
  Queue requests_, replies_;
};

template <class Transport>
void ask_batch(Transport& transport, std::int64_t parcels) {
  for (std::int64_t parcel = 0; parcel < parcels; ++parcel) transport.ask(Parcel{});
  transport.end_asking();
}

template <class Transport>
void same_thread(benchmark::State& state) {
  Transport transport;
  for (auto _ : state) {
    ask_batch(transport, state.range(0));
    transport.serve();
    transport.collect();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

bool pin_to(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<unsigned>(core), &cores);
  return pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == 0;
}

/// Polls at once, as a busy shard does; yields after a while, for machines with one core.
class Patience {
 public:
  void wait() {
    if (++looks_ % looks_before_yield == 0) std::this_thread::yield();
  }

 private:
  static constexpr unsigned looks_before_yield = 4096;
  unsigned looks_ = 0;
};

/// The answering shard, on core 1 while this thread is on core 0.
template <class Transport>
class Server {
 public:
  explicit Server(Transport& transport) : pinned_(pin_to(0)), thread_([this, &transport] { serve(transport); }) {}
  ~Server() {
    stop_ = true;
    thread_.join();
  }
  bool pinned() const { return pinned_; }

 private:
  void serve(Transport& transport) {
    if (!pin_to(1)) pinned_ = false;
    for (Patience patience; !stop_.load(std::memory_order_relaxed);) {
      if (transport.serve() == 0) patience.wait();
    }
  }
  std::atomic<bool> stop_{false};
  std::atomic<bool> pinned_;
  std::thread thread_;
};

/// Asks a batch whenever at most `unanswered_max` parcels are unanswered.
template <class Transport>
void across_threads(benchmark::State& state, std::int64_t unanswered_max) {
  Transport transport;
  Server server(transport);
  std::int64_t unanswered = 0;
  Patience patience;
  for (auto _ : state) {
    ask_batch(transport, state.range(0));
    unanswered += state.range(0);
    do {
      const auto count = static_cast<std::int64_t>(transport.collect());
      if (count == 0 && unanswered > unanswered_max) patience.wait();
      unanswered -= count;
    } while (unanswered > unanswered_max);
  }
  while (unanswered > 0) unanswered -= static_cast<std::int64_t>(transport.collect());
  if (!server.pinned()) state.SkipWithError("needs cores 0 and 1");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <class Transport>
void round_trip(benchmark::State& state) {
  across_threads<Transport>(state, 0);
}
template <class Transport>
void stream(benchmark::State& state) {
  across_threads<Transport>(state, limits::lane_parcels_max / 4);
}

BENCHMARK(same_thread<Boxed>)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(same_thread<Locked>)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(round_trip<Boxed>)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(round_trip<Locked>)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(stream<Boxed>)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(stream<Locked>)->Arg(16)->Arg(256)->UseRealTime();

}  // namespace
}  // namespace ringgate::device

BENCHMARK_MAIN();
