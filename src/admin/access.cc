#include "admin/access.h"

#include <algorithm>

namespace ringgate::admin {

bool Caller::covers(const dispatch::DeviceInfo& device) const {
  if (!covers_id(device.device_id)) return false;
  if (!route.empty() && device.path != route) return false;
  return group.empty() || std::ranges::find(device.groups, group) != device.groups.end();
}

std::expected<Caller, auth::Fault> AccessTable::find(std::string_view token, std::int64_t now) const {
  auth::Fault fault = auth::Fault::token_unknown;
  for (const auto& file : files_) {
    const auto found = file->find(token, now);
    if (found) {
      return Caller{.name = std::string(found->name),
                    .scopes = found->scopes,
                    .prefix = std::string(found->prefix),
                    .group = std::string(found->group),
                    .route = std::string(found->route)};
    }
    if (found.error() != auth::Fault::token_unknown) fault = found.error();
  }
  return std::unexpected(fault);
}

}  // namespace ringgate::admin
