// The state of one admin connection beyond its transport. Owned by its AdminRecord while the connection lives; owner shard.
#pragma once

#include <cstdint>
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

struct AdminConnection {
  AdminConnection(const AdminSettings& settings, TimeNs now) : reader(settings.body_bytes_max, settings.head_rules), since(now) {}

  RequestReader reader;
  AnswerQueue answers;
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
