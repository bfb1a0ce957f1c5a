#include "http/date_field.h"

#include <cstdio>
#include <cstring>
#include <ctime>

namespace ringgate::http {

// Not strftime, which follows the locale of an embedding program.
std::string_view DateField::at(std::int64_t unix_seconds) {
  static constexpr std::string_view days = "SunMonTueWedThuFriSat";
  static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (unix_seconds != seconds_) {
    seconds_ = unix_seconds;
    const std::time_t time = unix_seconds;
    std::tm t{};
    gmtime_r(&time, &t);
    const std::string_view day = days.substr(static_cast<std::size_t>(t.tm_wday) * 3, 3);
    const std::string_view month = months.substr(static_cast<std::size_t>(t.tm_mon) * 3, 3);
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", day.data(), t.tm_mday, month.data(),
                  (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min, t.tm_sec);
    std::memcpy(text_.data(), text.data(), text_.size());
  }
  return {text_.data(), text_.size()};
}

}  // namespace ringgate::http
