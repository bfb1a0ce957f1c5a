// The description of the admin API that the binary carries: docs/openapi.yaml, byte for byte.
#pragma once

#include <string_view>

namespace ringgate::admin {

inline constexpr std::string_view openapi_content_type = "application/yaml";  // RFC 9512

std::string_view openapi_text();

}  // namespace ringgate::admin
