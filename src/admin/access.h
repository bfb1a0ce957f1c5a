// Who may ask the admin API for what: the callers that tokens name, and the tokens in force.
//
// A table is immutable; a reload replaces it as a whole. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/fault.h"
#include "auth/token_file.h"
#include "dispatch/outcomes.h"

namespace ringgate::admin {

/// Who makes requests, and what it may do. A value.
struct Caller {
  std::string name;  // for the log: of the token, or what else lets this caller in
  auth::Scopes scopes;
  // Restrictions of the token; empty: none. They hold together.
  std::string prefix;  // of device ids
  std::string group;
  std::string route;

  /// `admin` stands for everything.
  bool may(auth::Scope scope) const { return scopes.has(scope) || scopes.has(auth::Scope::admin); }
  bool is_restricted() const { return !prefix.empty() || depends_on_connection(); }
  /// Whether the id alone does not tell if a device is covered.
  bool depends_on_connection() const { return !group.empty() || !route.empty(); }
  bool covers_id(std::string_view device_id) const { return device_id.starts_with(prefix); }
  bool covers(const dispatch::DeviceInfo& device) const;
};

/// Shared: it outlives the request in the line about its outcome, and one serves all requests that need no token.
using CallerRef = std::shared_ptr<const Caller>;

/// The files of `admin.tokens`. Without any, no token is asked for.
class AccessTable {
 public:
  AccessTable() = default;
  explicit AccessTable(std::vector<std::shared_ptr<const auth::AdminTokens>> files) : files_(std::move(files)) {}

  bool demands_token() const { return !files_.empty(); }

  /// The caller with this token. `now`: Unix seconds. token_malformed, token_unknown, token_expired.
  std::expected<Caller, auth::Fault> find(std::string_view token, std::int64_t now) const;

 private:
  std::vector<std::shared_ptr<const auth::AdminTokens>> files_;
};

/// The table in force.
class Access {
 public:
  void renew(std::shared_ptr<const AccessTable> table) {
    table_.store(std::move(table), std::memory_order_release);
    version_.fetch_add(1, std::memory_order_release);
  }
  std::shared_ptr<const AccessTable> table() const { return table_.load(std::memory_order_acquire); }
  /// Another number once there is another table (acquire, with `renew`): so that shards look for one without a lock.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::shared_ptr<const AccessTable>> table_{std::make_shared<const AccessTable>()};
  std::atomic<std::uint64_t> version_{1};
};

}  // namespace ringgate::admin
