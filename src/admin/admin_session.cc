#include "admin/admin_session.h"

#include <utility>

#include "base/assert.h"
#include "net/client_address.h"

namespace ringgate::admin {
namespace {
bool is_upgraded(const AdminConnection& state) {
  return state.running != nullptr && state.running->coding == BodyCoding::upgraded;
}
}  // namespace

AdminSession::AdminSession(const AdminSettings& settings, dispatch::GateState& gate, dispatch::PushService& push_service,
                           conn::Transport& transport, ShardCounters& counters,
                           std::span<const ShardCounters* const> all_counters, const Services& services)
    : settings_(settings),
      transport_(transport),
      counters_(counters),
      gate_(gate),
      guard_(services.access, gate.admin_attempts, gate.admin_refusal_logs, settings_.port_name, counters),
      api_(settings_, gate, push_service, all_counters, services) {}

AdminSession::~AdminSession() {
  conn::ConnectionTable& table = transport_.table();
  for (std::uint32_t slot = 0; slot < table.high_water(); ++slot) {
    conn::Connection& connection = table.at(slot);
    if (connection.state != conn::State::free && transport_.serves(connection, *this))
      delete std::exchange(connection.session<AdminRecord>().state, nullptr);
  }
}

// -- Connections

void AdminSession::on_open(conn::Connection& connection) {
  connection.construct_session<AdminRecord>().state =
      new AdminConnection(settings_, transport_.now(), &AdminApi::reads_in_pieces);
  counters_.admin_connections.add(1);
  (void)count_connection(state_of(connection));
  act_on_deadlines(connection);
}

/// False while admin.max_connections others are open. Tried again with each request: others may have gone.
bool AdminSession::count_connection(AdminConnection& state) {
  if (state.is_counted) return true;
  if (gate_.admin_connections.fetch_add(1, std::memory_order_relaxed) >= settings_.connections_max) {
    gate_.admin_connections.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  state.is_counted = true;
  return true;
}

void AdminSession::on_gone(conn::Connection& connection, conn::EndCause) {
  if (state_of(connection).is_counted) gate_.admin_connections.fetch_sub(1, std::memory_order_relaxed);
  delete std::exchange(connection.session<AdminRecord>().state, nullptr);
  counters_.admin_connections.subtract(1);
  counters_.admin_connections_ended.add(1);
}

void AdminSession::on_received(conn::Connection& connection, MutableBytes bytes) {
  switch (state_of(connection).intake) {
    case Intake::open: read_requests(connection, bytes); break;
    case Intake::held: hold(connection, bytes); break;
    case Intake::stopped: break;
  }
}

// -- Requests

void AdminSession::read_requests(conn::Connection& connection, ByteView input) {
  AdminConnection& state = state_of(connection);
  RINGGATE_ASSERT(!state.is_reading);
  state.is_reading = true;
  while (read_next(connection, input)) {
  }
  state.is_reading = false;
  act_on_deadlines(connection);
}

/// Reads up to the next event and acts on it. False if nothing more can be read now.
bool AdminSession::read_next(conn::Connection& connection, ByteView& input) {
  AdminConnection& state = state_of(connection);
  if (input.empty() || state.intake != Intake::open || !connection.is_live()) return false;
  if (state.reads_pieces || is_upgraded(state)) {
    if (must_hold(connection, state)) {
      hold(connection, input);
      return false;
    }
    if (!state.reads_pieces) {
      feed_stream(connection, std::exchange(input, {}));
      return false;
    }
  }
  if (state.reader.phase() == RequestReader::Phase::idle) {
    if (must_hold(connection, state)) {
      hold(connection, input);
      return false;
    }
    if (!state.is_first) state.since = transport_.now();  // the first head is timed from the opening
  }

  const ReadProgress progress = state.reader.read(input);
  input = input.subspan(progress.consumed_bytes);
  switch (progress.status) {
    case ReadStatus::need_more: return false;
    case ReadStatus::body_follows:
      state.since = transport_.now();
      if (refuse_unserved(connection)) return false;
      if (const auto refusal = refuse_stranger(connection)) {
        owe_last(connection, write_answer(*refusal, {state.reader.request().method, http::Persistence::close}, date()));
        return false;
      }
      on_body_follows(connection, input);
      if (state.reader.request().is_read_in_pieces && state.intake == Intake::open) begin_pieces(connection);
      return true;
    case ReadStatus::piece: return read_piece(connection);
    case ReadStatus::complete:
      if (state.reads_pieces) {
        end_stream_input(connection);
        return false;
      }
      if (refuse_unserved(connection)) return false;
      state.is_first = false;
      state.since = transport_.now();
      serve(connection);
      return true;
    case ReadStatus::rejected:
      counters_.admin_rejected.add(1);
      reject(connection, progress.rejection);
      return false;
  }
  return false;
}

/// True, and the connection ends, if it was accepted while the gate ends, or is beyond admin.max_connections.
bool AdminSession::refuse_unserved(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  if (!is_ending_ && count_connection(state)) return false;
  counters_.admin_rejected.add(1);
  const Refusal refusal = is_ending_ ? Refusal::stopping : Refusal::connection_limit;
  owe_last(connection, write_answer(Answer::refuse(refusal), {state.reader.request().method, http::Persistence::close}, date()));
  return true;
}

/// Whose request it is: each on a connection of a proxy may be another client's. Nothing if the proxies contradict each other.
std::optional<ring::PeerAddress> AdminSession::client_of(const conn::Connection& connection, const Request& request) const {
  const net::ProxyPolicy* const proxies = transport_.proxies_of(connection);
  if (proxies == nullptr) return connection.peer;
  const std::vector<std::string_view> x_forwarded_for(request.x_forwarded_for.begin(), request.x_forwarded_for.end());
  const std::vector<std::string_view> forwarded(request.forwarded.begin(), request.forwarded.end());
  return net::client_address(connection.peer, {x_forwarded_for, forwarded}, *proxies);
}

/// Finds out who makes the request whose head was read, before its body is. The refusal if that caller is not served at all.
std::optional<Answer> AdminSession::refuse_stranger(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  const Request& request = state.reader.request();
  if (auto refusal = api_.judge_caller(request)) return refusal;
  state.remote = {.peer = connection.peer};
  if (AdminApi::is_public(request)) {
    state.caller = guard_.nobody();
    return std::nullopt;
  }
  const auto client = client_of(connection, request);
  if (!client) return Answer::refuse(Refusal::forwarded_conflict);
  state.remote = {*client, client->is_unix() ? transport_.peer_process(connection) : std::nullopt};
  auto caller = guard_.identify(request, {state.remote, transport_.client_identity(connection)},
                                {transport_.now(), transport_.wall_clock_seconds()});
  if (!caller) return Answer::refuse(caller.error());
  state.caller = std::move(*caller);
  return std::nullopt;
}

/// A caller that expects 100 Continue gets it, or the refusal at once (RFC 9110 section 10.1.1).
void AdminSession::on_body_follows(conn::Connection& connection, ByteView body_so_far) {
  AdminConnection& state = state_of(connection);
  const Request& request = state.reader.request();
  if (!request.expects_continue) return;
  if (const auto refusal = api_.judge_expectation(request, state.caller, state.remote)) {
    count_forbidden(*refusal);
    owe_last(connection, write_answer(*refusal, {request.method, http::Persistence::close}, date()));
  } else if (body_so_far.empty()) {
    fill(state, state.answers.open({}), write_continue());
    flush(connection);
  }
}

void AdminSession::serve(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  auto refusal = state.caller ? std::nullopt : refuse_stranger(connection);
  const CallerRef caller = std::exchange(state.caller, nullptr);
  const Remote remote = state.remote;
  Request request = state.reader.take();
  counters_.admin_requests.add(1);
  if (request.persistence == http::Persistence::close) state.intake = Intake::stopped;
  const std::uint32_t sequence = state.answers.open({request.method, request.persistence, request.is_http10});
  const Responder responder{
      *this, {.slot = transport_.table().slot_of(connection), .generation = connection.generation, .sequence = sequence}};
  if (refusal) return responder.answer(std::move(*refusal));
  if (api_.serve(std::move(request), caller, remote, responder) == Followers::wait) state.awaited_sequence = sequence;
}

/// A caller that may not ask learns only that, and not what is wrong with its request. Within the body of a request that is being answered
/// by a stream there is no other answer to give.
void AdminSession::reject(conn::Connection& connection, http::Rejection rejection) {
  if (state_of(connection).running != nullptr) return cut_stream(connection);
  const Request& request = state_of(connection).reader.request();
  if (const auto refusal = api_.judge_caller(request))
    return owe_last(connection, write_answer(*refusal, {request.method, http::Persistence::close}, date()));
  owe_last(connection, write_rejection(rejection, state_of(connection).reader.method(), date()));
}

/// Queues the last answer of the connection, behind those owed before. Bytes that are received from now on are discarded.
void AdminSession::owe_last(conn::Connection& connection, WrittenAnswer written) {
  AdminConnection& state = state_of(connection);
  state.intake = Intake::stopped;
  fill(state, state.answers.open({}), std::move(written));
  flush(connection);
}

// -- Answers

void AdminSession::count_forbidden(const Answer& answer) {
  if (answer.refusal == Refusal::scope || answer.refusal == Refusal::not_covered) counters_.admin_forbidden.add(1);
}

void AdminSession::fill(AdminConnection& state, std::uint32_t sequence, WrittenAnswer written) {
  RINGGATE_ASSERT(written.status >= 100 && written.status < 100 + counters_.admin_answers.size());
  counters_.admin_answers[written.status - 100U].add(1);
  state.answers.fill(sequence, std::move(written));
}

void AdminSession::answer(const AnswerTicket& ticket, Answer answer) {
  count_forbidden(answer);
  conn::Connection* connection = transport_.table().find(ticket.slot, ticket.generation);
  if (connection == nullptr || !connection->is_live()) return;  // the caller is gone
  AdminConnection& state = state_of(*connection);
  const AnswerShape* shape = state.answers.shape_of(ticket.sequence);
  RINGGATE_ASSERT(shape != nullptr);
  const bool is_head = shape->method == http::Method::head;
  WrittenAnswer written = write_answer(answer, *shape, date());
  if (answer.stream != nullptr && !answer.refusal && !is_head) {
    written.stream = std::move(answer.stream);
    state.stream_is_due = true;
  }
  // Behind a stream nothing is read either, but its own input is.
  if (written.closes && written.stream == nullptr) state.intake = Intake::stopped;
  fill(state, ticket.sequence, std::move(written));
  flush(*connection);
  if (!state.is_reading) go_on(*connection);
}

/// Sends the answers that are ready, in the order of the requests.
void AdminSession::flush(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  while (state.running == nullptr) {
    const std::uint32_t sequence = state.answers.first();
    auto next = state.answers.take_next();
    if (!next) break;
    transport_.write(connection, bytes_of(next->bytes));
    if (next->stream != nullptr) return begin_stream(connection, sequence, *next);
    if (next->closes) {
      transport_.flush_and_close(connection);
      return;
    }
  }
  if (state.reader.phase() == RequestReader::Phase::idle) state.since = transport_.now();
}

}  // namespace ringgate::admin
