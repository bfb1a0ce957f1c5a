// The name of a connection, as a value: copy it, keep it, send it to other threads. It never dangles; it may be stale.
#pragma once

#include <cstdint>
#include <string>

namespace ringgate {

/// The gate makes it. It names one connection for ever: once that connection has ended, the name means nobody.
struct ConnectionRef {
  std::uint64_t word = 0;  // shard 8 | slot 24 | generation 32; 0: nobody

  /// 16 hexadecimal digits, as in logs and in the member `conn` of the admin API. Any thread; allocates.
  std::string text() const;

  friend constexpr bool operator==(const ConnectionRef&, const ConnectionRef&) = default;
};

}  // namespace ringgate
