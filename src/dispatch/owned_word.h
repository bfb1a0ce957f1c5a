// Conversions between objects and the words that carry them in parcels. Invariant: each lent object is taken exactly once, by the
// receiver of its parcel or, if the parcel was not posted, by the sender. Any thread.
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
