// The deferred work of an enter: accepting, receiving into buffers, and sends that waited for room.
#include <algorithm>

#include "fake_ring/fake_backend.h"

namespace ringgate::ring {

namespace {

/// One ready operation.
struct Item {
  enum class Kind : std::uint8_t { wake, listener, receive, poll, send };
  Kind kind;
  std::uint32_t number = 0;  // of the listener or socket
};

}  // namespace

bool Ring::Backend::work_waits() const { return !submissions.empty() || !late.empty() || !held_back.empty() || input_waits(); }

bool Ring::Backend::input_waits() const {
  if (!completions.empty() || !overflow.empty()) return true;
  if (world.wake_waits(index)) return true;
  for (const Listener& listener : listeners)
    if (listener.armed && !listener.door->waiting.empty()) return true;
  return std::any_of(sockets.all().begin(), sockets.all().end(), [this](const auto& entry) {
    const FakeSocket& socket = entry.second;
    return socket.receive_ready(world.now()) || socket.poll_ready(world.now()) || socket.send_ready(world.now());
  });
}

void Ring::Backend::work(std::size_t items_max) {
  std::vector<Item> items;
  if (world.take_wake(index)) items.push_back({Item::Kind::wake});
  for (std::uint32_t i = 0; i < listeners.size(); ++i)
    if (listeners[i].armed && !listeners[i].door->waiting.empty()) items.push_back({Item::Kind::listener, i});
  const std::size_t fixed_count = items.size();
  for (const auto& [number, socket] : sockets.all()) {
    if (socket.receive_ready(world.now())) items.push_back({Item::Kind::receive, number});
    if (socket.poll_ready(world.now())) items.push_back({Item::Kind::poll, number});
    if (socket.send_ready(world.now())) items.push_back({Item::Kind::send, number});
  }
  // The kernel goes by the order of readiness; here sockets take turns, so that none is starved by the limit.
  const auto first_socket = items.begin() + static_cast<std::ptrdiff_t>(fixed_count);
  std::rotate(first_socket,
              std::find_if(first_socket, items.end(), [this](const Item& item) { return item.number > work_cursor; }),
              items.end());
  if (world.options().shuffle_completions) world.random().shuffle(std::span(items));
  if (items.size() > items_max) items.resize(items_max);

  for (const Item& item : items) {
    switch (item.kind) {
      case Item::Kind::wake: post({.token = {OperationKind::doorbell, 0, 0}}, false); break;
      case Item::Kind::listener: work_on_listener(item.number); break;
      case Item::Kind::receive:
        work_cursor = item.number;
        work_on_receive(sockets.at(item.number), Reading::normal);
        break;
      case Item::Kind::poll:
        work_cursor = item.number;
        work_on_poll(sockets.at(item.number));
        break;
      case Item::Kind::send:
        work_cursor = item.number;
        work_on_send(sockets.at(item.number));
        break;
    }
  }
}

void Ring::Backend::work_on_listener(std::uint32_t listener_index) {
  Listener& listener = listeners[listener_index];
  while (listener.armed && !listener.door->waiting.empty()) listener.armed = accept_once(listener, listener_index);
}

/// False: the accept has ended.
bool Ring::Backend::accept_once(Listener& listener, std::uint32_t listener_index) {
  const Token token{OperationKind::accept, listener_index, 0};
  if (world.options().accept_error != IoError::none) return post({.token = token, .error = world.options().accept_error}, false);
  auto& waiting = listener.door->waiting;
  if (world.next_operation_fails()) return post({.token = token, .error = world.options().failing_operation_error}, false);
  const auto socket = sockets.open(waiting.front());
  if (!socket) {
    if (features.direct_descriptors) {  // the kernel has accepted it by then, and drops it
      waiting.front()->close_by_gate(world.now());
      waiting.front()->deliver();
      waiting.pop_front();
    }
    return post({.token = token, .error = IoError::no_descriptors}, false);
  }
  waiting.pop_front();
  const bool goes_on = !listener.one_at_a_time && !world.chance(world.options().multishot_end_probability);
  return post({.token = token, .result = static_cast<std::int32_t>(*socket), .more = goes_on}, false);
}

void Ring::Backend::work_on_receive(FakeSocket& socket, Reading reading) {
  const std::uint32_t reads_max = std::max(1U, world.options().reads_per_enter_max);
  for (std::uint32_t reads = 0; reads < reads_max && socket.receive_ready(world.now()); ++reads)
    if (!read_once(socket, *socket.receive, reading, buffers)) socket.receive.reset();
}

/// False: the receive has ended.
bool Ring::Backend::read_once(FakeSocket& socket, Token token, Reading reading, FakeBuffers& from) {
  FakeConnection& connection = *socket.connection;
  Completion completion{.token = token};
  switch (connection.readable(world.now())) {
    case FakeConnection::Readable::nothing: return true;
    case FakeConnection::Readable::end: return post(completion);
    case FakeConnection::Readable::failed:
      connection.take_error();
      completion.error = IoError::connection_ended;
      return post(completion);
    case FakeConnection::Readable::bytes: break;
  }
  if (!from.available()) {
    ++counters.starved;
    completion.error = IoError::no_buffers;
    return post(completion);
  }
  const MutableBytes room = from.room();
  std::size_t count = std::min(room.size(), connection.readable_bytes(world.now()));
  if (world.chance(world.options().short_read_probability)) count = 1 + world.random().below(count);
  connection.read(room.first(count));
  world.trace().add(room.first(count));
  from.take(static_cast<std::uint32_t>(count), completion);
  completion.result = static_cast<std::int32_t>(count);
  completion.more =
      features.multishot_receive && reading == Reading::normal && !world.chance(world.options().multishot_end_probability);
  return post(completion);
}

void Ring::Backend::work_on_poll(FakeSocket& socket) {
  Completion completion{.token = *socket.poll, .result = 1};
  if (socket.poll->kind == OperationKind::hang_up && socket.connection->hang_up(world.now()) == FakeConnection::HangUp::gone)
    completion.error = IoError::connection_ended;
  socket.poll.reset();
  post(completion);
}

/// Takes what there is room for; the send completes with the first byte taken.
void Ring::Backend::work_on_send(FakeSocket& socket) {
  FakeConnection& connection = *socket.connection;
  const auto [token, pieces] = *socket.send;
  socket.send.reset();
  if (connection.send_fails(world.now())) return post_error(token, sending_error(connection));
  std::size_t taken = std::min(pieces.bytes(), connection.send_room());
  if (taken > 1 && world.chance(world.options().short_send_probability)) taken = 1 + world.random().below(taken - 1);
  const auto bytes = pieces.read(taken);  // read now, not when the send was asked for
  world.trace().add(bytes);
  connection.write(bytes, world.now());
  post({.token = token, .result = static_cast<std::int32_t>(taken)});
}

}  // namespace ringgate::ring
