// Durations in a query string: digits and a unit, as in `500ms`, `5s` or `1m`. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "admin/query_number.h"
#include "base/time.h"
#include "http/uri.h"

namespace ringgate::admin {

struct DurationRange {
  DurationNs lowest;
  DurationNs highest;
  DurationNs otherwise;  // if the parameter is absent
};

/// The parameter `name`; nullopt if it is anything else than one duration of the range.
inline std::optional<DurationNs> query_duration(std::string_view query, std::string_view name, const DurationRange& range) {
  const http::QueryParameter parameter = http::query_parameter(query, name);
  if (parameter.presence == http::QueryParameter::Presence::absent) return range.otherwise;
  if (parameter.presence == http::QueryParameter::Presence::conflicting) return std::nullopt;
  const std::size_t digits = std::min(parameter.value.find_first_not_of("0123456789"), parameter.value.size());
  const std::string_view unit = parameter.value.substr(digits);
  const DurationNs of_unit = unit == "ms"  ? nanoseconds_per_millisecond
                             : unit == "s" ? nanoseconds_per_second
                             : unit == "m" ? 60 * nanoseconds_per_second
                                           : 0;
  const auto number = parse_number(parameter.value.substr(0, digits));
  if (!number || of_unit == 0 || *number > range.highest / of_unit || *number * of_unit < range.lowest) return std::nullopt;
  return *number * of_unit;
}

}  // namespace ringgate::admin
