// Any text as a configuration file. Oracles: reading never throws; a fault is one printable line naming the file; what
// is accepted, printed and read again gives the same settings, but for the queries of URLs, which are not shown.
//
// Input: the text.
//
// Tests: src/config/* include/ringgate/config.h
#include <algorithm>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/print.h"
#include "fuzz_case.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::config;

void check_faults(const ConfigFaults& faults) {
  require(!faults.empty(), "a refused file has a fault");
  for (const StartError& fault : faults) {
    const std::string line = to_line(fault);
    require(fault.exit_code == ExitCode::bad_configuration && !fault.remedy.empty(), "a fault has its code and a remedy");
    require(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; }), "a fault is one printable line");
  }
}

/// Printing and reading again takes twenty times as long as refusing a file, and most inputs differ in nothing but
/// their layout from one of those before: so each configuration makes the round trip once, while it is remembered.
bool is_remembered(const Config& config) {
  constexpr std::size_t remembered_max = 64;
  static std::vector<Config> remembered;
  static std::size_t next = 0;
  if (std::ranges::find(remembered, config) != remembered.end()) return true;
  if (remembered.size() < remembered_max) {
    remembered.push_back(config);
  } else {
    remembered[next++ % remembered_max] = config;
  }
  return false;
}

void check_round_trip(const LoadedConfig& loaded) {
  if (is_remembered(loaded.config)) return;
  const auto again = load_config_text(print_config(loaded), "printed.toml");
  require(again.has_value(), "what is printed is accepted");
  Config shown = loaded.config;
  for (WebhookConfig& webhook : shown.webhooks)
    if (const std::size_t query = webhook.url.find('?'); query != std::string::npos)
      webhook.url.replace(query + 1, std::string::npos, "...");
  require(again->config == shown, "read after print = the same settings");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto loaded = load_config_text(text_of({data, size}), "fuzz.toml");
  if (loaded) {
    check_round_trip(*loaded);
  } else {
    check_faults(loaded.error());
  }
  return 0;
}
