// UTF-8 validation: whole, as a stream in pieces, byte by byte as the naive reference, and together with unmasking.
#include <benchmark/benchmark.h>

#include <string>

#include "../tests/unit/ws/utf8_reference.h"
#include "ws/text_unmasking.h"
#include "ws/utf8.h"

namespace {

using namespace ringgate;
using namespace ringgate::ws;

std::string greek(std::size_t size) {
  std::string text;
  while (text.size() + 2 <= size) text += "\xCE\xBB";
  text.resize(size, '.');
  return text;
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {20, 125, 1024, 16 * 1024}) bench->Arg(size);
}

template <typename Validate>
void run(benchmark::State& state, Validate validate) {
  const std::string text = greek(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(validate(bytes_of(text)));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void whole(benchmark::State& state) {
  run(state, [](ByteView text) { return valid_utf8(text); });
}
BENCHMARK(whole)->Apply(sizes);

void streamed_in_two(benchmark::State& state) {
  run(state, [](ByteView text) {
    Utf8Stream stream;
    const std::size_t cut = text.size() / 4 * 2 + 1;  // inside a character
    return stream.feed(text.first(cut)) && stream.feed(text.subspan(cut)) && stream.complete();
  });
}
BENCHMARK(streamed_in_two)->Apply(sizes);

void reference(benchmark::State& state) {
  run(state, [](ByteView text) { return testing::reference_utf8(text) == testing::Utf8Verdict::valid; });
}
BENCHMARK(reference)->Apply(sizes);

/// Uses key 0, which leaves the text unchanged for the next round; the work is the same.
void unmasked(benchmark::State& state, UnmaskTextFunction unmask_text) {
  std::string text = greek(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(unmask_text(reinterpret_cast<std::uint8_t*>(text.data()), text.size(), 0));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

}  // namespace

int main(int argc, char** argv) {
  for (const TextKernel& each : text_kernels())
    benchmark::RegisterBenchmark((std::string("unmasked_") + each.name).c_str(), unmasked, each.unmask_text)
        ->Apply(sizes)
        ->Arg(64 * 1024);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
