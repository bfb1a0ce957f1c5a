// Thousands of connections that only take up room, held by processes of their own: one process may have 20,000 descriptors, and one
// address some 28,000 ports, so each process has a loopback address of its own.
//
//   half_heads    sends a request head without its end, and waits
//   slow_readers  opens as a device, sends messages to be echoed, and reads nothing
//
// Plain sockets and epoll, and nothing shared with the client under test. Thread: the main one, before it starts others, for it forks.
// Invariant: the processes are gone when this object is.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "load/endpoint.h"

namespace ringgate::stress {

enum class CrowdKind : std::uint32_t { half_heads, slow_readers };

struct CrowdOptions {
  CrowdKind kind = CrowdKind::half_heads;
  std::uint32_t processes = 1;
  std::uint32_t connections = 0;          // of each process
  std::uint32_t connects_per_second = 0;  // of each process
  std::uint32_t bytes = 0;                // of a half head, or sent by a slow reader
  std::uint32_t first_address = 2;        // the last byte of the first process's 127.0.0.x
};

class Crowd {
 public:
  /// Forks. The processes wait for `start`.
  explicit Crowd(const CrowdOptions& options);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  void start(std::uint16_t port);
  /// Closes all that is open. Returns at once.
  void end();

  struct Counts {
    std::uint64_t opened = 0;    // connected
    std::uint64_t sent = 0;      // all their bytes are with the kernel
    std::uint64_t answered = 0;  // 503
    std::uint64_t ended = 0;     // by the gate, those answered included
    std::uint64_t failed = 0;    // did not connect
    std::uint64_t open() const { return opened - ended; }
  };
  Counts counts() const;
  bool has_opened_all() const;

 private:
  struct Shared;  // with the processes
  class Member;

  CrowdOptions options_;
  Shared* shared_ = nullptr;
  std::vector<pid_t> pids_;
};

}  // namespace ringgate::stress
