// Look-ups and attaches among a million ids, beside the obvious map: std::unordered_map under a shared mutex.
#include <benchmark/benchmark.h>

#include <mutex>
#include <optional>
#include <random>
#include <shared_mutex>
#include <unordered_map>

#include "device/device_map.h"

namespace ringgate::device {
namespace {

constexpr std::uint64_t ids_count = 1'000'000;

IdKey key_of(std::uint64_t id) { return {(id + 1) * 0x9E37'79B9'7F4A'7C15U | 2U, id}; }
ConnectionRef ref_of(std::uint64_t id) { return {1, static_cast<std::uint32_t>(id), 1}; }

struct LockedMap {
  std::optional<ConnectionRef> find(IdKey key) {
    const std::shared_lock lock(mutex);
    const auto found = refs.find(key.index);
    return found == refs.end() ? std::nullopt : std::optional(found->second);
  }
  void attach(IdKey key, ConnectionRef now) {
    const std::unique_lock lock(mutex);
    refs.insert_or_assign(key.index, now);
  }
  void detach(IdKey key, ConnectionRef mine) {
    const std::unique_lock lock(mutex);
    const auto found = refs.find(key.index);
    if (found != refs.end() && found->second == mine) refs.erase(found);
  }
  LockedMap& of(std::uint8_t) { return *this; }
  void reclaim() {}

  std::shared_mutex mutex;
  std::unordered_map<std::uint64_t, ConnectionRef> refs;
};

struct LockFreeMap : DeviceMap {
  LockFreeMap() : DeviceMap(4 * ids_count) {}
};

template <class Map>
Map& filled() {
  static Map map;
  static const bool once = [] {
    auto&& here = map.of(0);
    for (std::uint64_t id = 0; id < ids_count; ++id) (void)here.attach(key_of(id), ref_of(id)), map.reclaim();
    return true;
  }();
  (void)once;
  return map;
}

template <class Map>
void find(benchmark::State& state) {
  Map& map = filled<Map>();
  const auto shard = static_cast<std::uint8_t>(state.thread_index());
  std::minstd_rand random(1 + shard);
  auto&& here = map.of(shard);
  for (auto _ : state) benchmark::DoNotOptimize(here.find(key_of(random() % ids_count)));
  state.SetItemsProcessed(state.iterations());
}

/// Attaches and detaches a new id: the cost of a connection, with the rebuilds that used tags cause.
template <class Map>
void attach_detach(benchmark::State& state) {
  Map& map = filled<Map>();
  const auto shard = static_cast<std::uint8_t>(state.thread_index());
  static std::atomic<std::uint64_t> run{0};
  std::uint64_t id = ids_count + (run.fetch_add(1) << 32);
  auto&& here = map.of(shard);
  for (auto _ : state) {
    (void)here.attach(key_of(++id), ref_of(7));
    here.detach(key_of(id), ref_of(7));
    map.reclaim();
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(find<LockFreeMap>)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(find<LockedMap>)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(attach_detach<LockFreeMap>)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(attach_detach<LockedMap>)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace ringgate::device

BENCHMARK_MAIN();
