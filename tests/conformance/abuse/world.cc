#include "world.h"

#include <algorithm>

#include "support/source_root.h"

namespace ringgate::abuse {

std::vector<std::string> with_own_settings(std::vector<std::string> settings) {
  constexpr std::string_view here = "=here:";
  for (std::string& one : settings)
    if (const std::size_t at = one.find(here); at != std::string::npos)
      one = one.substr(0, at + 1) + source_file("tests/conformance/abuse/credentials/" + one.substr(at + here.size()));
  for (const std::string own : {"device.allowed_hosts=h,gate", "admin.allowed_hosts=h", "limits.flap_connects=off"}) {
    const std::string_view key = std::string_view(own).substr(0, own.find('=') + 1);
    if (std::ranges::none_of(settings, [&](const std::string& one) { return one.starts_with(key); })) settings.push_back(own);
  }
  return settings;
}

}  // namespace ringgate::abuse
