// A connection named by value: copy it, keep it, send it to other threads. It never dangles; it may be stale.
#pragma once

#include <cstdint>
#include <string>

namespace ringgate {

/// Made by the gate. Names one connection for ever: when that has ended, the name means nobody, and never the slot's next user.
struct ConnectionRef {
  std::uint64_t word = 0;  // shard 8 | slot 24 | generation 32; 0: nobody

  /// 16 hexadecimal digits, as in logs and in the admin API's member `conn`.
  std::string text() const;

  friend constexpr bool operator==(const ConnectionRef&, const ConnectionRef&) = default;
};

}  // namespace ringgate
