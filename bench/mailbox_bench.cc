// One parcel from shard to shard and its reply back, in batches, beside a deque under a mutex.
//
// "same_thread" is the cost of the instructions alone; "cross_thread" has a second thread that answers, so it
// adds the transfer of cache lines and, on busy cores, the scheduler.
#include <benchmark/benchmark.h>

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
  void ring_other(std::uint32_t to) { benchmark::DoNotOptimize(boxes_.must_ring(to)); }
  std::size_t serve() {
    Handler handler{&boxes_};
    return boxes_.of(1).drain(256, handler);
  }
  std::size_t collect() {
    Handler handler{&boxes_};
    return boxes_.of(0).drain(256, handler);
  }

 private:
  struct Handler {
    Mailboxes<Parcel, Parcel>* boxes;
    void on_request(std::uint32_t from, const Parcel& parcel) { boxes->of(1).answer(from, parcel); }
    void on_reply(std::uint32_t, const Parcel& parcel) { benchmark::DoNotOptimize(parcel.words[0]); }
    void on_outside(const Parcel&) {}
  };
  Mailboxes<Parcel, Parcel> boxes_{{.shards_count = 2}};
};

/// The same with a locked queue each way.
class Locked {
 public:
  void ask(const Parcel& parcel) { requests_.push(parcel); }
  void ring_other(std::uint32_t) {}
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
void same_thread(benchmark::State& state) {
  Transport transport;
  for (auto _ : state) {
    for (std::int64_t parcel = 0; parcel < state.range(0); ++parcel) transport.ask(Parcel{});
    transport.ring_other(1);
    transport.serve();
    transport.ring_other(0);
    transport.collect();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <class Transport>
void cross_thread(benchmark::State& state) {
  Transport transport;
  std::atomic<bool> stop{false};
  std::thread server([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      if (transport.serve() != 0) {
        transport.ring_other(0);
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (auto _ : state) {
    for (std::int64_t parcel = 0; parcel < state.range(0); ++parcel) transport.ask(Parcel{});
    transport.ring_other(1);
    for (std::int64_t back = 0; back < state.range(0);) {
      const std::size_t count = transport.collect();
      if (count == 0) std::this_thread::yield();
      back += static_cast<std::int64_t>(count);
    }
  }
  stop = true;
  server.join();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(same_thread<Boxed>)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(same_thread<Locked>)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(cross_thread<Boxed>)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(cross_thread<Locked>)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

}  // namespace
}  // namespace ringgate::device

BENCHMARK_MAIN();
