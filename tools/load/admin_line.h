// A keep-alive, pipelined HTTP connection to the gate's admin port, on a loop: pushes to devices and reports each answer.
//
// HTTP answers in order, so the place in the line matches an answer with its request. Thread: the loop's. Invariant: every push
// gets exactly one on_answer or is in on_line_ended.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "load/http_answer.h"
#include "load/stream.h"
#include "ringgate/message.h"

namespace ringgate::load {

struct PushAnswer {
  std::uint64_t ticket = 0;  // as passed to push
  int status = 0;
  std::string_view body;  // borrowed for the call
};

class AdminLine : public Stream {
 public:
  AdminLine(Loop& loop, const Endpoint& admin) : Stream(loop), admin_(admin) {}

  void open() { connect(admin_); }
  using Stream::drop;
  using Stream::is_open;

  /// Asks the gate to push `message` to `device_id`, which must need no encoding. The answer has `ticket`.
  void push(std::string_view device_id, const MessageView& message, std::uint64_t ticket);

  /// Asks the gate to send `message` to every device.
  void broadcast(const MessageView& message, std::uint64_t ticket);

  std::size_t waiting_count() const { return tickets_.size(); }

 protected:
  virtual void on_line_open() = 0;
  virtual void on_answer(const PushAnswer& answer) = 0;
  /// The connection has ended, and the outcome of the `unanswered` pushes is unknown. It may be opened again.
  virtual void on_line_ended(const std::deque<std::uint64_t>& unanswered, std::string_view cause) = 0;

 private:
  void on_connected() final { on_line_open(); }
  void on_bytes(ByteView bytes) final;
  void on_ended(StreamEnd end) final;
  std::size_t consume(ByteView bytes);
  void finish_request(const MessageView& message, std::uint64_t ticket);

  const Endpoint& admin_;
  std::deque<std::uint64_t> tickets_;
  std::vector<std::uint8_t> held_;
  std::string fault_;
};

}  // namespace ringgate::load
