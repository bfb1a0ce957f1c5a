// guard: plays one scenario of the regression guard. It counts nothing itself: bench/guard/guard.py runs it under callgrind.
//
// usage: guard SCENARIO [ROUNDS [PLANTED]]   plays it, after a warm-up, and prints {"units": how many were counted};
//                                            PLANTED: so many rounds of an extra loop for each echoed message
//        guard list                          the scenarios: name, unit, rounds
//        guard describe                      what this program was built with and runs on, as JSON: the header of the baseline
//
// Exit code: 0 played, 1 the gate did something else than it should, 64 usage.
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <simdjson.h>
#include <zlib.h>

#include <charconv>
#include <cstdio>
#include <string>

#include "scenario.h"
#include "ws/masking.h"

namespace {

using namespace ringgate;
using namespace ringgate::guard;

constexpr std::size_t warm_up_rounds = 4;

/// The best kernel of each kind: what the run-time dispatch of our code found. Valgrind hides AVX-512.
std::string features() {
  const std::string unmasking = ws::masking_kernels().back().name;
  return "unmask " + unmasking + ", simdjson " + simdjson::get_available_implementations().detect_best_supported()->name();
}

int describe() {
#ifdef __clang__
  constexpr const char* compiler = "clang " __clang_version__;
#else
  constexpr const char* compiler = "gcc " __VERSION__;
#endif
#ifdef __OPTIMIZE__
  constexpr bool optimized = true;
#else
  constexpr bool optimized = false;
#endif
  std::printf(
      "{\"compiler\": \"%s\", \"libc\": \"glibc %s\", \"features\": \"%s\", \"optimized\": %s,\n"
      " \"libraries\": {\"libcrypto\": \"%s\", \"zlib\": \"%s\", \"simdjson\": \"%s\"}}\n",
      compiler, gnu_get_libc_version(), features().c_str(), optimized ? "true" : "false", OpenSSL_version(OPENSSL_VERSION_STRING),
      zlibVersion(), SIMDJSON_STRINGIFY(SIMDJSON_VERSION));
  return 0;
}

std::vector<ScenarioEntry> all_scenarios() {
  std::vector<ScenarioEntry> all;
  for (const auto part : {echo_scenarios(), device_scenarios()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

int list() {
  for (const ScenarioEntry& entry : all_scenarios())
    std::printf("%s %s %zu\n", std::string(entry.name).c_str(), std::string(entry.unit).c_str(), entry.rounds);
  return 0;
}

bool read_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

int play(const ScenarioEntry& entry, std::uint64_t rounds, std::uint64_t planted_rounds) {
  GTEST_FLAG_SET(break_on_failure, true);  // the simulated gate speaks of defects through GoogleTest
  const std::unique_ptr<Scenario> scenario = entry.make(planted_rounds);
  for (std::size_t i = 0; i < warm_up_rounds; ++i) scenario->round();
  scenario->count();
  for (std::uint64_t i = 0; i < rounds; ++i) scenario->round();
  std::printf("{\"units\": %llu}\n", static_cast<unsigned long long>(rounds * scenario->units()));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view name = count > 1 ? arguments[1] : "";
  if (name == "list") return list();
  if (name == "describe") return describe();
  for (const ScenarioEntry& entry : all_scenarios()) {
    if (entry.name != name) continue;
    std::uint64_t rounds = entry.rounds;
    std::uint64_t planted_rounds = 0;
    const bool readable =
        (count < 3 || read_number(arguments[2], rounds)) && (count < 4 || read_number(arguments[3], planted_rounds));
    if (!readable || count > 4 || rounds == 0) break;
    return play(entry, rounds, planted_rounds);
  }
  std::fprintf(stderr, "usage: guard SCENARIO [ROUNDS [PLANTED]] | guard list | guard describe\n");
  return 64;
}
