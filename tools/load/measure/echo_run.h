// The run scenario: many connections, one thread, one ring; sends units and checks the replies.
//
// A pass builds and queues sends, enters the ring once, and takes all completions. It queues at most one send of a connection, so
// that a short send is known before the next one. One thread. Invariant: every unit is counted once, when its last byte has been
// compared.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "load/endpoint.h"
#include "load/measure/echo_ring.h"
#include "load/measure/progress.h"
#include "load/measure/reply_reader.h"
#include "load/measure/run_options.h"
#include "load/measure/run_result.h"
#include "load/measure/schedule.h"
#include "load/measure/time_line.h"
#include "load/measure/unit_form.h"
#include "load/tls_client.h"

namespace ringgate::measure {

class EchoRun {
 public:
  explicit EchoRun(const RunOptions& options);

  /// Opens, warms up, measures, and waits for the last replies. Call it once.
  RunResult run();

 private:
  enum class Phase : std::uint8_t { warming, measuring, draining };

  struct Connection {
    explicit Connection(ReplyReader reply_reader) : reader(std::move(reply_reader)) {}
    ReplyReader reader;
    TimeLine times;
    std::uint32_t units_due = 0;
    std::uint32_t silent_count = 0;  // units of the last silent send
    std::uint64_t silent_first = 0;
    bool is_dirty = false;
    bool is_blocked = false;               // an ordinary send is under way
    std::unique_ptr<load::TlsClient> tls;  // null: plain TCP
    ByteView silent_records;               // with TLS: of the last silent send, until the next flush
    std::string rest;                      // the bytes of that send
    std::size_t rest_sent = 0;
    std::string control;  // pongs to send
  };

  std::expected<void, std::string> open_all();
  std::expected<void, std::string> open_one(std::uint32_t index);
  void drive();
  bool go_on();
  void begin_window();
  void end_window();
  void schedule_due();
  EchoRing::Wait wait() const;
  void finish();
  void say_goodbye();

  void flush();
  void flush_one(std::uint32_t index);
  void make_dirty(std::uint32_t index);
  void send_rest(std::uint32_t index);

  void take(const EchoCompletion& completion);
  void take_receive(const EchoCompletion& completion);
  void take_short_send(const EchoCompletion& completion);
  void take_send(const EchoCompletion& completion);
  bool take_bytes(std::uint32_t index, ByteView bytes);
  void queue_silently(std::uint32_t index, ByteView plain);
  bool read_replies(std::uint32_t index, ByteView bytes);
  void unit_arrived(std::uint32_t index, Connection& connection);
  void lose(std::uint32_t index, std::string what);
  void fail(std::string what);

  bool is_open_loop() const { return options_.rate > 0; }

  RunOptions options_;
  load::Endpoint target_;
  UnitForm form_;
  load::Random random_;
  std::unique_ptr<load::TlsContext> tls_;  // null: plain TCP
  std::unique_ptr<EchoRing> ring_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> flushing_;
  std::vector<std::uint8_t> arena_;  // memory for the sends of this enter
  std::size_t arena_used_ = 0;
  std::vector<std::uint8_t> plain_;  // with TLS: what is to be sealed, and what was opened
  std::uint32_t units_per_send_max_ = 1;

  Phase phase_ = Phase::warming;
  bool is_failed_ = false;
  TimeNs now_ = 0;
  TimeNs window_start_ = 0;
  TimeNs window_end_ = 0;
  TimeNs arrived_at_ = 0;  // arrival of the last unit
  std::uint64_t outstanding_ = 0;
  std::uint64_t units_ = 0;
  std::uint64_t enters_before_ = 0;
  std::uint64_t short_sends_ = 0;
  unsigned last_batch_ = 1;
  Schedule schedule_{0, 1};
  CpuWindow cpu_window_;
  ProgressLine progress_;
  RunResult result_;
};

}  // namespace ringgate::measure
