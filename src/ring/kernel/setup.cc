// Opening a ring and binding it to its thread.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/assert.h"
#include "ring/kernel/abi.h"
#include "ring/kernel/backend.h"
#include "ring/kernel/errors.h"

namespace ringgate::ring {

namespace {

std::string read_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string kernel_release() {
  utsname names{};
  return uname(&names) == 0 ? names.release : "unknown";
}

/// Returns 0 or a positive errno value. Set-up and mapping are separate steps, because liburing 2.3 overwrites the ring header
/// when it initialises a ring without submission array. Later versions work with it too.
int open_uring(io_uring* uring, unsigned entries, io_uring_params& params) {
  const int descriptor = io_uring_setup(entries, &params);
  if (descriptor < 0) return -descriptor;
  if (const int error = io_uring_queue_mmap(descriptor, &params, uring); error < 0) {
    close(descriptor);
    return -error;
  }
  uring->features = params.features;
  uring->flags = params.flags;
  return 0;
}

int open_uring(io_uring* uring, const RingOptions& options, Features& features) {
  constexpr unsigned base_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
  io_uring_params params{};
  params.cq_entries = options.completion_entries;
  if (features.no_submission_array) {
    params.flags = base_flags | abi::setup_no_sqarray;
    if (open_uring(uring, options.submission_entries, params) == 0) return 0;
    features.no_submission_array = false;
    params = {};
    params.cq_entries = options.completion_entries;
  }
  params.flags = base_flags;
  return -io_uring_queue_init_params(options.submission_entries, uring, &params);
}

}  // namespace

SetupError describe_ring_failure(const char* what, int error) {
  const std::string reason = std::string(what) + ": " + std::strerror(error) + " (kernel " + kernel_release() + ")";
  const std::string disabled = read_line("/proc/sys/kernel/io_uring_disabled");
  switch (error) {
    case EPERM:
    case EACCES:
      if (disabled == "1" || disabled == "2")
        return {exit_ring_unavailable, "io_uring is switched off, " + reason + ", kernel.io_uring_disabled=" + disabled,
                "run: sysctl -w kernel.io_uring_disabled=0"};
      return {exit_ring_unavailable, "io_uring is refused, " + reason,
              "allow io_uring_setup, io_uring_enter and io_uring_register in the container's or unit's seccomp filter"};
    case ENOSYS:
      return {exit_ring_unavailable, "io_uring is missing, " + reason,
              "run a kernel built with CONFIG_IO_URING, or allow the io_uring calls in the seccomp filter"};
    case EINVAL: return {exit_ring_unavailable, "io_uring lacks a required feature, " + reason, "run kernel 6.1 or later"};
    case ENOMEM: return {exit_system, "no memory for io_uring, " + reason, "raise RLIMIT_MEMLOCK or the memory limit"};
    case EMFILE:
    case ENFILE: return {exit_system, "descriptor limit too low, " + reason, "raise RLIMIT_NOFILE (LimitNOFILE=)"};
    default: return {exit_ring_unavailable, "io_uring failed, " + reason, "run: ringgate doctor"};
  }
}

Ring::Backend::~Backend() {
  for (const Listener& listener : listeners)
    if (listener.descriptor >= 0) ::close(listener.descriptor);
  if (uring_open) {
    close_all_borrowed();
    io_uring_queue_exit(&uring);
  }
  if (event_descriptor >= 0) ::close(event_descriptor);
  for (const int descriptor : reserve) ::close(descriptor);
}

Ring::Ring(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}
Ring::~Ring() = default;

std::expected<std::unique_ptr<Ring>, SetupError> Ring::open(const RingOptions& options) {
  auto backend = std::make_unique<Backend>();
  Backend& b = *backend;
  b.options = options;
  b.features = options.allowed;
  if (const int error = open_uring(&b.uring, options, b.features); error != 0)
    return std::unexpected(describe_ring_failure("io_uring_setup", error));
  b.uring_open = true;
  b.ring_descriptor = b.uring.ring_fd;
  if ((b.uring.features & abi::feature_min_timeout) == 0) b.features.minimum_wait = false;
  if ((b.uring.features & abi::feature_no_iowait) == 0) b.features.idle_waits = false;

  if (b.features.direct_descriptors) {
    if (const int error = io_uring_register_files_sparse(&b.uring, options.sockets_max); error < 0)
      return std::unexpected(describe_ring_failure("registering direct descriptors", -error));
  }
  int error = EINVAL;
  if (b.features.incremental_buffers)
    error = b.buffers.open(&b.uring, {options.incremental_buffers_count, options.incremental_buffer_bytes, true});
  if (error == EINVAL) {
    b.features.incremental_buffers = false;
    error = b.buffers.open(&b.uring, {options.classic_buffers_count, options.classic_buffer_bytes, false});
  }
  b.features.zero_copy_sends = b.features.zero_copy_sends && b.zero_copy.open(&b.uring);
  // Twice as many as a turn takes: the previous turn's buffers are lent until their replies are sent.
  if (error == 0)
    error = b.bulk_buffers.open(&b.uring, {2 * bulk_receives_max, bulk_buffer_bytes, false, abi::bulk_buffer_group});
  if (error != 0) return std::unexpected(describe_ring_failure("registering receive buffers", error));

  b.borrows_descriptors = b.features.direct_descriptors && b.features.descriptor_install;

  b.event_descriptor = eventfd(0, EFD_CLOEXEC);
  if (b.event_descriptor < 0) return std::unexpected(describe_ring_failure("eventfd", errno));

  b.socket_families.assign(options.sockets_max, Family::ipv4);
  return std::unique_ptr<Ring>(new Ring(std::move(backend)));
}

std::expected<void, SetupError> Ring::start_on_this_thread() {
  // liburing 2.3 declares io_uring_enable_rings but does not export it from the shared library.
  if (const int error =
          io_uring_register(static_cast<unsigned>(backend_->ring_descriptor), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
      error < 0)
    return std::unexpected(describe_ring_failure("io_uring_enable_rings", -error));
  backend_->descriptor_registered = io_uring_register_ring_fd(&backend_->uring) == 1;
  backend_->arm_event_read();
  return {};
}

}  // namespace ringgate::ring
