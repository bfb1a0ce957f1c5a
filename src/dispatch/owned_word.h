// Objects that travel in a parcel as one word: whoever takes the parcel owns them.
#pragma once

#include <cstdint>
#include <memory>

#include "ws/prepared_message.h"

namespace ringgate::dispatch {

inline std::uintptr_t lend(ws::MessageRef message) { return reinterpret_cast<std::uintptr_t>(message.detach()); }
inline ws::MessageRef take_message(std::uintptr_t word) {
  return ws::MessageRef::attach(reinterpret_cast<const ws::PreparedMessage*>(word));
}
template <typename T>
std::unique_ptr<T> take(std::uintptr_t word) {
  return std::unique_ptr<T>(reinterpret_cast<T*>(word));
}

}  // namespace ringgate::dispatch
