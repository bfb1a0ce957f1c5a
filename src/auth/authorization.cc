#include "auth/authorization.h"

#include <algorithm>

#include "auth/text_coding.h"
#include "http/byte_class.h"

namespace ringgate::auth {

std::expected<Authorization, Fault> split_authorization(std::string_view value) {
  const std::size_t end = std::min(value.find(' '), value.size());
  const std::string_view scheme = value.substr(0, end);
  std::string_view credential = value.substr(end);
  while (credential.starts_with(' ')) credential.remove_prefix(1);
  if (!http::is_token(scheme) || !is_token68(credential)) return std::unexpected(Fault::authorization_malformed);
  return Authorization{scheme, credential};
}

std::expected<std::string_view, Fault> bearer_token(std::string_view value) {
  const auto split = split_authorization(value);
  if (!split) return std::unexpected(split.error());
  if (!http::equals_ignoring_case(split->scheme, "Bearer")) return std::unexpected(Fault::scheme_other);
  return split->credential;
}

}  // namespace ringgate::auth
