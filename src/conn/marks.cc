// When the kernel has what was written, and when the peer's TCP has acknowledged it. Part of Transport.
//
// Neither costs anything while nobody asks. The kernel is asked what is not acknowledged (SIOCOUTQ); the bytes handed to it before
// the question, less its answer, are acknowledged for sure: whatever it took meanwhile is among those that are not.
#include <algorithm>
#include <new>

#include "conn/transport.h"

namespace ringgate::conn {

std::uint64_t Transport::mark(Connection& connection) {
  try {
    return put_mark(connection);
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

/// What is left of one for which there was no memory is a connection that is looked at without need.
std::uint64_t Transport::put_mark(Connection& connection) {
  ConnectionMarks& marks = marks_of(connection);
  const bool is_fresh = connection.outbox == nullptr;
  if (is_fresh && !marks.waiting.empty() && marks.waiting.back().is_fresh) return marks.waiting.back().number;
  if (is_fresh) {
    // First, so that no memory is needed at the end of the turn.
    const std::size_t handed_max = handed_.size() + fresh_marks_.size() + 1;
    if (handed_.capacity() < handed_max) handed_.reserve(2 * handed_max);
    fresh_marks_.push_back(ref_of(connection));
  }
  marks.waiting.push_back({marks_count_ + 1, is_fresh ? 0 : connection.outbox->place_of_end(), is_fresh});
  return ++marks_count_;
}

ConnectionMarks& Transport::marks_of(const Connection& connection) {
  ConnectionMarks& marks = marks_[table_.slot_of(connection)];
  if (marks.generation != connection.generation) marks = {.generation = connection.generation, .waiting = {}};
  return marks;
}

/// What was written last turn has been taken, or moved to an outbox.
void Transport::settle_fresh_marks() {
  for (const SlotRef& ref : fresh_marks_) {
    Connection* const connection = find(ref);
    const auto found = marks_.find(ref.slot);
    if (connection == nullptr || found == marks_.end() || found->second.generation != ref.generation) continue;
    for (Mark& mark : found->second.waiting) {
      if (!mark.is_fresh) continue;
      mark.is_fresh = false;
      mark.place = connection->outbox != nullptr ? connection->outbox->place_of_end() : 0;
    }
    if (connection->outbox == nullptr) handed_.push_back(ref);
  }
  fresh_marks_.clear();
}

void Transport::tell_handed() {
  for (std::size_t i = 0; i < handed_.size(); ++i)
    if (Connection* const connection = find(handed_[i])) settle_marks(*connection);
  handed_.clear();
}

/// Tells of the marks that the kernel's bytes have passed. Of an outbox whose front is sealed nobody knows which bytes those records
/// are, so its marks wait until the kernel has the records.
void Transport::settle_marks(Connection& connection) {
  const auto found = marks_.find(table_.slot_of(connection));
  if (found == marks_.end() || found->second.generation != connection.generation) return;
  ConnectionMarks& marks = found->second;
  const Outbox* const outbox = connection.outbox;
  const bool waits = outbox != nullptr && !outbox->empty();
  std::uint64_t handed = 0;
  while (!marks.waiting.empty() && !marks.waiting.front().is_fresh) {
    if (waits && (outbox->front_is_sealed() || outbox->place_of_front() < marks.waiting.front().place)) break;
    handed = marks.waiting.front().number;
    marks.waiting.pop_front();
  }
  if (marks.waiting.empty() && !marks.is_asked && !marks.unacked_at_end) marks_.erase(found);
  if (handed != 0 && connection.state == State::open && is_announced(connection))
    session_of(connection).on_handed(connection, handed, connection.bytes_out);
}

bool Transport::ask_acked(Connection& connection) {
  if (connection.state != State::open || !tells_acked(connection)) return false;
  return ask(connection);
}

/// False: an answer is awaited already.
bool Transport::ask(Connection& connection) {
  ConnectionMarks& marks = marks_of(connection);
  if (marks.is_asked) return false;
  ring_.unacknowledged(table_.slot_of(connection), token(ring::OperationKind::unacknowledged, connection));
  begin_operation(connection);
  marks.is_asked = true;
  marks.asked_at = connection.bytes_out;
  return true;
}

/// Of a connection that is about to be terminated. Its slot is released once the kernel has answered. Behind our FIN the kernel would
/// count that too, so it is not asked then.
void Transport::ask_at_end(Connection& connection) {
  if (!listeners_[connection.listener_index].slot.asks_at_end || connection.bytes_out == 0) return;
  if (connection.state != State::open && connection.state != State::flushing) return;
  if (!is_announced(connection) || !tells_acked(connection)) return;
  try {
    (void)ask(connection);
  } catch (const std::bad_alloc&) {  // then it is not known
  }
}

std::optional<std::uint64_t> Transport::unacked_at_end(const Connection& connection) const {
  const auto found = marks_.find(table_.slot_of(connection));
  if (found == marks_.end() || found->second.generation != connection.generation) return std::nullopt;
  return found->second.unacked_at_end;
}

void Transport::on_unacknowledged(const ring::Completion& completion) {
  Connection* const connection = table_.find(completion.token);
  if (connection == nullptr) return;
  end_operation(*connection);
  const auto found = marks_.find(completion.token.slot);
  if (found == marks_.end() || found->second.generation != connection->generation) return;
  const std::uint64_t asked_at = found->second.asked_at;
  found->second.is_asked = false;
  if (connection->state == State::terminating) {
    if (completion.error == ring::IoError::none && completion.result >= 0)
      found->second.unacked_at_end = static_cast<std::uint64_t>(completion.result) + (connection->bytes_out - asked_at);
    return;
  }
  if (found->second.waiting.empty()) marks_.erase(found);
  if (connection->state != State::open || !is_announced(*connection)) return;
  const bool is_known = completion.error == ring::IoError::none && completion.result >= 0;
  const std::uint64_t unacknowledged = is_known ? static_cast<std::uint64_t>(completion.result) : asked_at;
  session_of(*connection).on_acked(*connection, asked_at - std::min(asked_at, unacknowledged));
}

}  // namespace ringgate::conn
