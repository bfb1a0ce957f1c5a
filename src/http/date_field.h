// The value of the Date field (RFC 9110 sections 5.6.7 and 6.6.1), formatted once a second.
//
// One per writer of responses; owner shard. It reads no clock: the caller passes the time.
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
  std::int64_t seconds_ = -1;  // the time in `text_`
  std::array<char, 29> text_{};
};

}  // namespace ringgate::http
