// The end of a credential: a moment in Unix seconds, as text and read from text. Pure; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate::auth {

/// The credential does not end.
inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

/// The last moment that can be written: the end of the year 9999.
inline constexpr std::int64_t latest_expiry = 253'402'300'799;

/// Reads RFC 3339 in UTC and whole seconds (`2027-01-31T12:00:00Z`), or Unix seconds without a sign. nullopt for anything else: other
/// zones, fractions, dates that the calendar does not have, years beyond 9999.
std::optional<std::int64_t> parse_expiry(std::string_view text);

/// Unix seconds, at most `latest_expiry`: digits only, none of them superfluous.
std::optional<std::int64_t> parse_unix_seconds(std::string_view text);

/// What people write: `parse_expiry`, or a time from `now` as a number and one of s, m, h, d (`30d`), or `never`. nullopt for anything
/// else, and for a moment that is not behind `now`.
std::optional<std::int64_t> parse_lifetime(std::string_view text, std::int64_t now);

/// As RFC 3339 in UTC; `moment` is from 0 to `latest_expiry`.
std::string print_expiry(std::int64_t moment);

}  // namespace ringgate::auth
