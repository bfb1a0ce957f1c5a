// The key of a device id in the device map: 128 bits of a keyed hash. Peers choose their ids, so the hash depends on a secret of
// this process: nobody outside can prepare collisions.
//
// A key does not prove identity: two ids share `index` with a probability near 2^-64. The owner shard compares `check`, or the
// whole id, before it acts on an answer of the map.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate::device {

/// `index` places the id in the map; `check` tells two ids with the same index apart.
struct IdKey {
  static constexpr std::uint64_t index_min = 2;  // the map uses 0 and 1 as tags

  std::uint64_t index = 0;  // >= index_min when made by KeyedHash
  std::uint64_t check = 0;

  friend constexpr bool operator==(const IdKey&, const IdKey&) = default;
};

/// XXH3, 128 bits, keyed with a secret. Immutable after construction: any thread.
class KeyedHash {
 public:
  static constexpr std::size_t secret_bytes = 192;
  using Secret = std::array<std::uint8_t, secret_bytes>;

  /// `secret` is random, from the kernel's generator, once per gate. A secret of equal bytes hashes badly.
  explicit KeyedHash(const Secret& secret) : secret_(secret) {}

  /// The key of `device_id` (any bytes, any length). Does not allocate.
  IdKey operator()(std::string_view device_id) const;

 private:
  Secret secret_;
};

}  // namespace ringgate::device
