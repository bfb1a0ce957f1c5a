// Times of certificates as Unix time, and as text. Any thread.
#pragma once

#include <openssl/asn1.h>

#include <cstdint>
#include <ctime>
#include <string>

namespace ringgate::tls {

/// Seconds since 1970; 0 for a time that is none.
inline std::int64_t unix_time_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

/// Such as "2026-11-30 12:00:00 UTC".
inline std::string date_of(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts));
  return text;
}

}  // namespace ringgate::tls
