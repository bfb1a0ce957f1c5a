#include "load/measure/scenario_loop.h"

#include <fmt/format.h>

#include "load/measure/dial.h"
#include "load/measure/processor_time.h"

namespace ringgate::measure {

std::expected<std::unique_ptr<load::Loop>, std::string> open_loop(const CommonOptions& options, unsigned sockets) {
  if (options.cpu >= 0 && !pin_thread(options.cpu))
    return std::unexpected(fmt::format("cannot run on processor {}", options.cpu));
  raise_descriptor_limit();
  load::LoopOptions loop;
  loop.seed = options.seed;
  loop.ring.sockets_max = sockets;
  loop.source_addresses = 200;
  return load::Loop::open(loop);
}

load::DeviceTarget device_target_of(const CommonOptions& options) {
  load::DeviceTarget target;
  target.gate = *load::parse_endpoint(options.target);
  target.path = options.path;
  return target;
}

std::string text_of_ending(const load::Ending& ending) {
  if (!ending.fault.empty()) return ending.fault;
  if (ending.code == CloseCode::abnormal) return "TCP ended without a Close frame";
  return fmt::format("closed with {} {}", static_cast<int>(ending.code), ending.reason);
}

}  // namespace ringgate::measure
