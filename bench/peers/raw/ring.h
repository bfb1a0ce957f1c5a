// The io_uring of raw_uring: set-up, entering, and the provided buffer ring. One thread; everything that fails ends the program.
//
// Buffers: 2 incremental ones of 512 KiB, as the gate has: few messages are cut. The kernel fills a buffer piece by piece. Invariant: a buffer goes back only after an enter has executed every send that was made from it.
#pragma once

#include <liburing.h>
#include <sys/mman.h>

#include <array>
#include <cstddef>
#include <vector>

#include "listener.h"

namespace peers {

class Ring {
 public:
  static constexpr unsigned buffers_count = 2;
  static constexpr std::size_t buffer_bytes = 512 * 1024;

  explicit Ring(unsigned sockets_max) {
    open();
    if (const int error = io_uring_register_files_sparse(&uring_, sockets_max); error < 0)
      fail("registering direct descriptors", -error);
    provide_all();
    registered_ = io_uring_register_ring_fd(&uring_) == 1;
  }

  io_uring_sqe* next(std::uint64_t user_data) {
    io_uring_sqe* sqe = io_uring_get_sqe(&uring_);
    while (sqe == nullptr) {
      submit();
      sqe = io_uring_get_sqe(&uring_);
    }
    std::memset(sqe, 0, sizeof *sqe);
    sqe->user_data = user_data;
    return sqe;
  }

  /// Executes what was prepared, and nothing else: nothing is received meanwhile.
  void submit() {
    while (enter(0, 0, 0) != 0) {
    }
  }

  /// Executes what was prepared and waits for `completions`, or after `patience_us` (0: no limit) for one.
  void submit_and_wait(unsigned completions, unsigned patience_us) {
    // What the kernel did not take needs room in the completion queue: the caller reaps and comes again.
    enter(IORING_ENTER_GETEVENTS, completions, patience_us);
  }

  /// Calls `use` with each completion that is there, and leaves them in the queue.
  template <typename Use>
  unsigned peek_each(Use use) {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&uring_, head, cqe) {
      use(*cqe);
      ++count;
    }
    return count;
  }
  void drop(unsigned count) { io_uring_cq_advance(&uring_, count); }
  bool all_taken() const { return uring_.sq.sqe_tail == __atomic_load_n(uring_.sq.khead, __ATOMIC_ACQUIRE); }

  std::uint8_t* received(const io_uring_cqe& cqe) {
    const auto id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    std::uint8_t* const bytes = address(id) + offsets_[id];
    if ((cqe.flags & completion_buffer_more) != 0) {
      offsets_[id] += static_cast<std::size_t>(cqe.res);
    } else {
      offsets_[id] = 0;
      full_.push_back(id);
    }
    return bytes;
  }

  bool holds_full_buffers() const { return !full_.empty(); }
  void return_full_buffers() {
    if (full_.empty()) return;
    for (std::size_t i = 0; i < full_.size(); ++i) provide(full_[i], static_cast<int>(i));
    io_uring_buf_ring_advance(entries_, static_cast<int>(full_.size()));
    full_.clear();
  }

 private:
  // What liburing 2.3 does not declare yet (include/uapi/linux/io_uring.h).
  static constexpr unsigned setup_no_sqarray = 1U << 16;       // 6.6
  static constexpr std::uint16_t buffer_ring_incremental = 2;  // 6.12, in io_uring_buf_reg.pad, called flags since
  static constexpr unsigned completion_buffer_more = 1U << 4;  // 6.12
  static constexpr std::size_t stride = buffer_bytes + 64;     // so that equal offsets fall into different cache sets

  void open() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                   IORING_SETUP_CLAMP | setup_no_sqarray;
    params.cq_entries = 4096;  // 64 KiB: it is walked through from end to end, so it takes room in the cache
    const int descriptor = io_uring_setup(1024, &params);
    if (descriptor < 0) fail("io_uring_setup (kernel 6.12 or newer is needed)", -descriptor);
    if (const int error = io_uring_queue_mmap(descriptor, &params, &uring_); error < 0) fail("io_uring_queue_mmap", -error);
    uring_.features = params.features;
    uring_.flags = params.flags;
  }

  void provide_all() {
    memory_ = static_cast<std::uint8_t*>(map(stride * buffers_count));
    entries_ = static_cast<io_uring_buf_ring*>(map(4096));
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(entries_);
    registration.ring_entries = buffers_count;
    std::memcpy(reinterpret_cast<char*>(&registration) + 14, &buffer_ring_incremental, sizeof buffer_ring_incremental);
    if (const int error = io_uring_register_buf_ring(&uring_, &registration, 0); error < 0)
      fail("registering incremental buffers (kernel 6.12 or newer is needed)", -error);
    io_uring_buf_ring_init(entries_);
    for (unsigned id = 0; id < buffers_count; ++id) full_.push_back(static_cast<std::uint16_t>(id));
    return_full_buffers();
  }

  static void* map(std::size_t bytes) {
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) fail("mmap", errno);
    return memory;
  }

  std::uint8_t* address(std::uint16_t id) { return memory_ + stride * id; }
  void provide(std::uint16_t id, int position) {
    io_uring_buf_ring_add(entries_, address(id), buffer_bytes, id, io_uring_buf_ring_mask(buffers_count), position);
  }

  /// Returns how many prepared entries the kernel has not taken.
  unsigned enter(unsigned flags, unsigned completions, unsigned patience_us) {
    io_uring_sq& sq = uring_.sq;
    sq.sqe_head = sq.sqe_tail;
    __atomic_store_n(sq.ktail, sq.sqe_tail, __ATOMIC_RELEASE);
    const unsigned prepared = sq.sqe_tail - __atomic_load_n(sq.khead, __ATOMIC_ACQUIRE);
    if (prepared == 0 && flags == 0) return 0;
    // struct io_uring_getevents_arg; min_wait_usec (6.12) was padding before.
    struct {
      std::uint64_t signal_mask = 0;
      std::uint32_t signal_mask_bytes = 0;
      std::uint32_t minimum_wait_us;
      std::uint64_t timeout = 0;
    } argument{.minimum_wait_us = patience_us};
    int descriptor = uring_.ring_fd;
    if (registered_) {
      descriptor = uring_.enter_ring_fd;
      flags |= IORING_ENTER_REGISTERED_RING;
    }
    const int result = io_uring_enter2(static_cast<unsigned>(descriptor), prepared, completions, flags | IORING_ENTER_EXT_ARG,
                                       reinterpret_cast<sigset_t*>(&argument), sizeof argument);
    if (result < 0 && result != -EINTR && result != -ETIME && result != -EAGAIN && result != -EBUSY)
      fail("io_uring_enter", -result);
    return sq.sqe_tail - __atomic_load_n(sq.khead, __ATOMIC_ACQUIRE);
  }

  io_uring uring_{};
  bool registered_ = false;
  io_uring_buf_ring* entries_ = nullptr;
  std::uint8_t* memory_ = nullptr;
  std::array<std::size_t, buffers_count> offsets_{};
  std::vector<std::uint16_t> full_;
};

}  // namespace peers
