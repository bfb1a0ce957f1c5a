// The state of one admin connection beyond its transport. Owned by its AdminRecord while the connection lives; owner shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "admin/access.h"
#include "admin/admin_settings.h"
#include "admin/answer_queue.h"
#include "admin/remote.h"
#include "admin/request_reader.h"
#include "base/time.h"
#include "conn/connection.h"

namespace ringgate::admin {

/// What happens to bytes that are received.
enum class Intake : std::uint8_t {
  open,     // they are read
  held,     // too many answers are owed, or too much output waits: they are kept, and the transport is paused
  stopped,  // the last request was read: they are discarded
};

/// The stream that a connection has become, and how its bytes are framed.
struct RunningStream {
  std::unique_ptr<Stream> stream;
  AnswerTicket ticket;
  BodyCoding coding = BodyCoding::identity;
  bool closes = false;            // the connection ends with it
  bool is_finished = false;       // it called finish, and is destroyed in this turn
  bool input_held = false;        // it wants no input for now
  std::optional<TimeNs> wake_at;  // it wants a turn then
};

struct AdminConnection {
  AdminConnection(const AdminSettings& settings, TimeNs now, RequestReader::InPieces in_pieces)
      : reader(settings.body_bytes_max, settings.head_rules, in_pieces), since(now) {}

  /// Whether the peer waits for something of ours: an answer, or the rest of a stream.
  bool owes() const { return running != nullptr || !answers.empty(); }

  RequestReader reader;
  AnswerQueue answers;
  std::unique_ptr<RunningStream> running;         // null unless the answer that is being sent is a stream
  bool stream_is_due = false;                     // an answer that waits in `answers` is a stream
  bool reads_pieces = false;                      // the body that is being read goes to a stream
  std::vector<std::uint8_t> held;                 // input not yet read, in order
  std::optional<std::uint32_t> awaited_sequence;  // no further request begins before this answer is there
  TimeNs since;                                   // when the reader's phase began, or when the last answer left while it was idle
  Intake intake = Intake::open;
  CallerRef caller;            // of the request that is being read, once its head was
  Remote remote;               // likewise
  bool is_reading = false;     // read_requests is running: an answer given meanwhile must not start it again
  bool is_first = true;        // no request was whole yet
  bool is_counted = false;     // it is one of admin.max_connections
  bool peer_finished = false;  // FIN was received; whole requests are still answered
};

/// The session's part of the connection record.
struct AdminRecord {
  AdminConnection* state = nullptr;  // owned; null after on_gone
};
static_assert(sizeof(AdminRecord) <= conn::Connection::session_bytes_max);

}  // namespace ringgate::admin
