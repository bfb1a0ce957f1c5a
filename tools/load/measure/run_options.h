// The options of `ringgate-load run`, and a check of them.
//
// Plain values; commands.cc reads them from the command line. Invariant: options without a fault can run, unless the machine or
// the server refuses.
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
  std::uint32_t in_flight = 1;  // closed loop: units under way on each connection
  std::size_t size = 20;        // bytes of payload in a message
  PayloadKind payload = PayloadKind::binary;
  std::uint32_t fragments = 1;
  std::size_t run_bytes = 0;  // a unit is a run of as many whole frames as fit this size; 0: one message
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

/// The first fault as a sentence in the words of the command line; nothing if there is none.
std::optional<std::string> fault_in(const RunOptions& options);

/// Messages of one unit: as many whole frames as fit run_bytes, 0 if not even one fits; without run_bytes 1.
std::size_t messages_per_unit(const RunOptions& options);

}  // namespace ringgate::measure
