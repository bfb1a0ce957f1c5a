// The cost of an upgrade up to its 101: parsing the head, whole and byte by byte, beside the cheapest code that reads every byte
// (a scan for the end of the head); then all checks of admission, and the 101 with its digest.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "admission/admission.h"
#include "http/request_head_parser.h"
#include "ws/handshake.h"

namespace ringgate {
namespace {

const std::string upgrade =
    "GET /ws?deviceId=abc123 HTTP/1.1\r\nHost: gate.example:8080\r\nUser-Agent: sensor/1.4\r\nUpgrade: "
    "websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

void scan_for_end(benchmark::State& state) {
  for (auto _ : state) {
    std::size_t matched = 0;
    std::size_t position = 0;
    for (; position < upgrade.size() && matched < 4; ++position) {
      matched = upgrade[position] == "\r\n\r\n"[matched] ? matched + 1 : 0;
    }
    benchmark::DoNotOptimize(position);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(scan_for_end);

void parse_whole(benchmark::State& state) {
  http::RequestHeadParser parser;
  for (auto _ : state) {
    parser.reset();
    benchmark::DoNotOptimize(parser.resume(bytes_of(upgrade)));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_whole);

void parse_byte_by_byte(benchmark::State& state) {
  http::RequestHeadParser parser;
  const ByteView bytes = bytes_of(upgrade);
  for (auto _ : state) {
    parser.reset();
    for (std::size_t length = 1; length <= bytes.size(); ++length) {
      benchmark::DoNotOptimize(parser.resume(bytes.first(length)));
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_byte_by_byte);

void admit(benchmark::State& state) {
  static constexpr std::array<admission::IdSource, 1> sources{{{admission::IdSource::Kind::query, "deviceId"}}};
  static constexpr std::array<admission::RouteView, 1> routes{{{.path = "/ws", .id_sources = sources}}};
  constexpr std::array<std::uint8_t, admission::anonymous_id_random_chars> seed{};
  http::RequestHeadParser parser;
  parser.resume(bytes_of(upgrade));
  const http::RequestView request = parser.view(bytes_of(upgrade));
  if (!admission::admit(request, {.routes = routes}, seed)) state.SkipWithError("refused");
  for (auto _ : state) {
    benchmark::DoNotOptimize(admission::admit(request, {.routes = routes}, seed));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(admit);

void append_switching_protocols(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    ws::append_switching_protocols(out, {.key = "dGhlIHNhbXBsZSBub25jZQ=="});
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(append_switching_protocols);

}  // namespace
}  // namespace ringgate

BENCHMARK_MAIN();
