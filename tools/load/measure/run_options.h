// What `ringgate-load run` is asked to do, and whether that makes sense.
//
// Plain values; reading them from the command line is commands.cc's business. Invariant: what `fault_in`
// passes can be run, unless the machine or the server says no.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "load/measure/common_options.h"

namespace ringgate::measure {

enum class Protocol : std::uint8_t { websocket, raw };
enum class PayloadKind : std::uint8_t { binary, ascii, utf8, json };

const char* name_of(Protocol protocol);
const char* name_of(PayloadKind kind);

struct RunOptions : CommonOptions {
  Protocol protocol = Protocol::websocket;
  std::uint32_t in_flight = 1;  // units a connection has under way in the closed loop
  std::size_t size = 20;        // bytes of payload in a message
  PayloadKind payload = PayloadKind::binary;
  std::uint32_t fragments = 1;
  std::size_t run_bytes = 0;  // a unit is a run of whole frames within so many bytes; 0: one message
  bool is_deflated = false;
  double rate = 0;  // units per second over all connections; 0: closed loop
  std::string percentiles_file;
};

inline constexpr std::uint32_t in_flight_max = 4'096;
inline constexpr std::size_t size_max = std::size_t{16} << 20;
inline constexpr std::size_t run_bytes_max = std::size_t{1} << 20;
inline constexpr std::uint32_t fragments_max = 4'096;
inline constexpr double rate_max = 50e6;
inline constexpr std::size_t json_size_min = 17;  // {"id":"AAAAAAAA"}

/// One sentence about what is wrong, in the words of the command line; nothing when all is well.
std::optional<std::string> fault_in(const RunOptions& options);

/// Frames of one unit: as many whole ones as fit in run_bytes, otherwise one. 0 when not even one fits.
std::size_t messages_per_unit(const RunOptions& options);

}  // namespace ringgate::measure
