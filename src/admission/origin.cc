#include "admission/origin.h"

#include <algorithm>

#include "http/byte_class.h"

namespace ringgate::admission {
namespace {

/// Authority of a serialised origin, `scheme "://" authority`; empty for anything else, `null` among it.
std::string_view authority_of(std::string_view origin) {
  const std::size_t colon = origin.find("://");
  return colon == std::string_view::npos || colon == 0 ? std::string_view{} : origin.substr(colon + 3);
}

bool is_permitted(std::string_view origin, const http::RequestView& request, const OriginRule& rule) {
  switch (rule.policy) {
    case OriginPolicy::same_host: {
      const std::string_view authority = authority_of(origin);
      return !authority.empty() && http::equals_ignoring_case(authority, request.authority());
    }
    case OriginPolicy::list:
      return std::ranges::any_of(rule.allowed, [origin](std::string_view allowed) {
        return http::equals_ignoring_case(origin, allowed);
      });
    case OriginPolicy::off:
      return true;
  }
  return false;
}

}  // namespace

std::expected<void, http::Rejection> check_origin(const http::RequestView& request, const OriginRule& rule) {
  const auto origin = request.field("Origin");
  if (!origin) return {};
  if (request.count_fields("Origin") > 1) return std::unexpected{http::Rejection::origin_repeated};
  if (!is_permitted(*origin, request, rule)) return std::unexpected{http::Rejection::origin_forbidden};
  return {};
}

}  // namespace ringgate::admission
