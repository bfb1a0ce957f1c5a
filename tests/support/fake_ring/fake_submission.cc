// What the kernel does with a submission at the moment it takes it.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "fake_ring/fake_backend.h"

namespace ringgate::ring {

void Ring::Backend::queue(const FakeSubmission& submission) {
  // A full submission queue is handed over at once, in the middle of a turn, as the kernel backend does.
  if (submissions.size() >= options.submission_entries) (void)enter({});
  submissions.push_back(submission);
  ++counters.submissions;
}

void Ring::Backend::run(const FakeSubmission& submission) {
  world.trace().add(submission.token.pack());
  switch (submission.kind) {
    case OperationKind::accept: listeners[submission.socket].armed = listeners[submission.socket].door != nullptr; return;
    case OperationKind::receive: return run_receive_arm(submission);
    case OperationKind::receive_now: return run_receive_now(submission);
    case OperationKind::readable:
    case OperationKind::hang_up: return run_poll(submission);
    case OperationKind::send: return run_send(submission);
    case OperationKind::shutdown: return run_shutdown(submission);
    case OperationKind::cancel: return submission.of_listener ? run_cancel_accept(submission) : run_cancel(submission);
    case OperationKind::close: return run_close(submission);
    case OperationKind::peer_name: return run_peer_name(submission);
    case OperationKind::doorbell: return run_doorbell(submission);
    case OperationKind::unacknowledged: return run_unacknowledged(submission);
    case OperationKind::link: return run_link(submission);
    case OperationKind::none:
    case OperationKind::peer_process:
    case OperationKind::ring_message:
    case OperationKind::borrow_descriptor:
    case OperationKind::zero_copy:
    case OperationKind::wake: RINGGATE_ASSERT(false);
  }
}

bool Ring::Backend::fail_if_chosen(Token token) {
  if (world.options().memory_is_short && (token.kind == OperationKind::receive || token.kind == OperationKind::send)) {
    post_error(token, IoError::no_memory);
    return true;
  }
  if (!world.next_operation_fails()) return false;
  post_error(token, world.options().failing_operation_error);
  return true;
}

void Ring::Backend::run_receive_arm(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  if (!buffers.available()) {  // ends at once, though nothing was lost and perhaps nothing came
    ++counters.starved;
    return post_error(submission.token, IoError::no_buffers);
  }
  sockets.at(submission.socket).receive = submission.token;
}

void Ring::Backend::run_receive_now(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  FakeSocket& socket = sockets.at(submission.socket);
  if (socket.connection->readable(world.now()) == FakeConnection::Readable::nothing)
    return post_error(submission.token, IoError::again);
  (void)read_once(socket, submission.token, Reading::ends, bulk_buffers);
}

void Ring::Backend::run_poll(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  sockets.at(submission.socket).poll = submission.token;
}

IoError Ring::Backend::sending_error(FakeConnection& connection) {
  if (connection.is_reset(world.now())) connection.take_error();
  return IoError::connection_ended;
}

void Ring::Backend::run_send(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  FakeSocket& socket = sockets.at(submission.socket);
  if (socket.connection->send_fails(world.now())) return post_error(submission.token, sending_error(*socket.connection));
  if (submission.sending == Sending::silent && features.silent_sends) return run_silent_send(submission);
  if (submission.sending == Sending::before_end) socket.connection->hold_back();
  socket.send = {submission.token, submission.pieces};
  if (socket.send_ready(world.now()) || submission.pieces.bytes() == 0) work_on_send(socket);
}

void Ring::Backend::run_silent_send(const FakeSubmission& submission) {
  FakeConnection& connection = *sockets.at(submission.socket).connection;
  const std::size_t wanted = submission.pieces.bytes();
  std::size_t taken = std::min(wanted, connection.send_room());
  if (taken > 0 && world.chance(world.options().short_send_probability)) taken = world.random().below(taken);
  const auto bytes = submission.pieces.read(taken);
  world.trace().add(bytes);
  connection.write(bytes, world.now());
  if (taken == wanted) return ledger.silent_send_submitted(submission.socket);
  if (taken == 0) return post_error(submission.token, IoError::again);
  post({.token = submission.token, .result = static_cast<std::int32_t>(taken)});
}

void Ring::Backend::run_shutdown(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  FakeConnection& connection = *sockets.at(submission.socket).connection;
  if (connection.is_reset(world.now())) return post_error(submission.token, IoError::connection_ended);
  connection.shutdown_by_gate(world.now());
  post({.token = submission.token});
}

void Ring::Backend::run_cancel(const FakeSubmission& submission) {
  if (world.chance(world.options().lost_cancel_probability))
    return post_error(submission.token, world.chance(0.5) ? IoError::no_memory : IoError::not_found);
  FakeSocket& socket = sockets.at(submission.socket);
  const auto meant = [&submission](const Token& token) { return submission.target == token; };
  if (socket.receive_ready(world.now()) && meant(*socket.receive) && world.chance(world.options().cancel_race_probability))
    work_on_receive(socket, world.chance(0.5) ? Reading::ends : Reading::normal);

  if (socket.poll_ready(world.now()) && meant(*socket.poll) && world.chance(world.options().cancel_race_probability))
    work_on_poll(socket);

  std::vector<Completion> outcome;
  if (socket.receive && meant(*socket.receive)) {
    outcome.push_back({.token = *socket.receive, .error = IoError::cancelled});
    socket.receive.reset();
  }
  if (socket.poll && meant(*socket.poll)) {
    outcome.push_back({.token = *socket.poll, .error = IoError::cancelled});
    socket.poll.reset();
  }
  if (socket.send && meant(socket.send->token)) {
    outcome.push_back({.token = socket.send->token, .error = IoError::cancelled});
    socket.send.reset();
  }
  Completion answer{.token = submission.token, .result = static_cast<std::int32_t>(outcome.size())};
  if (outcome.empty()) answer.error = IoError::not_found;

  if (world.chance(world.options().late_completion_probability)) {
    late.insert(late.end(), outcome.begin(), outcome.end());
    outcome.clear();
  }
  outcome.push_back(answer);
  if (world.options().shuffle_completions) world.random().shuffle(std::span(outcome));
  for (const Completion& completion : outcome) post(completion);
}

void Ring::Backend::run_cancel_accept(const FakeSubmission& submission) {
  Completion answer{.token = submission.token, .error = IoError::not_found};
  if (std::exchange(listeners[submission.socket].armed, false)) {
    post({.token = {OperationKind::accept, submission.socket, 0}, .error = IoError::cancelled}, false);
    answer.error = IoError::none;
  }
  post(answer, false);
}

void Ring::Backend::run_close(const FakeSubmission& submission) {
  const auto connection = sockets.at(submission.socket).connection;
  // SO_LINGER of a direct descriptor can only be set through the ring.
  const bool can_reset = !features.direct_descriptors || features.peer_name_command;
  if (submission.reset && can_reset) connection->abort_by_gate();
  else connection->close_by_gate(world.now());
  connection->deliver();
  sockets.close(submission.socket);
}

void Ring::Backend::run_peer_name(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  const FakeConnection& connection = *sockets.at(submission.socket).connection;
  if (connection.is_reset(world.now())) return post_error(submission.token, IoError::connection_ended);
  names_found[submission.token.pack()] = connection.peer_address();
  post({.token = submission.token});
}

void Ring::Backend::run_unacknowledged(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  post({.token = submission.token,
        .result = static_cast<std::int32_t>(sockets.at(submission.socket).connection->unacknowledged_bytes())});
}

/// The option is read when the completion is reaped; nothing of the simulation changes it between.
void Ring::Backend::run_link(const FakeSubmission& submission) {
  if (fail_if_chosen(submission.token)) return;
  if (world.options().link_error != IoError::none) return post_error(submission.token, world.options().link_error);
  LinkAsked& asked = links_asked.at(submission.token.pack());
  if (features.direct_descriptors) {
    asked.descriptor = world.open_process_descriptor();
    if (!asked.descriptor) return post_error(submission.token, IoError::no_descriptors);
  }
  asked.found = sockets.at(submission.socket).connection->link();
  post({.token = submission.token});
}

void Ring::Backend::run_doorbell(const FakeSubmission& submission) {
  // The ringing side hears nothing, and a ring that is gone hears nothing either.
  Backend* other = world.ring_at(static_cast<std::size_t>(submission.doorbell_of));
  if (other != nullptr) other->post({.token = {OperationKind::doorbell, 0, 0}}, false);
}

}  // namespace ringgate::ring
