// Growing a vector where lack of memory is an error value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace ringgate {

/// Gives `bytes` that size; new ones are 0. False if memory is out, and then it is as before.
inline bool try_resize(std::vector<std::uint8_t>& bytes, std::size_t size) {
  try {
    bytes.resize(size);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

}  // namespace ringgate
