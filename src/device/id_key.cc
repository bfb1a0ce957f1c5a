#include "device/id_key.h"

#include <xxhash.h>

namespace ringgate::device {

static_assert(KeyedHash::secret_bytes >= XXH3_SECRET_SIZE_MIN);

IdKey KeyedHash::operator()(std::string_view device_id) const {
  const XXH128_hash_t hash = XXH3_128bits_withSecret(device_id.data(), device_id.size(), secret_.data(), secret_.size());
  const std::uint64_t index = hash.low64 < IdKey::index_min ? hash.low64 + IdKey::index_min : hash.low64;
  return {index, hash.high64};
}

}  // namespace ringgate::device
