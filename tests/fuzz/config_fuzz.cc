// Any text as a configuration file. Oracle: reading never throws; a fault is one printable line naming the file; what is
// accepted, printed and read again gives the same settings.
//
// Tests: src/server/config_*
#include <algorithm>
#include <string_view>

#include "base/assert.h"
#include "server/config_load.h"
#include "server/config_print.h"

namespace {

using namespace ringgate;
using namespace ringgate::server;

void check_faults(const ConfigFaults& faults) {
  RINGGATE_ASSERT(!faults.empty());
  for (const StartError& fault : faults) {
    const std::string line = to_line(fault);
    RINGGATE_ASSERT(fault.exit_code == ExitCode::bad_configuration);
    RINGGATE_ASSERT(!fault.remedy.empty());
    RINGGATE_ASSERT(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

void check_round_trip(const LoadedConfig& loaded) {
  const std::string printed = print_config(loaded);
  const auto again = load_config_text(printed, "printed.toml");
  RINGGATE_ASSERT(again.has_value());
  RINGGATE_ASSERT(again->config == loaded.config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = load_config_text(text, "fuzz.toml");
  if (loaded) check_round_trip(*loaded);
  else check_faults(loaded.error());
  return 0;
}
