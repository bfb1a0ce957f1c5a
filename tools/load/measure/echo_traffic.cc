// The hot part of the run: builds and queues sends, takes completions.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "load/client_frame.h"
#include "load/loop.h"
#include "load/measure/echo_run.h"

namespace ringgate::measure {

void EchoRun::make_dirty(std::uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.is_dirty) return;
  connection.is_dirty = true;
  dirty_.push_back(index);
}

void EchoRun::flush() {
  if (dirty_.empty()) return;
  if (!is_open_loop()) now_ = load::monotonic_now();
  flushing_.swap(dirty_);
  arena_used_ = 0;
  for (const std::uint32_t index : flushing_) flush_one(index);
  flushing_.clear();
}

void EchoRun::flush_one(std::uint32_t index) {
  Connection& connection = connections_[index];
  connection.is_dirty = false;
  if (connection.is_blocked) return;
  if (!connection.control.empty()) {
    if (connection.tls) connection.tls->seal(bytes_of(connection.control), connection.rest);
    else connection.rest = std::move(connection.control);
    connection.control.clear();
    return send_rest(index);
  }
  const std::uint32_t units = std::min(connection.units_due, units_per_send_max_);
  if (units == 0) return;
  const std::size_t plain_bytes = units * form_.request_bytes_max();
  const std::size_t wanted = (tls_ ? load::TlsClient::sealed_bytes_max(plain_bytes) : plain_bytes) + UnitForm::build_slack;
  if (arena_used_ + wanted > arena_.size() && arena_used_ > 0) {
    // Records cannot be made again, so after a short send the rest is taken from the arena: it is used again after the enter.
    if (tls_ != nullptr) return make_dirty(index);
    ring_->submit();
    arena_used_ = 0;
  }
  std::uint8_t* const start = tls_ ? plain_.data() : arena_.data() + arena_used_;
  std::uint8_t* end = start;
  connection.silent_first = connection.reader.units_expected();
  connection.silent_count = units;
  for (std::uint32_t i = 0; i < units; ++i) end += form_.build(end, {index, connection.silent_first + i});
  connection.reader.expect(units);
  connection.units_due -= units;
  if (!is_open_loop()) {
    for (std::uint32_t i = 0; i < units; ++i) connection.times.push(now_);
  }
  queue_silently(index, {start, end});
  if (connection.units_due != 0) make_dirty(index);  // the rest goes into the next pass
}

/// `plain` is in the arena, or with TLS outside it.
void EchoRun::queue_silently(std::uint32_t index, ByteView plain) {
  Connection& connection = connections_[index];
  ByteView bytes = plain;
  if (connection.tls) {
    const MutableBytes room(arena_.data() + arena_used_, arena_.size() - arena_used_);
    bytes = connection.silent_records = room.first(connection.tls->seal(plain, room));
  }
  ring_->send_silently(index, bytes);
  arena_used_ += bytes.size();
}

void EchoRun::send_rest(std::uint32_t index) {
  Connection& connection = connections_[index];
  connection.is_blocked = true;
  ring_->send(index, bytes_of(connection.rest).subspan(connection.rest_sent));
}

void EchoRun::take(const EchoCompletion& completion) {
  if (is_failed_) return;
  switch (completion.operation) {
    case EchoOperation::receive: return take_receive(completion);
    case EchoOperation::silent_send: return take_short_send(completion);
    case EchoOperation::send: return take_send(completion);
  }
}

void EchoRun::take_receive(const EchoCompletion& completion) {
  if (completion.result > 0) {
    if (!take_bytes(completion.socket, completion.bytes)) return;
  } else if (completion.result == 0) {
    return lose(completion.socket, "the server ended the connection");
  } else if (completion.result != -ENOBUFS) {
    return lose(completion.socket, std::strerror(-completion.result));
  }
  if (!completion.has_more) ring_->receive(completion.socket);
}

bool EchoRun::take_bytes(std::uint32_t index, ByteView bytes) {
  load::TlsClient* const tls = connections_[index].tls.get();
  if (tls == nullptr) return read_replies(index, bytes);
  tls->feed(bytes);
  std::string ours;  // an answer to a KeyUpdate: no server here sends one
  for (;;) {
    std::size_t count = 0;
    const load::TlsRead outcome = tls->read({plain_.data(), tls::record_bytes_max}, count, ours);
    if (count > 0 && !read_replies(index, {plain_.data(), count})) return false;
    if (outcome == load::TlsRead::nothing && ours.empty()) return true;
    if (outcome == load::TlsRead::plaintext) continue;
    lose(index, outcome == load::TlsRead::finished ? "the server ended TLS" : "TLS failed: " + tls::take_error());
    return false;
  }
}

bool EchoRun::read_replies(std::uint32_t index, ByteView bytes) {
  Connection& connection = connections_[index];
  for (;;) {
    switch (connection.reader.step(bytes)) {
      case ReplyStep::need_more: return true;
      case ReplyStep::unit: unit_arrived(index, connection); break;
      case ReplyStep::ping:
        load::append_frame(connection.control, {load::Opcode::pong, true, connection.reader.control_payload()},
                           static_cast<std::uint32_t>(random_.next()));
        make_dirty(index);
        break;
      case ReplyStep::close: {
        const ByteView payload = connection.reader.control_payload();
        lose(index, payload.size() < 2 ? "the server sent a Close frame"
                                       : fmt::format("the server sent a Close frame: {} {}", (payload[0] << 8) | payload[1],
                                                     text_of(payload.subspan(2))));
        return false;
      }
      case ReplyStep::fault: fail(connection.reader.fault()); return false;
    }
  }
}

void EchoRun::unit_arrived(std::uint32_t index, Connection& connection) {
  const TimeNs sent = connection.times.pop();
  arrived_at_ = now_;
  if (phase_ != Phase::draining) {
    result_.latency.record(now_ > sent ? now_ - sent : 0);
    ++units_;
    if (!is_open_loop()) {
      ++connection.units_due;
      return make_dirty(index);
    }
  }
  --outstanding_;
}

// The kernel took only `result` bytes of a silent send, or none: builds the rest again and sends it with a completion.
void EchoRun::take_short_send(const EchoCompletion& completion) {
  Connection& connection = connections_[completion.socket];
  if (completion.result < 0 && completion.result != -EAGAIN) return lose(completion.socket, std::strerror(-completion.result));
  ++short_sends_;
  if (connection.tls) {
    connection.rest = text_of(connection.silent_records);
    connection.rest_sent = static_cast<std::size_t>(std::max(0, completion.result));
    return send_rest(completion.socket);
  }
  std::string whole(connection.silent_count * form_.request_bytes_max() + UnitForm::build_slack, '\0');
  auto* const bytes = reinterpret_cast<std::uint8_t*>(whole.data());
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < connection.silent_count; ++i)
    size += form_.build(bytes + size, {completion.socket, connection.silent_first + i});
  whole.resize(size);
  connection.rest = std::move(whole);
  connection.rest_sent = static_cast<std::size_t>(std::max(0, completion.result));
  send_rest(completion.socket);
}

void EchoRun::take_send(const EchoCompletion& completion) {
  Connection& connection = connections_[completion.socket];
  if (completion.result < 0) return lose(completion.socket, std::strerror(-completion.result));
  connection.rest_sent += static_cast<std::size_t>(completion.result);
  if (connection.rest_sent < connection.rest.size()) return send_rest(completion.socket);
  connection.is_blocked = false;
  std::string().swap(connection.rest);
  connection.rest_sent = 0;
  if (connection.units_due != 0 || !connection.control.empty()) make_dirty(completion.socket);
}

}  // namespace ringgate::measure
