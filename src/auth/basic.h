// The Basic credential of an Authorization field (RFC 7617), decoded. Passwords are bytes: a charge point of OCPP 1.6 has 20 of any value.
// Whether user and password are right is password_file.h. Pure; any thread; does not allocate.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

#include "auth/fault.h"
#include "base/limits.h"
#include "ringgate/bytes.h"

namespace ringgate::auth {

/// User and password, wiped when they go.
class BasicCredential {
 public:
  BasicCredential() = default;
  ~BasicCredential();
  BasicCredential(const BasicCredential&) = delete;
  BasicCredential& operator=(const BasicCredential&) = delete;

  /// Bytes of any value but a colon; borrow this object.
  std::string_view user() const { return text_of(ByteView(bytes_).first(user_bytes_)); }
  /// Bytes of any value; borrow this object.
  ByteView password() const { return ByteView(bytes_).subspan(user_bytes_ + 1, password_bytes_); }

 private:
  friend std::expected<void, Fault> parse_basic(std::string_view value, BasicCredential& result);

  // USER:PASSWORD
  std::array<std::uint8_t, limits::credential_name_bytes_max + 1 + limits::password_bytes_max> bytes_;
  std::size_t user_bytes_ = 0;
  std::size_t password_bytes_ = 0;
};

/// Reads `Basic BASE64`, the scheme in any case, into `result`. Splits at the first colon; either side may be empty. scheme_other,
/// authorization_malformed, basic_*; then `result` means nothing.
std::expected<void, Fault> parse_basic(std::string_view value, BasicCredential& result);

}  // namespace ringgate::auth
