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

std::expected<std::unique_ptr<load::TlsContext>, std::string> open_tls(const CommonOptions& options, load::TlsBuffers buffers) {
  if (!options.is_tls) return nullptr;
  return load::TlsContext::open(buffers);
}

load::DeviceTarget device_target_of(const CommonOptions& options, load::TlsContext* tls) {
  load::DeviceTarget target;
  target.gate = *load::parse_endpoint(options.target);
  target.path = options.path;
  target.stream.tls = tls;
  target.stream.resumes_tls = options.resumes_tls;
  return target;
}

std::string text_of_ending(const load::Ending& ending) {
  if (!ending.fault.empty()) return ending.fault;
  if (ending.code == CloseCode::abnormal) return "TCP ended without a Close frame";
  return fmt::format("closed with {} {}", static_cast<int>(ending.code), ending.reason);
}

}  // namespace ringgate::measure
