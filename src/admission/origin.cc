#include "admission/origin.h"

#include <algorithm>

#include "http/byte_class.h"
#include "http/uri.h"

namespace ringgate::admission {
namespace {

/// The authority of a serialised origin, `scheme "://" authority`; empty for anything else, such as `null`.
std::string_view authority_of(std::string_view origin) {
  const std::size_t scheme_chars = http::scheme_of(origin).size();
  return scheme_chars == 0 ? std::string_view{} : origin.substr(scheme_chars + 3);
}

bool is_same_origin(std::string_view a, std::string_view b) {
  const std::string_view scheme = http::scheme_of(a);
  if (authority_of(a).empty() || authority_of(b).empty()) return http::equals_ignoring_case(a, b);  // `null`, `file://`
  return http::equals_ignoring_case(scheme, http::scheme_of(b)) && http::same_authority(authority_of(a), authority_of(b), scheme);
}

bool is_permitted(std::string_view origin, const http::RequestView& request, const OriginRule& rule) {
  switch (rule.policy) {
    case OriginPolicy::same_host: {
      const std::string_view authority = authority_of(origin);
      return !authority.empty() && http::same_authority(authority, request.authority(), http::scheme_of(origin));
    }
    case OriginPolicy::list:
      return std::ranges::any_of(rule.allowed, [origin](std::string_view allowed) { return is_same_origin(origin, allowed); });
    case OriginPolicy::off: return true;
  }
  return false;
}

}  // namespace

std::expected<void, Rejection> check_origin(const http::RequestView& request, const OriginRule& rule) {
  const std::size_t index = request.find_field("Origin");
  if (index == request.fields_count()) return {};
  if (request.find_field("Origin", index + 1) < request.fields_count()) return std::unexpected{Rejection::origin_repeated};
  if (!is_permitted(request.field_value(index), request, rule)) return std::unexpected{Rejection::origin_forbidden};
  return {};
}

}  // namespace ringgate::admission
