#include <fmt/format.h>

#include "load/endpoint.h"
#include "load/measure/pushes.h"
#include "load/numbered_payload.h"

namespace ringgate::measure {

const char* name_of(PushMode mode) {
  switch (mode) {
    case PushMode::one: return "one";
    case PushMode::many: return "many";
    case PushMode::broadcast: return "broadcast";
  }
  return "?";
}

std::optional<std::string> fault_in(const PushOptions& options) {
  if (options.connections < 1 || options.connections > connections_max)
    return fmt::format("--devices must be from 1 to {}", connections_max);
  if (auto fault = fault_in_common(options)) return fault;
  if (!load::parse_endpoint(options.admin))
    return fmt::format("--admin \"{}\" is not an IPv4 address and port such as 127.0.0.1:8081", options.admin);
  if (!is_within<std::uint32_t>(options.pipeline, 1, pipeline_max))
    return fmt::format("--pipeline must be from 1 to {}", pipeline_max);
  if (!is_within<std::uint32_t>(options.lines, 1, lines_max)) return fmt::format("--lines must be from 1 to {}", lines_max);
  if (!is_within(options.size, load::numbered_payload_bytes_min, push_size_max))
    return fmt::format("--size must be from {} to {}", load::numbered_payload_bytes_min, push_size_max);
  return std::nullopt;
}

}  // namespace ringgate::measure
