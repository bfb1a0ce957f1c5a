// What one admin connection carries beyond its transport, for as long as it lives.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "admin/admin_settings.h"
#include "admin/answer_queue.h"
#include "admin/request_reader.h"
#include "base/time.h"
#include "conn/connection.h"

namespace ringgate::admin {

/// What happens to bytes that arrive.
enum class Intake : std::uint8_t {
  open,     // they are read
  held,     // too much is owed or waits: they are kept, and the transport is paused
  stopped,  // the last request is read: they are thrown away
};

struct AdminConnection {
  AdminConnection(const AdminSettings& settings, TimeNs now) : reader(settings.body_bytes_max, settings.head_rules), since(now) {}

  RequestReader reader;
  AnswerQueue answers;
  std::vector<std::uint8_t> held;                 // input that waits, in order
  std::optional<std::uint32_t> awaited_sequence;  // no further request begins before this answer is there
  TimeNs since;  // when the reader's phase began; for an idle one, also when the last answer left
  Intake intake = Intake::open;
  bool is_reading = false;     // requests are being read: answers given meanwhile do not begin further ones
  bool is_first = true;        // no request was begun yet
  bool is_counted = false;     // among those that admin.max_connections allows
  bool peer_finished = false;  // FIN seen: what is owed is still answered
};

/// The session's part of the connection record.
struct AdminRecord {
  AdminConnection* state = nullptr;  // owned; null once the transport has said that the connection is gone
};
static_assert(sizeof(AdminRecord) <= conn::Connection::session_bytes_max);

}  // namespace ringgate::admin
