// The ring of the measuring scenarios: as few system calls, completions and cache lines per message as io_uring allows.
//
// ClientRing is more convenient; here successful sends are silent, one enter submits and waits, and all receive buffers together
// fit half of the L2 cache. Thread: the one that opened it. Invariant: the memory of a silent send is free again after the enter
// that submitted it; a short send always completes with the number of bytes taken (needs both MSG_WAITALL and MSG_DONTWAIT).
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "base/time.h"
#include "ringgate/bytes.h"

namespace ringgate::measure {

struct EchoRingSizes {
  unsigned sockets = 64;
  std::size_t receive_bytes = 64;  // the typical size of one receive; decides the size of the buffers
};

enum class EchoOperation : std::uint8_t { receive, silent_send, send };

/// A copy of a completion, with names.
struct EchoCompletion {
  EchoOperation operation = EchoOperation::receive;
  std::uint32_t socket = 0;
  int result = 0;
  bool has_more = false;  // the multishot receive goes on
  ByteView bytes;         // received; valid for the call
};

class EchoRing {
 public:
  /// The error is a sentence that names the call and errno.
  static std::expected<std::unique_ptr<EchoRing>, std::string> open(const EchoRingSizes& sizes);
  ~EchoRing();
  EchoRing(const EchoRing&) = delete;
  EchoRing& operator=(const EchoRing&) = delete;

  /// Moves the process descriptor into the direct slot `socket` and closes it; false if the kernel refuses.
  bool install(unsigned socket, int descriptor);

  void receive(unsigned socket);
  void send_silently(unsigned socket, ByteView bytes);
  void send(unsigned socket, ByteView bytes);  // completes with the number of bytes taken, perhaps not all

  struct Wait {
    unsigned completions_min = 1;
    DurationNs limit = 0;  // 0: do not wait
  };
  /// Submits everything, and waits for `completions_min` completions or until `limit` has passed.
  void enter(const Wait& wait);
  /// Submits everything and waits for nothing; afterwards the memory of silent sends is free.
  void submit();

  /// Passes every completion to `take(completion)`, which may prepare submissions but must not enter. Returns their number.
  template <typename Take>
  std::size_t drain(Take take);

  std::uint64_t enters() const { return enters_; }

 private:
  explicit EchoRing(const EchoRingSizes& sizes);
  std::expected<void, std::string> set_up();
  std::expected<void, std::string> set_up_buffers();
  io_uring_sqe& next_submission();
  unsigned publish();
  std::uint8_t* buffer(unsigned id) { return buffers_ + std::size_t{id} * buffer_bytes_; }

  unsigned sockets_;
  unsigned buffers_count_;
  std::size_t buffer_bytes_;
  io_uring ring_{};
  bool is_open_ = false;
  int enter_descriptor_ = -1;
  unsigned enter_flags_ = 0;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::uint8_t* buffers_ = nullptr;
  std::uint64_t enters_ = 0;
};

template <typename Take>
std::size_t EchoRing::drain(Take take) {
  unsigned head = 0;
  unsigned count = 0;
  int returned = 0;
  const int mask = static_cast<int>(buffers_count_ - 1);
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    ++count;
    EchoCompletion completion{static_cast<EchoOperation>(cqe->user_data >> 32),
                              static_cast<std::uint32_t>(cqe->user_data),
                              cqe->res,
                              (cqe->flags & IORING_CQE_F_MORE) != 0,
                              {}};
    if ((cqe->flags & IORING_CQE_F_BUFFER) == 0) {
      take(completion);
      continue;
    }
    const unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    completion.bytes = {buffer(id), static_cast<std::size_t>(cqe->res > 0 ? cqe->res : 0)};
    take(completion);
    io_uring_buf_ring_add(buffer_ring_, buffer(id), static_cast<unsigned>(buffer_bytes_), static_cast<unsigned short>(id), mask,
                          returned++);
  }
  io_uring_cq_advance(&ring_, count);
  if (returned != 0) io_uring_buf_ring_advance(buffer_ring_, returned);
  return count;
}

}  // namespace ringgate::measure
