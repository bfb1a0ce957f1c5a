// Parses and unmasks frames out of a full receive buffer of 16 KiB, and large frames in pieces. Items are frames; budget: ≤ 12 ns
// per frame of 20 bytes in a run. `naive` is a reader without rules, byte by byte, for comparison.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "../tests/unit/ws/client_side.h"

namespace {

using namespace ringgate;
using namespace ringgate::ws;

constexpr std::size_t buffer_bytes = 16 * 1024;

struct Run {
  std::string bytes;
  std::int64_t frames = 0;
};

Run run_of_frames(std::size_t payload_bytes) {
  Run run;
  const std::string frame = testing::text_frame(std::string(payload_bytes, 't'));
  do {
    run.bytes += frame;
    ++run.frames;
  } while (run.bytes.size() + frame.size() <= buffer_bytes);
  return run;
}

/// Reading unmasks in place, so each round starts from a fresh copy. The figures of all readers include the copy.
template <typename Read>
void read_runs(benchmark::State& state, Read read) {
  const Run run = run_of_frames(static_cast<std::size_t>(state.range(0)));
  std::vector<std::uint8_t> buffer(run.bytes.size());
  for (auto _ : state) {
    std::memcpy(buffer.data(), run.bytes.data(), buffer.size());
    read(MutableBytes(buffer));
  }
  state.SetItemsProcessed(state.iterations() * run.frames);
}

void reader(benchmark::State& state) {
  FrameReader reader;
  Partial* partial = nullptr;
  read_runs(state, [&](MutableBytes input) {
    while (reader.next(input, partial, testing::usual_rules).kind == EventKind::message) benchmark::ClobberMemory();
  });
}
BENCHMARK(reader)->Arg(0)->Arg(20)->Arg(60)->Arg(125)->Arg(512)->Arg(4096);

void naive(benchmark::State& state) {
  read_runs(state, [](MutableBytes input) {
    while (!input.empty()) {
      const std::size_t header = header_bytes_announced(input[1]);
      const FrameHeader facts = decode_header(input.data());
      for (std::size_t i = 0; i < facts.payload_bytes; ++i) {
        input[header + i] ^= static_cast<std::uint8_t>(facts.masking_key >> (8 * (i % 4)));
        benchmark::ClobberMemory();
      }
      input = input.subspan(header + facts.payload_bytes);
    }
  });
}
BENCHMARK(naive)->Arg(20)->Arg(125)->Arg(512);

/// A frame of `range(0)` bytes received in pieces of `range(1)`.
void cut_frame(benchmark::State& state) {
  std::string bytes = testing::text_frame(std::string(static_cast<std::size_t>(state.range(0)), 't'));
  const auto piece_bytes = static_cast<std::size_t>(state.range(1));
  FrameReader reader;
  Partial* partial = nullptr;
  for (auto _ : state) {
    for (std::size_t i = 0; i < bytes.size(); i += piece_bytes) {
      MutableBytes input{reinterpret_cast<std::uint8_t*>(bytes.data()) + i, std::min(piece_bytes, bytes.size() - i)};
      reader.recycle(reader.next(input, partial, testing::usual_rules).assembled);
    }
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(cut_frame)
    ->Args({20, 16})
    ->Args({4096, 2048})
    ->Args({16 << 10, 2048})
    ->Args({64 << 10, 2048})
    ->Args({64 << 10, 32 << 10})
    ->Args({1000 << 10, 64 << 10});

}  // namespace

BENCHMARK_MAIN();
