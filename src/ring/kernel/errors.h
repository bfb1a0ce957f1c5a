// The one place that translates errno.
#pragma once

#include <cerrno>

#include "ring/ring.h"

namespace ringgate::ring {

/// `error` is a positive errno value.
constexpr IoError translate(int error) {
  switch (error) {
    case 0: return IoError::none;
    case EINTR:
    case EAGAIN: return IoError::again;
    case ENOBUFS: return IoError::no_buffers;
    case ECANCELED: return IoError::cancelled;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ETIMEDOUT:
    case ENOTCONN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN: return IoError::connection_ended;
    case EMFILE:
    case ENFILE: return IoError::no_descriptors;
    case ENOMEM: return IoError::no_memory;
    case ENOENT:
    case EALREADY: return IoError::not_found;
    case EINVAL:
    case EOPNOTSUPP:
    case ENOSYS: return IoError::unsupported;
    default: return IoError::other;
  }
}

/// Exit codes of a failed start, from sysexits(3): EX_UNAVAILABLE, EX_OSERR, EX_NOPERM.
inline constexpr int exit_ring_unavailable = 69;
inline constexpr int exit_system = 71;
inline constexpr int exit_permission = 77;

/// Explains a failed io_uring_setup or registration, with a remedy for the operator. `error` is a positive errno value.
SetupError describe_ring_failure(const char* what, int error);

}  // namespace ringgate::ring
