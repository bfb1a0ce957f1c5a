#include "load/measure/run_options.h"

#include <fmt/format.h>

#include "load/measure/wire_size.h"

namespace ringgate::measure {
namespace {

std::optional<std::string> fault_in_shape(const RunOptions& options) {
  if (!is_within<std::size_t>(options.size, 0, size_max)) return fmt::format("--size must be at most {}", size_max);
  if (!is_within<std::uint32_t>(options.fragments, 1, fragments_max))
    return fmt::format("--fragments must be from 1 to {}", fragments_max);
  if (options.payload == PayloadKind::json && options.size < json_size_min)
    return fmt::format("--payload json needs a --size of at least {}", json_size_min);
  if (options.run_bytes > run_bytes_max) return fmt::format("--run-bytes must be at most {}", run_bytes_max);
  if (options.run_bytes != 0 && options.fragments != 1) return "--run-bytes and --fragments exclude each other";
  if (options.run_bytes != 0 && messages_per_unit(options) == 0)
    return fmt::format("--run-bytes {} holds no frame of {} bytes ({} with its header)", options.run_bytes, options.size,
                       client_frame_bytes(options.size));
  if (options.is_deflated && (options.run_bytes != 0 || options.fragments != 1))
    return "--deflate excludes --run-bytes and --fragments";
  return std::nullopt;
}

std::optional<std::string> fault_in_raw(const RunOptions& options) {
  if (options.protocol != Protocol::raw) return std::nullopt;
  if (options.fragments != 1 || options.is_deflated) return "--protocol raw excludes --fragments and --deflate";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> fault_in(const RunOptions& options) {
  if (auto fault = fault_in_common(options)) return fault;
  if (!is_within<std::uint32_t>(options.in_flight, 1, in_flight_max))
    return fmt::format("--in-flight must be from 1 to {}", in_flight_max);
  if (!is_within(options.rate, 0.0, rate_max)) return fmt::format("--rate must be at most {:.0f} per second", rate_max);
  if (auto fault = fault_in_shape(options)) return fault;
  return fault_in_raw(options);
}

std::size_t messages_per_unit(const RunOptions& options) {
  return options.run_bytes == 0 ? 1 : options.run_bytes / client_frame_bytes(options.size);
}

const char* name_of(Protocol protocol) { return protocol == Protocol::raw ? "raw" : "websocket"; }

const char* name_of(PayloadKind kind) {
  switch (kind) {
    case PayloadKind::binary: return "binary";
    case PayloadKind::ascii: return "ascii";
    case PayloadKind::utf8: return "utf8";
    case PayloadKind::json: return "json";
  }
  return "?";
}

}  // namespace ringgate::measure
