// Wrong tokens by source, so that nobody guesses for long: after limits::admin_failures_max of them a source must wait. Who has been let
// in from there before still is, with the same token: one misled caller behind an address does not lock the others out.
//
// A source is an IPv4 address or an IPv6 /64. Bounded memory: of too many sources the one is forgotten that has been quiet for longest.
// One per shard; owner shard.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "ring/ring.h"

namespace ringgate::admin {

class FailedAttempts {
 public:
  void note_failure(const ring::PeerAddress& peer, TimeNs now);
  /// `name`: of the token.
  void note_success(const ring::PeerAddress& peer, std::string_view name, TimeNs now);

  /// Whether a token from `peer` is refused unseen, unless it is that of `name`, which this source has used before.
  bool must_wait(const ring::PeerAddress& peer, TimeNs now) const;
  bool was_let_in(const ring::PeerAddress& peer, std::string_view name) const;

  std::size_t sources_count() const { return sources_.size(); }

 private:
  struct Source {
    std::string name;        // of the token that was good last
    TimeNs forgiven_at = 0;  // when all failures will be forgiven
    TimeNs seen = 0;
  };
  using Key = std::array<std::uint8_t, 16>;
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}({reinterpret_cast<const char*>(key.data()), key.size()});
    }
  };

  static Key key_of(const ring::PeerAddress& peer);
  Source& source_of(const ring::PeerAddress& peer, TimeNs now);

  std::unordered_map<Key, Source, Hash> sources_;
};

}  // namespace ringgate::admin
