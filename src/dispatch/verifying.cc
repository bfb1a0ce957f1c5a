// Credentials that take long to check: a password is derived, the signature of a token verified. A turn spends a bounded time on them;
// heads beyond that wait for a later turn, in order. Part of DeviceSession.
//
// While it waits, a connection is in Phase::queued. As with one that awaits the decision of a handler, its head is kept, what follows
// is held, and it is not received from; limits.handshake_timeout goes on. Only paths that take such credentials wait.
#include <algorithm>

#include "base/limits.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

namespace {

/// As for TLS handshakes (conn/sealing.cc): about one attempt, so that whoever is connected waits for one stranger, not for a crowd.
constexpr DurationNs verifying_per_turn = 200 * nanoseconds_per_microsecond;

}  // namespace

/// Whether the credential of `request` must wait.
bool DeviceSession::must_queue(const http::RequestView& request) const {
  if (!settings_.verifies || request.target().empty()) return false;
  if (verifying_spent_ < verifying_per_turn && queued_.empty()) return false;
  const auto route = admission::find_route(settings_.routes, request.path());
  return route && takes_long_to_check(settings_.routes[route->index].credentials);
}

/// `rest`: what followed the head, which the caller keeps.
void DeviceSession::queue_head(conn::Connection& connection, const http::RequestView& request, MutableBytes rest,
                               HandshakeCount handshake) {
  if (queued_.size() >= limits::heads_queued_max) return refuse(connection, admission::Rejection::authenticating_limit, request);
  queued_.push_back({{transport_.table().slot_of(connection), connection.generation}, handshake});
  counters_.handshakes_queued.add(1);
  record_of(connection).phase = Phase::queued;
  transport_.pause(connection);
  hold_undecided(connection, rest);
}

/// Judges what waits as long as this turn has time for it. At least one per turn, unless the turn has spent its time already.
void DeviceSession::judge_queued() {
  if (!queued_.empty() && verifying_spent_ < verifying_per_turn) {
    const TimeNs until = ring_.now() + (verifying_per_turn - verifying_spent_);
    do {
      const auto [ref, handshake] = queued_.front();
      queued_.pop_front();
      conn::Connection* const connection = transport_.table().find(ref.slot, ref.generation);
      if (connection == nullptr || !connection->is_live() || record_of(*connection).phase != Phase::queued) continue;
      if (record_of(*connection).side->has_left) continue;  // its FIN is about to be received
      step_handshake(*connection, [&, handshake] { judge_queued(*connection, handshake); });
    } while (!queued_.empty() && ring_.now() < until);
  }
  verifying_spent_ = 0;
}

void DeviceSession::judge_queued(conn::Connection& connection, HandshakeCount handshake) {
  DeviceRecord& record = record_of(connection);
  const std::unique_ptr<http::HeadGatherer> head = take_partial_head(record);
  record.phase = Phase::upgrading;
  conn::Connection* const reading_before = std::exchange(reading_, &connection);  // on_open comes before what is held
  judge_request(connection, head->view(), {}, handshake);
  reading_ = reading_before;
  if (record.phase == Phase::authenticating) return keep_head(connection, std::move(*head));
  if (record.id.view().empty()) {
    if (record.side != nullptr) drop_held(*record.side);
    return;
  }
  go_on_reading(connection, 0);
  drop_side_if_idle(record);
}

// -- Memory

/// Whatever the handshake had reached: the device is told nothing, because an answer needs memory too.
void DeviceSession::end_without_memory(conn::Connection& connection) {
  counters_.handshakes_without_memory.add(1);
  gatherer_ = http::HeadGatherer{settings_.head_rules};  // it may have been left halfway
  if (record_of(connection).phase != Phase::open) record_of(connection).phase = Phase::closed;
  transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::reset);
}

}  // namespace ringgate::dispatch
