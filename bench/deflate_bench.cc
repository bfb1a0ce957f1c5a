// permessage-deflate: both directions in every mode beside plain zlib, the memory of a connection, and whether the inflater's
// computed cost of a message is near the measured time.
//
// `bytes`: mean size of the compressed form. `weight_bytes`: memory measured at the allocator. `reckoned`: cost_ns() divided by
// the measured time.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "../tests/unit/ws/deflate_blocks.h"
#include "../tests/unit/ws/deflate_samples.h"
#include "ws/deflater.h"
#include "ws/inflater.h"

namespace {

using namespace ringgate;
using namespace ringgate::ws;

constexpr std::uint64_t no_ceiling = 1 << 30;

/// The readings of a sensor, one after another, cut to `size` bytes.
std::string readings(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text = "[";
  while (text.size() < size) {
    std::array<char, 200> reading;
    const int length = std::snprintf(reading.data(), reading.size(),
                                     R"({"ts":%u,"id":"th-%04u","temp":%.2f,"hum":%.1f,"rssi":%d,"mv":%u,"ok":%s},)",
                                     1'700'000'000U + unsigned(random() % 100'000'000), unsigned(random() % 2000),
                                     -20 + double(random() % 6000) / 100, double(random() % 1000) / 10, -int(random() % 100),
                                     3000U + unsigned(random() % 700), random() % 16 == 0 ? "false" : "true");
    text.append(reading.data(), static_cast<std::size_t>(length));
  }
  text.resize(size);
  return text;
}

/// Different messages to send in turn: more bytes than a window, so that no context remembers those of the last turn.
std::vector<std::string> messages_of(std::size_t size) {
  const std::size_t messages_count = std::max<std::size_t>(16, 128 * 1024 / size);
  std::vector<std::string> messages;
  for (unsigned i = 0; i < messages_count; ++i) messages.push_back(readings(size, i));
  return messages;
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {64, 256, 1024, 4096, 16 * 1024, 64 * 1024}) bench->Arg(size);
}

/// Runs `deflate` (text to compressed size) over the messages in turn.
template <typename Deflate>
void run_deflate(benchmark::State& state, Deflate deflate) {
  const auto messages = messages_of(static_cast<std::size_t>(state.range(0)));
  std::size_t bytes = 0;
  std::size_t i = 0;
  for (auto _ : state) bytes += deflate(messages[i++ % messages.size()]);
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.counters["bytes"] = static_cast<double>(bytes) / static_cast<double>(state.iterations());
}

void deflate_alone(benchmark::State& state) {
  Deflater deflater;
  run_deflate(state, [&](const std::string& text) { return deflater.deflate(bytes_of(text), 15).size(); });
}
BENCHMARK(deflate_alone)->Name("deflate/alone")->Apply(sizes);

void deflate_in_context(benchmark::State& state, DeflateContextOptions options) {
  const auto context = DeflateContext::make(options);
  Bytes payload;
  run_deflate(state, [&](const std::string& text) {
    context->deflate(bytes_of(text), payload);
    return payload.size();
  });
}
BENCHMARK_CAPTURE(deflate_in_context, , {.window_bits = 15, .memory_level = 8})->Name("deflate/context_15_8")->Apply(sizes);
BENCHMARK_CAPTURE(deflate_in_context, , {.window_bits = 11, .memory_level = 4})->Name("deflate/context_11_4")->Apply(sizes);
BENCHMARK_CAPTURE(deflate_in_context, , {.window_bits = 9, .memory_level = 1})->Name("deflate/context_9_1")->Apply(sizes);

void deflate_zlib(benchmark::State& state) {
  ZlibClient zlib;
  run_deflate(state, [&](const std::string& text) {
    zlib.forget();
    return zlib.deflate(text).size();
  });
}
BENCHMARK(deflate_zlib)->Name("deflate/zlib")->Apply(sizes);

/// The messages as a client sends them, with or without context.
std::vector<Bytes> payloads_of(std::size_t size, int window_bits, bool context) {
  ZlibClient client({.window_bits = window_bits});
  std::vector<Bytes> payloads;
  for (const std::string& text : messages_of(size)) {
    if (!context) client.forget();
    payloads.push_back(client.deflate(text));
  }
  return payloads;
}

void inflate_by(benchmark::State& state, int window_bits, bool with_context) {
  const auto payloads = payloads_of(static_cast<std::size_t>(state.range(0)), window_bits, with_context);
  const InflateRules rules{.bytes_max = no_ceiling, .window_bits = static_cast<std::uint8_t>(window_bits)};
  AssemblyPool pool(std::size_t{1} << 30);
  Inflater inflater(pool);
  InflateHistory history(rules.window_bits);
  std::size_t i = 0;
  for (auto _ : state) {
    if (with_context && i % payloads.size() == 0) history = InflateHistory(rules.window_bits);
    const auto inflated = inflater.inflate(payloads[i++ % payloads.size()], rules, with_context ? &history : nullptr);
    if (!inflated) std::abort();
    pool.recycle(inflated->buffer);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(inflate_by, , 15, false)->Name("inflate/window_15")->Apply(sizes);
BENCHMARK_CAPTURE(inflate_by, , 9, false)->Name("inflate/window_9")->Apply(sizes);
BENCHMARK_CAPTURE(inflate_by, , 15, true)->Name("inflate/history_15")->Apply(sizes);
BENCHMARK_CAPTURE(inflate_by, , 9, true)->Name("inflate/history_9")->Apply(sizes);

/// Inflates into a buffer that is large enough, without a ceiling or checks.
void inflate_zlib(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  auto payloads = payloads_of(size, 15, false);
  for (Bytes& payload : payloads) payload.insert(payload.end(), flush_tail.begin(), flush_tail.end());
  Bytes text(size + 1);
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) std::abort();
  std::size_t i = 0;
  for (auto _ : state) {
    Bytes& payload = payloads[i++ % payloads.size()];
    inflateReset(&stream);
    stream.next_in = payload.data();
    stream.avail_in = static_cast<uInt>(payload.size());
    stream.next_out = text.data();
    stream.avail_out = static_cast<uInt>(text.size());
    if (inflate(&stream, Z_SYNC_FLUSH) != Z_OK || stream.avail_out != 1) std::abort();
  }
  inflateEnd(&stream);
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(inflate_zlib)->Name("inflate/zlib")->Apply(sizes);

/// Makes `things_count` objects of a connection or a shard, and measures their memory at the allocator.
template <typename Make>
void weigh(benchmark::State& state, Make make) {
  constexpr std::size_t things_count = 64;
  const auto taken = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  double weight = 0;
  for (auto _ : state) {
    std::vector<decltype(make())> things;
    things.reserve(things_count);
    const std::size_t before = taken();
    for (std::size_t i = 0; i < things_count; ++i) things.push_back(make());
    weight = static_cast<double>(taken() - before) / things_count;
  }
  state.counters["weight_bytes"] = weight;
}

void weigh_context(benchmark::State& state, DeflateContextOptions options) {
  weigh(state, [&] { return DeflateContext::make(options); });
  state.counters["memory_bytes"] = static_cast<double>(DeflateContext::memory_bytes(options));
}
BENCHMARK_CAPTURE(weigh_context, , {.window_bits = 15, .memory_level = 8})->Name("weight/context_15_8");
BENCHMARK_CAPTURE(weigh_context, , {.window_bits = 15, .memory_level = 4})->Name("weight/context_15_4");
BENCHMARK_CAPTURE(weigh_context, , {.window_bits = 12, .memory_level = 5})->Name("weight/context_12_5");
BENCHMARK_CAPTURE(weigh_context, , {.window_bits = 11, .memory_level = 4})->Name("weight/context_11_4");
BENCHMARK_CAPTURE(weigh_context, , {.window_bits = 10, .memory_level = 2})->Name("weight/context_10_2");
BENCHMARK_CAPTURE(weigh_context, , {.window_bits = 9, .memory_level = 1})->Name("weight/context_9_1");

void weigh_history(benchmark::State& state) {
  const auto bits = static_cast<std::uint8_t>(state.range(0));
  const std::string text = random_bytes(300, 1);
  weigh(state, [&] {
    InflateHistory history(bits);
    for (int i = 0; i < 500; ++i) history.append(bytes_of(text));
    return history;
  });
  state.counters["memory_bytes"] = static_cast<double>(std::size_t{1} << bits);
}
BENCHMARK(weigh_history)->Name("weight/history")->Arg(9)->Arg(10)->Arg(11)->Arg(12)->Arg(15);

void weigh_deflater(benchmark::State& state) {
  weigh(state, [] {
    auto deflater = std::make_unique<Deflater>();
    deflater->deflate(bytes_of("x"), 15);
    return deflater;
  });
}
BENCHMARK(weigh_deflater)->Name("weight/shard_deflater");

void weigh_inflater(benchmark::State& state) {
  AssemblyPool pool(std::size_t{1} << 30);
  const Bytes payload = ZlibClient().deflate(readings(100, 1));
  weigh(state, [&] {
    auto inflater = std::make_unique<Inflater>(pool);
    const auto inflated = inflater->inflate(payload, {.bytes_max = no_ceiling}, nullptr);
    if (inflated) pool.recycle(inflated->buffer);
    return inflater;
  });
}
BENCHMARK(weigh_inflater)->Name("weight/shard_inflater");

/// CPU time of this thread, since the machine may have other work.
double thread_time_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Inflates one message again and again, and compares the computed cost with the measured time. Above 1: the computed cost is
/// higher.
void reckon(benchmark::State& state, const Bytes& payload, std::uint8_t window_bits, bool with_history) {
  AssemblyPool pool(std::size_t{1} << 30);
  Inflater inflater(pool);
  InflateHistory history(window_bits);
  history.append(bytes_of(random_bytes(std::size_t{1} << window_bits, 1)));
  std::uint64_t reckoned_ns = 0;
  const double start_ns = thread_time_ns();
  for (auto _ : state) {
    const auto inflated =
        inflater.inflate(payload, {.bytes_max = no_ceiling, .window_bits = window_bits}, with_history ? &history : nullptr);
    if (!inflated) std::abort();
    pool.recycle(inflated->buffer);
    reckoned_ns += inflater.cost_ns();
  }
  state.counters["reckoned"] = static_cast<double>(reckoned_ns) / (thread_time_ns() - start_ns);
  state.counters["bytes"] = static_cast<double>(payload.size());
}

/// The bytes that `count` calls of `write` make.
template <typename Write>
Bytes repeated(int count, Write write) {
  BlockWriter blocks;
  for (int i = 0; i < count; ++i) write(blocks);
  return blocks.message();
}

Bytes huffman_only(const std::string& text) {
  ZlibClient client({.level = 6, .strategy = Z_HUFFMAN_ONLY});
  return client.deflate(text);
}

std::vector<std::pair<std::string, Bytes>> kinds_of_message() {
  const auto json = [](std::size_t size) { return ZlibClient({.window_bits = 9}).deflate(readings(size, 1)); };
  ZlibClient stored({.level = 0});
  return {
      {"one_empty_block", {0x00}},
      {"json_64", json(64)},
      {"json_1024", json(1024)},
      {"json_65536", json(65536)},
      {"random_stored_65536", stored.deflate(random_bytes(65536, 1))},
      {"literals_65536", huffman_only(readings(65536, 1))},
      {"matches_of_3", repeated(1,
                                [](BlockWriter& blocks) {
                                  blocks.begin_fixed(Final::no);
                                  blocks.literals("abcdefgh");
                                  for (unsigned i = 0; i < 20'000; ++i) blocks.match(3, 3 + i % 5);
                                  blocks.end_fixed(Final::no);
                                })},
      {"densest_1_mib", repeated(1, [](BlockWriter& blocks) { blocks.densest(4064); })},
      {"densest_64_kib", repeated(1, [](BlockWriter& blocks) { blocks.densest(254); })},
      {"empty_stored", repeated(10'000, [](BlockWriter& blocks) { blocks.stored(Final::no, ""); })},
      {"empty_fixed", repeated(10'000,
                               [](BlockWriter& blocks) {
                                 blocks.begin_fixed(Final::no);
                                 blocks.end_fixed(Final::no);
                               })},
      {"tiny_dynamic", repeated(1000, [](BlockWriter& blocks) { blocks.densest(0); })},
      {"final_stored", repeated(5'000, [](BlockWriter& blocks) { blocks.stored(Final::yes, ""); })},
      {"final_fixed", repeated(5'000,
                               [](BlockWriter& blocks) {
                                 blocks.begin_fixed(Final::yes);
                                 blocks.end_fixed(Final::yes);
                               })},
  };
}

void register_reckoning() {
  static const auto kinds = kinds_of_message();
  for (const auto& [kind, payload] : kinds) {
    const auto add = [&](const std::string& mode, std::uint8_t window_bits, bool with_history) {
      benchmark::RegisterBenchmark(("cost/" + mode + "/" + kind).c_str(),
                                   [&payload = payload, window_bits, with_history](benchmark::State& state) {
                                     reckon(state, payload, window_bits, with_history);
                                   });
    };
    add("window_15", 15, false);
    add("window_9", 9, false);
    add("history_15", 15, true);
    add("history_14", 14, true);
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_reckoning();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
