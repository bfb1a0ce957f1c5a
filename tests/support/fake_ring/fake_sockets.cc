#include "fake_ring/fake_sockets.h"

#include <algorithm>

#include "base/assert.h"
#include "fake_ring/fake_world.h"

namespace ringgate::ring {

std::size_t FakePieces::bytes() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += pieces[i].size;
  return sum;
}

std::vector<std::uint8_t> FakePieces::read(std::size_t size) const {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(size);
  for (std::size_t i = 0; i < count && bytes.size() < size; ++i) {
    const std::size_t part = std::min(pieces[i].size, size - bytes.size());
    bytes.insert(bytes.end(), pieces[i].data, pieces[i].data + part);
  }
  return bytes;
}

bool FakeSocket::receive_ready(TimeNs now) const {
  return receive && connection->readable(now) != FakeConnection::Readable::nothing;
}

bool FakeSocket::poll_ready(TimeNs now) const {
  if (!poll) return false;
  if (poll->kind == OperationKind::hang_up) return connection->hang_up(now) != FakeConnection::HangUp::none;
  return connection->readable(now) != FakeConnection::Readable::nothing;
}

bool FakeSocket::send_ready(TimeNs now) const { return send && (connection->send_room() > 0 || connection->send_fails(now)); }

std::optional<Socket> FakeSocketTable::take_direct_slot() {
  const auto size = static_cast<Socket>(used_.size());
  const Socket first = world_.options().slot_order == SlotOrder::as_kernel ? hint_ : 0;
  for (Socket i = 0; i < size; ++i) {
    const Socket slot = (first + i) % size;
    if (used_[slot]) continue;
    used_[slot] = true;
    hint_ = slot + 1;
    return slot;
  }
  return std::nullopt;
}

std::optional<Socket> FakeSocketTable::open(std::shared_ptr<FakeConnection> connection) {
  const auto socket = direct_ ? take_direct_slot() : world_.open_process_descriptor();
  if (socket) sockets_[*socket].connection = std::move(connection);
  return socket;
}

void FakeSocketTable::close(Socket socket) {
  RINGGATE_ASSERT(sockets_.erase(socket) == 1);
  if (direct_) {
    used_[socket] = false;
    hint_ = socket;
  } else {
    world_.close_process_descriptor(socket);
  }
}

FakeSocket& FakeSocketTable::at(Socket socket) {
  const auto found = sockets_.find(socket);
  RINGGATE_ASSERT(found != sockets_.end());
  return found->second;
}

}  // namespace ringgate::ring
