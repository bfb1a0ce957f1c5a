// The load client's io_uring: one ring, a table of direct descriptors, and one group of provided receive buffers.
//
// It is not the gate's ring: it needs liburing 2.3 and kernel 6.1 or later, and has no fallbacks. Direct descriptors take no
// process descriptors: RLIMIT_NOFILE bounds the table of each ring, not their sum. Thread: the one that opened it. Invariant:
// every received buffer is given back exactly once.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "base/time.h"
#include "ringgate/bytes.h"

namespace ringgate::load {

struct RingSizes {
  unsigned submissions = 4096;
  unsigned completions = 65536;
  unsigned sockets_max = 16384;  // at most RLIMIT_NOFILE
  unsigned buffers = 64;         // a power of two
  unsigned buffer_bytes = 16 * 1024;
};

class ClientRing {
 public:
  /// The error is a sentence that names the call and errno.
  static std::expected<std::unique_ptr<ClientRing>, std::string> open(const RingSizes& sizes);
  ~ClientRing();
  ClientRing(const ClientRing&) = delete;
  ClientRing& operator=(const ClientRing&) = delete;

  /// An empty submission; submits first if the queue is full.
  io_uring_sqe& next_submission();

  /// Moves the process descriptor `descriptor` into the direct slot `socket` and closes it. False, and it is closed as well, if
  /// the kernel refuses.
  bool install(unsigned socket, int descriptor);

  /// Submits the queue and waits up to `wait_max` for a completion; with 0 it does not wait.
  void submit_and_wait(DurationNs wait_max);

  /// Copies completions out of the queue; call it until it returns 0.
  std::size_t reap(std::span<io_uring_cqe> out);

  static bool has_buffer(const io_uring_cqe& completion) { return (completion.flags & IORING_CQE_F_BUFFER) != 0; }
  /// The bytes of a receive, valid until `return_buffer`.
  ByteView received(const io_uring_cqe& completion) const;
  void return_buffer(const io_uring_cqe& completion);

  const RingSizes& sizes() const { return sizes_; }
  static constexpr int buffer_group = 0;

 private:
  explicit ClientRing(const RingSizes& sizes) : sizes_(sizes) {}
  std::expected<void, std::string> set_up();
  std::expected<void, std::string> set_up_buffers();
  std::uint8_t* buffer(unsigned id) { return buffers_ + std::size_t{id} * sizes_.buffer_bytes; }

  RingSizes sizes_;
  io_uring ring_{};
  bool is_open_ = false;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::uint8_t* buffers_ = nullptr;
};

}  // namespace ringgate::load
