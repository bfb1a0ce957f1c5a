// What the kernel knows of a connection, on demand. Part of Transport.
//
// It costs nothing while nobody asks. A question is an operation in flight, so its connection keeps its slot until the answer.
#include <utility>

#include "base/assert.h"
#include "conn/transport.h"

namespace ringgate::conn {

namespace {

LinkStatus status_of(ring::IoError error) {
  switch (error) {
    case ring::IoError::none: return LinkStatus::known;
    case ring::IoError::connection_ended: return LinkStatus::connection_ended;
    case ring::IoError::no_descriptors: return LinkStatus::no_descriptors;
    case ring::IoError::unsupported: return LinkStatus::unsupported;
    default: return LinkStatus::failed;
  }
}

}  // namespace

bool Transport::read_link(Connection& connection, LinkCallback on_read) {
  RINGGATE_ASSERT(link_status(connection) == LinkStatus::known);
  const std::uint32_t slot = table_.slot_of(connection);
  const auto [pending, is_new] = links_.try_emplace(slot);
  if (!is_new) return false;
  pending->second.on_read = std::move(on_read);
  ring_.link(slot, &pending->second.quality, token(ring::OperationKind::link, connection));
  begin_operation(connection);
  return true;
}

void Transport::on_link(const ring::Completion& completion) {
  Connection* const connection = table_.find(completion.token);
  const auto found = links_.find(completion.token.slot);
  if (connection == nullptr || found == links_.end()) return;
  PendingLink link = std::exchange(found->second, {});
  links_.erase(found);
  const bool is_open = connection->state == State::open;
  end_operation(*connection);
  LinkReading reading{.status = is_open ? status_of(completion.error) : LinkStatus::connection_ended};
  if (reading.status == LinkStatus::known) reading.quality = link.quality;
  link.on_read(reading);
}

}  // namespace ringgate::conn
