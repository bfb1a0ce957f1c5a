// Unmasking with the ASCII test: every kernel of this machine, the inline path, and memcpy as the upper bound.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "ws/masking.h"

namespace {

using namespace ringgate;
using namespace ringgate::ws;

constexpr MaskingKey key = 0x3D21FA37;

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {7, 20, 64, 125, 512, 1024, 16 * 1024, 64 * 1024}) bench->Arg(size);
}

void count_bytes(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * state.range(0)); }

void kernel(benchmark::State& state, UnmaskFunction unmask_it) {
  std::vector<std::uint8_t> payload(static_cast<std::size_t>(state.range(0)), 'a');
  for (auto _ : state) benchmark::DoNotOptimize(unmask_it(payload.data(), payload.data(), payload.size(), key));
  count_bytes(state);
}

void in_place(benchmark::State& state) {
  std::vector<std::uint8_t> payload(static_cast<std::size_t>(state.range(0)), 'a');
  for (auto _ : state) benchmark::DoNotOptimize(unmask(payload, key));
  count_bytes(state);
}
BENCHMARK(in_place)->Apply(sizes);

void copied(benchmark::State& state) {
  const std::vector<std::uint8_t> source(static_cast<std::size_t>(state.range(0)), 'a');
  std::vector<std::uint8_t> target(source.size());
  for (auto _ : state) {
    benchmark::DoNotOptimize(unmask_copy(target.data(), source, key));
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(copied)->Apply(sizes);

void plain_memcpy(benchmark::State& state) {
  const std::vector<std::uint8_t> source(static_cast<std::size_t>(state.range(0)), 'a');
  std::vector<std::uint8_t> target(source.size());
  for (auto _ : state) {
    std::memcpy(target.data(), source.data(), source.size());
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(plain_memcpy)->Apply(sizes);

}  // namespace

int main(int argc, char** argv) {
  for (const MaskingKernel& each : masking_kernels()) {
    benchmark::RegisterBenchmark((std::string("kernel_") + each.name).c_str(), kernel, each.unmask)->Apply(sizes);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
