// The value of the Date field (RFC 9110 sections 5.6.7 and 6.6.1), made once a second.
//
// One per writer of answers; owner shard. It reads no clock: the caller says what time it is.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ringgate::http {

class DateField {
 public:
  /// `unix_seconds` as an IMF-fixdate, such as "Sun, 06 Nov 1994 08:49:37 GMT". Valid until the next call.
  std::string_view at(std::int64_t unix_seconds);

 private:
  std::int64_t seconds_ = -1;  // what `text_` says
  std::array<char, 29> text_{};
};

}  // namespace ringgate::http
