// Tells who makes a request: by its bearer token if the gate has tokens for its admin port, else by what the port itself demands, a
// client certificate, a Unix socket or the loopback.
//
// Decides nothing about endpoints: what a caller may do is in routes.cc. One per shard, owned by the admin session; owner shard.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "admin/access.h"
#include "admin/refusal.h"
#include "admin/remote.h"
#include "admin/request_reader.h"
#include "base/counters.h"
#include "base/log_limiter.h"
#include "limit/failed_attempts.h"
#include "tls/client_identity.h"

namespace ringgate::admin {

/// Where a request came from. Borrowed for the call.
struct Origin {
  const Remote& remote;
  const tls::ClientIdentity* certificate = nullptr;  // null: none was shown
};

struct Clocks {
  TimeNs now = 0;                 // monotonic
  std::int64_t unix_seconds = 0;  // when tokens expire
};

class Guard {
 public:
  /// `access`, and `attempts` and `logs` of the whole gate, outlive the guard; `access` null: everybody may do everything. `port`: the
  /// name of callers whom only the port lets in.
  Guard(const Access* access, limit::FailedAttempts& attempts, LogLimiter& logs, std::string port, ShardCounters& counters)
      : access_(access), attempts_(attempts), logs_(logs), by_port_(let_in_by_port(std::move(port))), counters_(counters) {}

  /// Who makes `request`; a refusal if its credential is missing or wrong.
  std::expected<CallerRef, Refusal> identify(const Request& request, const Origin& origin, const Clocks& clocks);
  /// A caller that nobody knows, who may do what everybody may.
  const CallerRef& nobody() const { return nobody_; }

 private:
  const AccessTable& table();
  static CallerRef let_in_by_port(std::string name);
  std::expected<CallerRef, Refusal> judge_token(std::string_view token, const Origin& origin, const Clocks& clocks);
  void remember(std::uint64_t source, std::uint64_t name, TimeNs now);
  std::unexpected<Refusal> refuse(Refusal refusal, std::string_view cause, const Origin& origin, TimeNs now);

  /// Who was let in lately, so that a caller of many requests takes the table's lock once in a while only.
  struct Remembered {
    std::uint64_t source = 0;
    std::uint64_t name = 0;
    TimeNs until = 0;
  };

  const Access* access_;
  limit::FailedAttempts& attempts_;
  LogLimiter& logs_;
  const CallerRef by_port_;  // whoever has neither a token nor a certificate
  const CallerRef nobody_ = std::make_shared<const Caller>();
  ShardCounters& counters_;
  std::shared_ptr<const AccessTable> table_;
  std::uint64_t version_ = 0;
  std::array<Remembered, 64> remembered_{};
};

}  // namespace ringgate::admin
