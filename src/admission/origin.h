// The check of Origin (RFC 6454, RFC 6455 section 10.2): keeps web pages of other sites from using a
// visitor's browser.
//
// Devices that are no browser send no Origin and pass. Pure functions; any thread.
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
  std::span<const std::string_view>
      allowed;  // whole origins, `https://host[:port]`, `null`, `file://`; borrowed from the configuration
};

/// Case is ignored, and the default port of the origin's scheme equals none; nothing else is normalised, so scheme, host and port must
/// all match. Errors: origin_repeated, origin_forbidden.
std::expected<void, Rejection> check_origin(const http::RequestView& request, const OriginRule& rule);

}  // namespace ringgate::admission
