// Resizes a vector or appends to it; a lack of memory is an error value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

namespace ringgate {

/// Resizes `bytes`; added bytes are 0. False, and `bytes` is unchanged, if memory is out. Allocates.
inline bool try_resize(std::vector<std::uint8_t>& bytes, std::size_t size) {
  try {
    bytes.resize(size);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

/// Appends `more`. False, and `bytes` is unchanged, if memory is out. Allocates.
inline bool try_append(std::vector<std::uint8_t>& bytes, std::span<const std::uint8_t> more) {
  try {
    bytes.insert(bytes.end(), more.begin(), more.end());
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

}  // namespace ringgate
