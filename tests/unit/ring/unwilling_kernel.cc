// Stands before liburing's enter, so that a test can have the kernel refuse one (kernel_ring_fixture.h says which).
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "unit/ring/kernel_ring_fixture.h"

extern "C" int io_uring_enter2(unsigned int descriptor, unsigned int to_submit, unsigned int completions_min, unsigned int flags,
                               sigset_t* argument, size_t argument_bytes) {
  using namespace ringgate::ring;
  if (unwilling::enters > 0) {
    --unwilling::enters;
    return -EAGAIN;
  }
  if (unwilling::submits && to_submit > 0) return -EAGAIN;
  const long result = ::syscall(__NR_io_uring_enter, descriptor, to_submit, completions_min, flags, argument, argument_bytes);
  return result < 0 ? -errno : static_cast<int>(result);
}
