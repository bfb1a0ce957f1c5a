// The check of Origin (RFC 6454, RFC 6455 section 10.2): web pages of other sites must not connect through a visitor's browser.
//
// It does not authenticate: devices that are not browsers send no Origin and pass. Pure functions; any thread.
#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "admission/rejection.h"
#include "http/request_head.h"
#include "ringgate/config.h"

namespace ringgate::admission {

struct OriginRule {
  OriginPolicy policy = OriginPolicy::same_host;
  // Whole origins: `https://host[:port]`, `null`, `file://`. Borrowed from the configuration.
  std::span<const std::string_view> allowed;
};

/// Compares scheme, host and port. Ignores case, and the default port of the scheme equals no port; nothing else is normalised.
/// Errors: origin_repeated, origin_forbidden.
std::expected<void, Rejection> check_origin(const http::RequestView& request, const OriginRule& rule);

}  // namespace ringgate::admission
