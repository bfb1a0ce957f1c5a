#include "fake_ring/fake_connection.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace ringgate::ring {

// -- The gate's end.

FakeConnection::Readable FakeConnection::readable(TimeNs now) const {
  // Linux hands out what is queued before it tells of an end or an error.
  if (!segments_.empty() && segments_.front().arrives_at <= now) return Readable::bytes;
  if (is_reset(now)) return error_waits_ ? Readable::failed : Readable::end;
  if (end_at_ && *end_at_ <= now) return Readable::end;
  return Readable::nothing;
}

FakeConnection::HangUp FakeConnection::hang_up(TimeNs now) const {
  if (is_reset(now)) return HangUp::gone;
  if (!end_at_ || *end_at_ > now) return HangUp::none;
  return gate_shut_down_ ? HangUp::gone : HangUp::finished;
}

std::size_t FakeConnection::readable_bytes(TimeNs now) const {
  std::size_t count = 0;
  for (const Segment& segment : segments_) {
    if (segment.arrives_at > now) break;
    count += segment.bytes.size() - segment.read_count;
    if (segment.ends_read) break;
  }
  return count;
}

void FakeConnection::read(MutableBytes out) {
  while (!out.empty()) {
    RINGGATE_ASSERT(!segments_.empty());
    Segment& segment = segments_.front();
    const std::size_t count = std::min(out.size(), segment.bytes.size() - segment.read_count);
    std::copy_n(segment.bytes.begin() + static_cast<std::ptrdiff_t>(segment.read_count), count, out.begin());
    segment.read_count += count;
    out = out.subspan(count);
    if (segment.read_count == segment.bytes.size()) segments_.pop_front();
  }
}

bool FakeConnection::send_fails(TimeNs now) const { return is_reset(now) || gate_shut_down_; }

std::size_t FakeConnection::send_room() const {
  if (!peer_reads_) return room_while_stopped_;
  return send_buffer_bytes_ - std::min(send_buffer_bytes_, under_way_.size());
}

void FakeConnection::write(ByteView bytes, TimeNs now) {
  RINGGATE_ASSERT(bytes.size() <= send_room());
  if (!peer_reads_) room_while_stopped_ -= bytes.size();
  if (peer_closed_) {  // the kernel takes them; the answer is RST
    if (!bytes.empty()) peer_reset(now);
    return;
  }
  under_way_.insert(under_way_.end(), bytes.begin(), bytes.end());
}

/// Bytes that will find the socket closed are answered with RST.
void FakeConnection::refuse_late_arrivals(TimeNs now) {
  if (segments_.empty() || segments_.back().arrives_at <= now) return;
  deliver();
  peer_saw_reset_ = true;
}

void FakeConnection::shutdown_by_gate(TimeNs now) {
  if (gate_shut_down_ || is_reset(now)) return;
  gate_shut_down_ = end_under_way_ = true;
}

void FakeConnection::close_by_gate(TimeNs now) {
  const bool bytes_unread = readable_bytes(now) > 0;
  if (!gate_shut_down_) end_under_way_ = true;
  gate_shut_down_ = gate_closed_ = true;
  if (bytes_unread && !is_reset(now)) {
    deliver();
    abort_by_gate();
    return;
  }
  refuse_late_arrivals(now);
}

void FakeConnection::abort_by_gate() {
  gate_shut_down_ = gate_closed_ = true;
  end_under_way_ = false;
  under_way_.clear();
  peer_saw_reset_ = true;
}

void FakeConnection::deliver() {
  if (!peer_reads_ || peer_closed_) return;
  if (held_back_ && !end_under_way_ && send_room() > 0) return;  // full segments leave
  received_.insert(received_.end(), under_way_.begin(), under_way_.end());
  under_way_.clear();
  if (std::exchange(end_under_way_, false)) peer_saw_end_ = true;
}

std::optional<TimeNs> FakeConnection::next_arrival(TimeNs now) const {
  if (gate_closed_) return std::nullopt;
  std::optional<TimeNs> first;
  const auto consider = [&first, now](TimeNs at) {
    if (at > now && (!first || at < *first)) first = at;
  };
  for (const Segment& segment : segments_) consider(segment.arrives_at);
  if (end_at_) consider(*end_at_);
  if (reset_at_) consider(*reset_at_);
  return first;
}

// -- The peer's end.

TimeNs FakeConnection::in_order(TimeNs arrives_at) {
  last_arrival_ = std::max(last_arrival_, arrives_at);
  return last_arrival_;
}

void FakeConnection::peer_send(ByteView bytes, TimeNs arrives_at, bool ends_read) {
  if (bytes.empty() || peer_closed_ || end_at_ || peer_saw_reset_) return;
  if (gate_closed_) {  // nobody will read them: the gate's kernel answers with RST
    deliver();
    peer_saw_reset_ = true;
    return;
  }
  segments_.push_back({{bytes.begin(), bytes.end()}, in_order(arrives_at), ends_read});
}

void FakeConnection::peer_finish(TimeNs arrives_at) {
  if (!end_at_ && !peer_closed_) end_at_ = in_order(arrives_at);
}

void FakeConnection::peer_close(TimeNs arrives_at) {
  peer_finish(arrives_at);
  peer_closed_ = true;
  under_way_.clear();
}

void FakeConnection::peer_reset(TimeNs arrives_at) {
  peer_closed_ = true;
  under_way_.clear();
  if (!reset_at_) reset_at_ = in_order(arrives_at);
}

void FakeConnection::peer_stop_reading(std::size_t room) {
  deliver();
  peer_reads_ = false;
  room_while_stopped_ = room;
}

void FakeConnection::peer_resume_reading() {
  peer_reads_ = true;
  deliver();
}

std::vector<std::uint8_t> FakeConnection::take_received() { return std::exchange(received_, {}); }

}  // namespace ringgate::ring
