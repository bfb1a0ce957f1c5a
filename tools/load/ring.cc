#include "load/ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"

namespace ringgate::load {
namespace {

std::unexpected<std::string> failed(const char* call, int error) {
  return std::unexpected(std::string(call) + ": " + std::strerror(error));
}

void* map(std::size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

unsigned short buffer_id(const io_uring_cqe& completion) {
  return static_cast<unsigned short>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
}

}  // namespace

std::expected<std::unique_ptr<ClientRing>, std::string> ClientRing::open(const RingSizes& sizes) {
  std::unique_ptr<ClientRing> ring(new ClientRing(sizes));
  if (auto done = ring->set_up(); !done) return std::unexpected(done.error());
  if (auto done = ring->set_up_buffers(); !done) return std::unexpected(done.error());
  return ring;
}

std::expected<void, std::string> ClientRing::set_up() {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                     IORING_SETUP_CLAMP;
  parameters.cq_entries = sizes_.completions;
  if (const int error = io_uring_queue_init_params(sizes_.submissions, &ring_, &parameters); error < 0)
    return failed("io_uring_setup", -error);
  is_open_ = true;
  io_uring_register_ring_fd(&ring_);  // only makes enters faster, so a failure is ignored
  if (const int error = io_uring_register_files_sparse(&ring_, sizes_.sockets_max); error < 0)
    return failed("register the table of direct descriptors", -error);
  return {};
}

std::expected<void, std::string> ClientRing::set_up_buffers() {
  buffer_ring_ = static_cast<io_uring_buf_ring*>(map(sizes_.buffers * sizeof(io_uring_buf)));
  buffers_ = static_cast<std::uint8_t*>(map(std::size_t{sizes_.buffers} * sizes_.buffer_bytes));
  if (buffer_ring_ == nullptr || buffers_ == nullptr) return failed("mmap", ENOMEM);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring_);
  registration.ring_entries = sizes_.buffers;
  registration.bgid = buffer_group;
  if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0); error < 0)
    return failed("register the buffer ring", -error);
  io_uring_buf_ring_init(buffer_ring_);
  const int mask = io_uring_buf_ring_mask(sizes_.buffers);
  for (unsigned id = 0; id < sizes_.buffers; ++id)
    io_uring_buf_ring_add(buffer_ring_, buffer(id), sizes_.buffer_bytes, static_cast<unsigned short>(id), mask,
                          static_cast<int>(id));
  io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(sizes_.buffers));
  return {};
}

ClientRing::~ClientRing() {
  if (is_open_) io_uring_queue_exit(&ring_);
  if (buffer_ring_ != nullptr) munmap(buffer_ring_, sizes_.buffers * sizeof(io_uring_buf));
  if (buffers_ != nullptr) munmap(buffers_, std::size_t{sizes_.buffers} * sizes_.buffer_bytes);
}

io_uring_sqe& ClientRing::next_submission() {
  io_uring_sqe* submission = io_uring_get_sqe(&ring_);
  if (submission == nullptr) {
    io_uring_submit(&ring_);
    submission = io_uring_get_sqe(&ring_);
  }
  RINGGATE_ASSERT(submission != nullptr);
  return *submission;
}

bool ClientRing::install(unsigned socket, int descriptor) {
  const int installed = io_uring_register_files_update(&ring_, socket, &descriptor, 1);
  ::close(descriptor);
  return installed == 1;
}

void ClientRing::submit_and_wait(DurationNs wait_max) {
  if (wait_max == 0) {
    io_uring_submit_and_get_events(&ring_);
    return;
  }
  __kernel_timespec limit{};
  limit.tv_sec = static_cast<std::int64_t>(wait_max / nanoseconds_per_second);
  limit.tv_nsec = static_cast<long long>(wait_max % nanoseconds_per_second);
  io_uring_cqe* first = nullptr;
  io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
}

std::size_t ClientRing::reap(std::span<io_uring_cqe> out) {
  std::array<io_uring_cqe*, 64> ready{};
  const auto wanted = static_cast<unsigned>(std::min(ready.size(), out.size()));
  const unsigned count = io_uring_peek_batch_cqe(&ring_, ready.data(), wanted);
  for (unsigned i = 0; i < count; ++i) std::memcpy(&out[i], ready[i], sizeof(io_uring_cqe));
  io_uring_cq_advance(&ring_, count);
  return count;
}

ByteView ClientRing::received(const io_uring_cqe& completion) const {
  const std::size_t size = completion.res > 0 ? static_cast<std::size_t>(completion.res) : 0;
  return {buffers_ + std::size_t{buffer_id(completion)} * sizes_.buffer_bytes, size};
}

void ClientRing::return_buffer(const io_uring_cqe& completion) {
  const unsigned short id = buffer_id(completion);
  io_uring_buf_ring_add(buffer_ring_, buffer(id), sizes_.buffer_bytes, id, io_uring_buf_ring_mask(sizes_.buffers), 0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
}

}  // namespace ringgate::load
