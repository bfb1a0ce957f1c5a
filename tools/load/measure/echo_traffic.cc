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
    connection.rest = std::move(connection.control);
    connection.control.clear();
    return send_rest(index);
  }
  const std::uint32_t units = std::min(connection.units_due, units_per_send_max_);
  if (units == 0) return;
  if (arena_used_ + units * form_.request_bytes_max() + UnitForm::build_slack > arena_.size()) {
    ring_->submit();
    arena_used_ = 0;
  }
  std::uint8_t* const start = arena_.data() + arena_used_;
  std::uint8_t* end = start;
  connection.silent_first = connection.reader.units_expected();
  connection.silent_count = units;
  for (std::uint32_t i = 0; i < units; ++i) end += form_.build(end, {index, connection.silent_first + i});
  connection.reader.expect(units);
  connection.units_due -= units;
  if (!is_open_loop()) {
    for (std::uint32_t i = 0; i < units; ++i) connection.times.push(now_);
  }
  ring_->send_silently(index, {start, end});
  arena_used_ += static_cast<std::size_t>(end - start);
  if (connection.units_due != 0) make_dirty(index);  // the rest goes into the next pass
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
    if (!read_replies(completion.socket, completion.bytes)) return;
  } else if (completion.result == 0) {
    return lose(completion.socket, "the server ended the connection");
  } else if (completion.result != -ENOBUFS) {
    return lose(completion.socket, std::strerror(-completion.result));
  }
  if (!completion.has_more) ring_->receive(completion.socket);
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
