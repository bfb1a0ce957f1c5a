// Which connection has a device id: a handshake registers one, the end of a connection gives the id up. Part of DeviceSession.
//
// An id has an owner in the device map, the newest connection, and companions if its route allows several at once (decision 0025).
#include <algorithm>
#include <utility>

#include "dispatch/device_session.h"
#include "dispatch/elsewhere.h"

namespace ringgate::dispatch {

using admission::Rejection;

/// Makes the connection the owner of its id. Returns those that it replaces, which must be told. Without memory nothing has changed: what
/// the answer needs is there before the map changes.
std::expected<std::vector<device::ConnectionRef>, Rejection> DeviceSession::register_id(const conn::Connection& connection,
                                                                                        device::IdKey key,
                                                                                        const RouteConfig& route) {
  if (route.duplicate == DuplicatePolicy::allow) gate_.companions.use();
  if (gate_.companions.is_used()) return register_beside_companions(connection, key, route);
  const bool keeps = route.duplicate == DuplicatePolicy::reject;
  std::vector<device::ConnectionRef> replaced;
  replaced.reserve(1);
  const auto other =
      gate_.map.of(shard_index_).attach(key, ref_of(connection), keeps ? device::IfOwned::keep : device::IfOwned::replace);
  if (!other) return std::unexpected(Rejection::connection_limit);
  if (!*other) return {};
  if (keeps) return std::unexpected(Rejection::device_online);
  replaced.push_back(**other);
  // Another shard may have begun to use companions meanwhile.
  if (gate_.companions.is_used()) {
    auto companions = gate_.companions.lock(key);
    for (const device::ConnectionRef companion : companions.take_all()) {
      if (companion == ref_of(connection)) companions.add(companion);  // of a connection that is newer still
      else replaced.push_back(companion);
    }
  }
  return std::expected<std::vector<device::ConnectionRef>, Rejection>(std::move(replaced));  // never a copy
}

std::expected<std::vector<device::ConnectionRef>, Rejection> DeviceSession::register_beside_companions(
    const conn::Connection& connection, device::IdKey key, const RouteConfig& route) {
  const device::DeviceMap::Shard map = gate_.map.of(shard_index_);
  auto companions = gate_.companions.lock(key);
  const bool is_online = map.find(key).has_value();
  if (is_online && route.duplicate == DuplicatePolicy::reject) return std::unexpected(Rejection::device_online);
  if (is_online && route.duplicate == DuplicatePolicy::allow && companions.count() + 1 >= route.connections_max)
    return std::unexpected(Rejection::device_connections);
  std::vector<device::ConnectionRef> replaced;
  replaced.reserve(companions.count() + 1);
  if (route.duplicate == DuplicatePolicy::allow) companions.reserve_one();
  const auto other = gate_.map.of(shard_index_).attach(key, ref_of(connection));
  if (!other) return std::unexpected(Rejection::connection_limit);
  if (!*other) return {};
  if (route.duplicate == DuplicatePolicy::allow) {
    companions.add(**other);
    return {};
  }
  const std::vector<device::ConnectionRef> all = companions.take_all();
  replaced.insert(replaced.end(), all.begin(), all.end());
  replaced.push_back(**other);
  return std::expected<std::vector<device::ConnectionRef>, Rejection>(std::move(replaced));  // never a copy
}

/// Gives a connection that registers an epoch. Costs memory only once an observer needs epochs.
void DeviceSession::issue_epoch(const conn::Connection& connection) {
  if (epochs_.empty() && elsewhere_ == nullptr && !observers_.hear_all()) return;
  const std::uint32_t slot = transport_.table().slot_of(connection);
  if (slot >= epochs_.size()) epochs_.resize(std::size_t{slot} + 1);
  epochs_[slot] = gate_.epochs.issue(connection.opened_ms, transport_.now_ms());
}

/// A connection that registered when nobody needed epochs has that of the moment at which it was opened.
std::uint64_t DeviceSession::epoch_of(const conn::Connection& connection) const {
  const std::uint32_t slot = transport_.table().slot_of(connection);
  return gate_.epochs.epoch_of(connection.opened_ms, slot < epochs_.size() ? epochs_[slot] : 0);
}

/// The id leaves the map when closing starts: from now on a push is refused instead of lost.
void DeviceSession::leave_map(conn::Connection& connection) {
  if ((connection.session_flags & DeviceFlags::in_map) == 0) return;
  connection.session_flags &= static_cast<std::uint8_t>(~DeviceFlags::in_map);
  end_pushes(connection);
  const std::string_view id = record_of(connection).id.view();
  if (elsewhere_ != nullptr) elsewhere_->released(id, to_public(ref_of(connection)));
  const device::IdKey key = gate_.hash(id);
  const device::ConnectionRef mine = ref_of(connection);
  device::DeviceMap::Shard map = gate_.map.of(shard_index_);
  if (!gate_.companions.is_used()) {
    if (map.detach(key, mine) || !gate_.companions.is_used()) return;
    // Another connection owns the id, and made this one a companion: another shard has begun to use them meanwhile.
  }
  auto companions = gate_.companions.lock(key);
  if (companions.erase(mine)) return;
  if (map.find(key) != mine) return;  // replaced
  // The newest companion becomes the owner, without a moment in which the id has none.
  if (const auto heir = companions.take_newest()) (void)map.attach(key, *heir);
  else (void)map.detach(key, mine);
}

}  // namespace ringgate::dispatch
