// The log lines of calls that change something: who asked, for what, and the outcome. A call is written when it is answered, whether
// or not its caller is still there.
//
// Stands between endpoints and the session. Owned by the API; owner shard. Bounded by the requests in flight.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/access.h"
#include "admin/remote.h"
#include "admin/responder.h"
#include "base/log.h"

namespace ringgate::admin {

/// The call, for its line.
struct AuditNote {
  log::Level level = log::Level::info;
  CallerRef caller;
  Remote remote;
  std::string what;          // "DELETE /v1/devices/{id}"
  std::string device_id;     // empty: of no device
  std::string trace_parent;  // perhaps malformed: then it is ignored
};

/// Adds `uid` and `pid` if they are known.
void add_process(std::vector<log::Field>& fields, const std::optional<ring::PeerProcess>& process);

class AuditTrail final : private AnswerSink {
 public:
  /// Of a call that is answered already. Only for a level that the log writes, as below.
  static void write(const AuditNote& note, const Answer& answer);

  /// A responder whose answer is written to the log, and then given to `responder`.
  Responder follow(const Responder& responder, AuditNote note);

 private:
  struct Entry {
    AuditNote note;
    Responder responder;
  };

  void answer(const AnswerTicket& ticket, Answer answer) override;

  std::map<AnswerTicket, Entry> open_;
};

}  // namespace ringgate::admin
