#include "auth/basic.h"

#include <algorithm>

#include "auth/authorization.h"
#include "auth/secret_file.h"
#include "auth/text_coding.h"
#include "http/byte_class.h"

namespace ringgate::auth {

BasicCredential::~BasicCredential() { wipe(bytes_); }

std::expected<void, Fault> parse_basic(std::string_view value, BasicCredential& result) {
  const auto split = split_authorization(value);
  if (!split) return std::unexpected(split.error());
  if (!http::equals_ignoring_case(split->scheme, "Basic")) return std::unexpected(Fault::scheme_other);
  // What the buffer does not hold has a user or a password that is too long; which of them, is not worth decoding it.
  if (split->credential.size() > (result.bytes_.size() + 2) / 3 * 4) return std::unexpected(Fault::basic_password_too_long);
  const auto size = decode_base64(split->credential, Base64::standard, result.bytes_);
  if (!size) return std::unexpected(Fault::basic_encoding);
  const std::string_view decoded = text_of(ByteView(result.bytes_).first(*size));
  const std::size_t colon = decoded.find(':');
  if (std::min(colon, decoded.size()) > limits::credential_name_bytes_max) return std::unexpected(Fault::basic_user_too_long);
  if (colon == std::string_view::npos) return std::unexpected(Fault::basic_colon_missing);
  if (*size - colon - 1 > limits::password_bytes_max) return std::unexpected(Fault::basic_password_too_long);
  result.user_bytes_ = colon;
  result.password_bytes_ = *size - colon - 1;
  return {};
}

}  // namespace ringgate::auth
