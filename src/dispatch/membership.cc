// The groups of devices: which they join when they connect, and by order of a backend. Part of DeviceSession; group_index.h keeps them.
//
// A device joins the groups of its route, of its credential, and those that a backend gave it for good. A group of a credential whose name
// is_valid_group_name does not allow is shown, and counts for tokens that are restricted to it, but nobody is in it.
#include <algorithm>

#include "dispatch/device_session.h"

namespace ringgate::dispatch {

/// Over a ceiling a device connects without the group, and is counted: groups are no reason to be offline.
void DeviceSession::join_group(std::uint32_t slot, std::string_view group) {
  if (is_valid_group_name(group) && groups_.join(slot, group) == GroupIndex::Joined::no_room)
    counters_.group_joins_refused.add(1);
}

/// Before the device has its id.
void DeviceSession::join_groups(const conn::Connection& connection, const admission::Admission& admission) {
  const std::vector<std::string>& of_route = settings_.config.routes[admission.route_index].groups;
  const bool has_claims = admission.grant && !admission.grant->groups.empty();
  if (of_route.empty() && !has_claims) return;
  const std::uint32_t slot = transport_.table().slot_of(connection);
  for (const std::string& group : of_route) join_group(slot, group);
  if (has_claims)
    for (const std::string& group : admission.grant->groups) join_group(slot, group);
  note_memberships();
}

/// Once the device has its id: see StickyGroups::add.
void DeviceSession::join_sticky_groups(const conn::Connection& connection, device::IdKey key) {
  const std::vector<std::string> sticky = gate_.sticky_groups.of(key);
  if (sticky.empty()) return;
  for (const std::string& group : sticky) join_group(transport_.table().slot_of(connection), group);
  note_memberships();
}

CloseOutcome DeviceSession::change_group(conn::Connection& connection, const GroupChange& change) {
  if (record_of(connection).phase != Phase::open || !connection.is_live()) return CloseOutcome::unknown_device;
  const std::uint32_t slot = transport_.table().slot_of(connection);
  if (change.kind == GroupChange::Kind::join) {
    if (groups_.join(slot, change.group) == GroupIndex::Joined::no_room) return CloseOutcome::no_room;
  } else {
    (void)groups_.leave(slot, change.group);
    if (LiveCredential* const credential = credentials_.find(slot)) std::erase(credential->groups, change.group);
  }
  note_memberships();
  return CloseOutcome::closed;
}

bool DeviceSession::is_selected(const conn::Connection& connection, const Selection& selection) const {
  const DeviceRecord& record = record_of(connection);
  if (selection.is_nobody() || !record.id.view().starts_with(selection.prefix())) return false;
  if (!selection.route().empty() && settings_.mounts[record.route_index].path != selection.route()) return false;
  if (selection.groups().empty()) return true;
  const std::uint32_t slot = transport_.table().slot_of(connection);
  const LiveCredential* const credential = credentials_.find(slot);
  return std::ranges::all_of(selection.groups(), [&](const std::string& group) {
    return groups_.is_member(slot, group) ||
           (credential != nullptr && std::ranges::find(credential->groups, group) != credential->groups.end());
  });
}

/// Those that it has joined, then those of its credential that nobody can join.
std::vector<std::string> DeviceSession::groups_of(const conn::Connection& connection) {
  const std::uint32_t slot = transport_.table().slot_of(connection);
  std::vector<std::string> all;
  for (const std::string_view group : groups_.groups_of(slot)) all.emplace_back(group);
  if (const LiveCredential* const credential = credentials_.find(slot))
    for (const std::string& group : credential->groups)
      if (std::ranges::find(all, group) == all.end()) all.push_back(group);
  return all;
}

}  // namespace ringgate::dispatch
