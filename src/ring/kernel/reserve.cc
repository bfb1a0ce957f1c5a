// Descriptors in reserve (Ring::hold_reserve). It makes system calls only at the start and while the process has run out.
#include <fcntl.h>
#include <unistd.h>

#include "ring/kernel/backend.h"

namespace ringgate::ring {

bool Ring::hold_reserve(std::size_t count) {
  Backend& b = *backend_;
  if (b.features.direct_descriptors) return true;
  while (b.reserve.size() < count) {
    const int descriptor = fcntl(b.event_descriptor, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) return false;
    b.reserve.push_back(descriptor);
  }
  return true;
}

bool Ring::release_reserve() {
  Backend& b = *backend_;
  if (b.reserve.empty()) return false;
  ::close(b.reserve.back());
  b.reserve.pop_back();
  return true;
}

}  // namespace ringgate::ring
