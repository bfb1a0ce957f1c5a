// Wrong tokens by source, so that nobody guesses for long: after limits::admin_failures_max of them a source must wait. The tokens
// that were good from there last still are: one misled caller behind an address does not lock the others out.
//
// For the admin port; the credentials of devices are counted in limiter.h. All peers of Unix sockets are one source, and so are those
// whose address is unknown. Owned by the gate's state; any thread. While no source must wait, a request whose token is good takes no
// lock. Memory is fixed: a table of limits::sources_remembered_max sources.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "device/id_key.h"
#include "limit/pace.h"
#include "limit/rate_table.h"
#include "ring/ring.h"

namespace ringgate::limit {

class FailedAttempts {
 public:
  static constexpr std::size_t names_max = 4;  // tokens that callers behind one address may use without being locked out

  /// `hash` must outlive this: attackers choose addresses.
  explicit FailedAttempts(const device::KeyedHash& hash);

  /// A source, and the name of a token, as keys. Keys of the same are equal.
  std::uint64_t source_of(const ring::PeerAddress& peer) const;
  std::uint64_t name_of(std::string_view token_name) const { return hash_(token_name).index; }

  /// Counts a wrong token of `source`. False: the source must wait, and was told so; nothing is counted. Of attempts side by side
  /// no more are judged than of those that come one by one.
  bool fail(std::uint64_t source, TimeNs now);

  /// Whether a good token named `name` is let in: unless `source` must wait and has not used it before. Remembers nothing.
  bool may_enter(std::uint64_t source, std::uint64_t name, TimeNs now);

  /// Remembers that the token named `name` came from `source`, as one of the last names_max of that source.
  void remember(std::uint64_t source, std::uint64_t name, TimeNs now);

 private:
  struct Source {
    Pace failures;
    std::array<std::uint64_t, names_max> names;  // of the tokens that were good last, the latest first; 0: none
    /// Names are worth less than the smallest debt.
    std::uint64_t worth(TimeNs now) const { return failures.worth(now) + (names[0] != 0 ? 1 : 0); }
    bool knows(std::uint64_t name) const { return std::ranges::find(names, name) != names.end(); }
  };

  const device::KeyedHash& hash_;
  RateTable<Source> sources_;
  std::atomic<TimeNs> waiting_until_{0};  // no source must wait longer (relaxed: a hint about the table, which has locks)
};

}  // namespace ringgate::limit
