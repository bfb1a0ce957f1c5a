// Serves HTTP/1.1 on the admin listener of one shard: reads requests, passes them to the API, sends the answers.
//
// Decides nothing about devices (admin_api.h does) and moves no bytes (the transport does). Owned by the shard; owner shard.
// Invariants: answers leave in the order of the requests; at most limits::pipelined_requests_max are owed per connection; bytes
// after a request that ends the connection are ignored.
//
// Files: admin_session.cc (requests and answers), admin_flow.cc (holding input back, ends of input, deadlines), streaming.cc
// (connections that have become streams).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "admin/admin_api.h"
#include "admin/admin_connection.h"
#include "admin/admin_settings.h"
#include "admin/guard.h"
#include "admin/responder.h"
#include "admin/services.h"
#include "base/counters.h"
#include "conn/session.h"
#include "conn/transport.h"
#include "dispatch/gate_state.h"
#include "dispatch/push_service.h"
#include "http/date_field.h"

namespace ringgate::admin {

class AdminSession final : public conn::Session, private AnswerSink, private StreamHost {
 public:
  /// `settings` is copied; everything else outlives the session. The session outlives every answer that is still owed.
  AdminSession(const AdminSettings& settings, dispatch::GateState& gate, dispatch::PushService& push_service,
               conn::Transport& transport, ShardCounters& counters, std::span<const ShardCounters* const> all_counters,
               const Services& services = {});
  ~AdminSession() override;
  AdminSession(const AdminSession&) = delete;
  AdminSession& operator=(const AdminSession&) = delete;

  // -- Session
  void on_open(conn::Connection& connection) override;
  void on_received(conn::Connection& connection, MutableBytes bytes) override;
  void on_end_of_stream(conn::Connection& connection) override;
  void on_output_waits(conn::Connection& connection) override;
  void on_output_progress(conn::Connection& connection) override;
  void on_deadline(conn::Connection& connection) override;
  void on_gone(conn::Connection& connection, conn::EndCause cause) override;

  /// Ends every connection after the answers it is owed. The first request of one that is accepted later is answered 503. Called once, when
  /// the gate ends.
  void end_all();

  /// Gives each stream its turn. True if one has more to write than it had room for, and no completion will tell of room.
  bool run_streams() { return !streaming_.empty() && run_each_stream(); }

 private:
  static AdminConnection& state_of(conn::Connection& connection) { return *connection.session<AdminRecord>().state; }

  // admin_session.cc
  void answer(const AnswerTicket& ticket, Answer answer) override;
  std::string_view date() { return date_.at(transport_.wall_clock_seconds()); }
  bool count_connection(AdminConnection& state);
  void read_requests(conn::Connection& connection, ByteView input);
  bool read_next(conn::Connection& connection, ByteView& input);
  bool refuse_unserved(conn::Connection& connection);
  std::optional<ring::PeerAddress> client_of(const conn::Connection& connection, const Request& request) const;
  std::optional<Answer> refuse_stranger(conn::Connection& connection);
  void on_body_follows(conn::Connection& connection, ByteView body_so_far);
  void serve(conn::Connection& connection);
  void reject(conn::Connection& connection, http::Rejection rejection);
  void fill(AdminConnection& state, std::uint32_t sequence, WrittenAnswer written);
  void owe_last(conn::Connection& connection, WrittenAnswer written);
  void count_forbidden(const Answer& answer);
  void flush(conn::Connection& connection);

  // streaming.cc
  void write(const AnswerTicket& ticket, ByteView bytes) override;
  void finish(const AnswerTicket& ticket) override;
  void hold_input(const AnswerTicket& ticket, bool held) override;
  void wake_at(const AnswerTicket& ticket, TimeNs time) override;
  std::size_t room(const AnswerTicket& ticket) const override;
  TimeNs now() const override { return transport_.now(); }
  conn::Connection* find_streaming(const AnswerTicket& ticket) const;
  void begin_stream(conn::Connection& connection, std::uint32_t sequence, WrittenAnswer& written);
  void feed_stream(conn::Connection& connection, ByteView bytes);
  void end_stream_input(conn::Connection& connection);
  bool run_each_stream();
  bool run_stream(conn::Connection& connection);
  void end_stream(conn::Connection& connection);
  void cut_stream(conn::Connection& connection);
  void begin_pieces(conn::Connection& connection);
  bool read_piece(conn::Connection& connection);

  // admin_flow.cc
  bool must_hold(const conn::Connection& connection, const AdminConnection& state) const;
  static bool must_wait(const AdminConnection& state);
  void hold(conn::Connection& connection, ByteView input);
  void go_on(conn::Connection& connection);
  void finish_if_done(conn::Connection& connection);
  void end_behind_answers(conn::Connection& connection);
  TimeNs request_deadline(const AdminConnection& state) const;
  void act_on_deadlines(conn::Connection& connection);
  void give_up_request(conn::Connection& connection);

  const AdminSettings settings_;
  conn::Transport& transport_;
  ShardCounters& counters_;
  dispatch::GateState& gate_;
  Guard guard_;
  AdminApi api_;
  http::DateField date_;
  std::vector<AnswerTicket> streaming_;  // connections that are streams
  bool is_ending_ = false;
};

}  // namespace ringgate::admin
