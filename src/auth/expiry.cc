#include "auth/expiry.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>

#include "http/byte_class.h"

namespace ringgate::auth {
namespace {

constexpr std::string_view shape = "dddd-dd-ddTdd:dd:ddZ";

bool has_shape(std::string_view text) {
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 'd' ? !http::is_digit(static_cast<std::uint8_t>(text[i])) : text[i] != shape[i]) return false;
  }
  return true;
}

unsigned number_at(std::string_view text, std::size_t at, std::size_t digits) {
  unsigned value = 0;
  for (const char c : text.substr(at, digits)) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_unix_seconds(std::string_view text) {
  constexpr std::size_t digits_max = 12;  // of latest_expiry
  if (text.empty() || text.size() > digits_max || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (!http::is_digit(static_cast<std::uint8_t>(c))) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value <= latest_expiry ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> parse_expiry(std::string_view text) {
  using namespace std::chrono;
  if (!has_shape(text)) return parse_unix_seconds(text);
  const year_month_day day{year(static_cast<int>(number_at(text, 0, 4))), month(number_at(text, 5, 2)),
                           std::chrono::day(number_at(text, 8, 2))};
  const unsigned hour = number_at(text, 11, 2);
  const unsigned minute = number_at(text, 14, 2);
  const unsigned second = number_at(text, 17, 2);
  if (!day.ok() || day.year() < year(1970) || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return duration_cast<seconds>(sys_days(day).time_since_epoch()).count() + hour * 3600 + minute * 60 + second;
}

std::optional<std::int64_t> parse_lifetime(std::string_view text, std::int64_t now) {
  if (text == "never") return never;
  constexpr std::string_view units = "smhd";
  constexpr std::array<std::int64_t, units.size()> seconds_of{1, 60, 3600, 86400};
  const std::size_t unit = text.empty() ? std::string_view::npos : units.find(text.back());
  std::optional<std::int64_t> end;
  if (unit == std::string_view::npos) {
    end = parse_expiry(text);
  } else if (const auto count = parse_unix_seconds(text.substr(0, text.size() - 1))) {  // far from overflow
    end = now + *count * seconds_of[unit];
  }
  return end && *end > now && *end <= latest_expiry ? end : std::nullopt;
}

std::string print_expiry(std::int64_t moment) {
  using namespace std::chrono;
  const sys_seconds time{seconds(moment)};
  const sys_days date = floor<days>(time);
  const year_month_day day(date);
  const hh_mm_ss clock(time - date);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace ringgate::auth
