#include "load/measure/echo_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"

namespace ringgate::measure {
namespace {

constexpr std::size_t buffers_bytes_max = 512 * 1024;  // half of a usual L2 cache
constexpr std::size_t buffer_bytes_min = 256;
constexpr std::size_t buffer_bytes_max = 64 * 1024;
constexpr unsigned buffers_max = 1024;
constexpr unsigned submissions = 1024;
constexpr unsigned completions_min = 4096;
constexpr unsigned submit_attempts_max = 100'000;
constexpr int buffer_group = 0;

std::unexpected<std::string> failed(const char* call, int error) {
  return std::unexpected(std::string(call) + ": " + std::strerror(error));
}

void* map(std::size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

std::uint64_t tag(EchoOperation operation, unsigned socket) { return (static_cast<std::uint64_t>(operation) << 32) | socket; }

}  // namespace

EchoRing::EchoRing(const EchoRingSizes& sizes)
    : sockets_(sizes.sockets), buffer_bytes_(std::clamp(std::bit_ceil(sizes.receive_bytes), buffer_bytes_min, buffer_bytes_max)) {
  buffers_count_ = static_cast<unsigned>(std::min<std::size_t>(buffers_bytes_max / buffer_bytes_, buffers_max));
}

std::expected<std::unique_ptr<EchoRing>, std::string> EchoRing::open(const EchoRingSizes& sizes) {
  std::unique_ptr<EchoRing> ring(new EchoRing(sizes));
  if (auto done = ring->set_up(); !done) return std::unexpected(done.error());
  if (auto done = ring->set_up_buffers(); !done) return std::unexpected(done.error());
  return ring;
}

std::expected<void, std::string> EchoRing::set_up() {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                     IORING_SETUP_CLAMP;
  // One enter may complete a receive and a send of each connection, and a receive for each buffer.
  parameters.cq_entries = std::bit_ceil(std::max(completions_min, 2 * sockets_ + buffers_count_));
  if (const int error = io_uring_queue_init_params(submissions, &ring_, &parameters); error < 0)
    return failed("io_uring_setup", -error);
  is_open_ = true;
  for (unsigned i = 0; i < ring_.sq.ring_entries; ++i) ring_.sq.array[i] = i;  // `enter` never changes it
  enter_descriptor_ = ring_.ring_fd;
  if (io_uring_register_ring_fd(&ring_) == 1) {
    enter_descriptor_ = ring_.enter_ring_fd;
    enter_flags_ = IORING_ENTER_REGISTERED_RING;
  }
  if (const int error = io_uring_register_files_sparse(&ring_, sockets_); error < 0)
    return failed("register the table of direct descriptors", -error);
  return {};
}

std::expected<void, std::string> EchoRing::set_up_buffers() {
  buffer_ring_ = static_cast<io_uring_buf_ring*>(map(buffers_count_ * sizeof(io_uring_buf)));
  buffers_ = static_cast<std::uint8_t*>(map(buffers_count_ * buffer_bytes_));
  if (buffer_ring_ == nullptr || buffers_ == nullptr) return failed("mmap", ENOMEM);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring_);
  registration.ring_entries = buffers_count_;
  registration.bgid = buffer_group;
  if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0); error < 0)
    return failed("register the buffer ring", -error);
  io_uring_buf_ring_init(buffer_ring_);
  for (unsigned id = 0; id < buffers_count_; ++id)
    io_uring_buf_ring_add(buffer_ring_, buffer(id), static_cast<unsigned>(buffer_bytes_), static_cast<unsigned short>(id),
                          static_cast<int>(buffers_count_ - 1), static_cast<int>(id));
  io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(buffers_count_));
  return {};
}

EchoRing::~EchoRing() {
  if (is_open_) io_uring_queue_exit(&ring_);
  if (buffer_ring_ != nullptr) munmap(buffer_ring_, buffers_count_ * sizeof(io_uring_buf));
  if (buffers_ != nullptr) munmap(buffers_, buffers_count_ * buffer_bytes_);
}

bool EchoRing::install(unsigned socket, int descriptor) {
  const int installed = io_uring_register_files_update(&ring_, socket, &descriptor, 1);
  ::close(descriptor);
  return installed == 1;
}

io_uring_sqe& EchoRing::next_submission() {
  io_uring_sqe* submission = io_uring_get_sqe(&ring_);
  if (submission == nullptr) {
    submit();
    submission = io_uring_get_sqe(&ring_);
  }
  RINGGATE_ASSERT(submission != nullptr);
  return *submission;
}

void EchoRing::receive(unsigned socket) {
  auto& submission = next_submission();
  io_uring_prep_recv_multishot(&submission, static_cast<int>(socket), nullptr, 0, 0);
  submission.flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  submission.buf_group = buffer_group;
  submission.ioprio |= IORING_RECVSEND_POLL_FIRST;
  submission.user_data = tag(EchoOperation::receive, socket);
}

void EchoRing::send_silently(unsigned socket, ByteView bytes) {
  auto& submission = next_submission();
  io_uring_prep_send(&submission, static_cast<int>(socket), bytes.data(), bytes.size(),
                     MSG_WAITALL | MSG_DONTWAIT | MSG_NOSIGNAL);
  submission.flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  submission.user_data = tag(EchoOperation::silent_send, socket);
}

void EchoRing::send(unsigned socket, ByteView bytes) {
  auto& submission = next_submission();
  io_uring_prep_send(&submission, static_cast<int>(socket), bytes.data(), bytes.size(), MSG_WAITALL | MSG_NOSIGNAL);
  submission.flags = IOSQE_FIXED_FILE;
  submission.user_data = tag(EchoOperation::send, socket);
}

unsigned EchoRing::publish() {
  io_uring_sq& sq = ring_.sq;
  if (sq.sqe_head != sq.sqe_tail) {
    sq.sqe_head = sq.sqe_tail;
    __atomic_store_n(sq.ktail, sq.sqe_tail, __ATOMIC_RELEASE);
  }
  return sq.sqe_tail - __atomic_load_n(sq.khead, __ATOMIC_ACQUIRE);
}

void EchoRing::submit() {
  for (unsigned attempts = 0; const unsigned waiting = publish(); ++attempts) {
    RINGGATE_ASSERT(attempts < submit_attempts_max);
    ++enters_;
    io_uring_enter2(static_cast<unsigned>(enter_descriptor_), waiting, 0, enter_flags_, nullptr, _NSIG / 8);
  }
}

void EchoRing::enter(const Wait& wait) {
  const unsigned waiting = publish();
  __kernel_timespec limit{};
  limit.tv_sec = static_cast<std::int64_t>(wait.limit / nanoseconds_per_second);
  limit.tv_nsec = static_cast<long long>(wait.limit % nanoseconds_per_second);
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<std::uintptr_t>(&limit);
  ++enters_;
  io_uring_enter2(static_cast<unsigned>(enter_descriptor_), waiting, wait.limit == 0 ? 0 : wait.completions_min,
                  enter_flags_ | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, reinterpret_cast<sigset_t*>(&argument),
                  sizeof argument);
  // A timeout, a signal or a lack of memory may leave submissions. The kernel must take them all before the memory of silent
  // sends is used again.
  submit();
}

}  // namespace ringgate::measure
