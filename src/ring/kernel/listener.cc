// Listening sockets and accepting.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "ring/kernel/backend.h"
#include "ring/kernel/errors.h"
#include "ring/kernel/unix_socket.h"

namespace ringgate::ring {

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  int family() const { return storage.ss_family; }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const ListenAddress& address) {
  SocketAddress result;
  if (address.host.find(':') != std::string::npos) {
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(address.port);
    inet_pton(AF_INET6, address.host.c_str(), &ipv6.sin6_addr);
    std::memcpy(&result.storage, &ipv6, sizeof ipv6);
    result.bytes = sizeof ipv6;
  } else {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(address.port);
    inet_pton(AF_INET, address.host.c_str(), &ipv4.sin_addr);
    std::memcpy(&result.storage, &ipv4, sizeof ipv4);
    result.bytes = sizeof ipv4;
  }
  return result;
}

void set_option(int descriptor, int level, int name, int value) {
  // The gate can serve without these options, so it ignores failures.
  (void)setsockopt(descriptor, level, name, &value, sizeof value);
}

SetupError describe_listen_failure(const ListenAddress& address, int error) {
  const std::string cause = "cannot listen on " + address.text() + ": " + std::strerror(error);
  switch (error) {
    case EADDRINUSE:
      return {exit_system, cause, "stop the process that holds the port, or choose another address with --listen or --admin"};
    case EADDRNOTAVAIL: return {exit_system, cause, "use an address of this host"};
    case EACCES:
    case EPERM: return {exit_permission, cause, "use a port above 1023 or grant CAP_NET_BIND_SERVICE"};
    case EMFILE:
    case ENFILE: return {exit_system, cause, "raise RLIMIT_NOFILE (LimitNOFILE=)"};
    default: return {exit_system, cause, "run: ringgate doctor"};
  }
}

/// A bound stream socket; the error is an errno value.
std::expected<int, int> bind_stream_socket(SocketAddress& address, bool dual_stack, bool shared) {
  const int descriptor = socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::unexpected(errno);
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  if (shared) set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.family() == AF_INET6) set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1);
  if (bind(descriptor, address.get(), address.bytes) != 0) {
    const int error = errno;
    close(descriptor);
    return std::unexpected(error);
  }
  return descriptor;
}

}  // namespace

std::expected<void, SetupError> check_address_free(const ListenAddress& address) {
  if (address.is_unix()) return {};  // it is claimed, bound and made to listen in one step
  auto socket_address = to_socket_address(address);
  const auto descriptor = bind_stream_socket(socket_address, address.dual_stack, false);
  if (!descriptor) return std::unexpected(describe_listen_failure(address, descriptor.error()));
  close(*descriptor);
  return {};
}

std::expected<ListenAddress, SetupError> Ring::listen(std::uint32_t listener_index, const ListenAddress& address,
                                                      const ListenOptions& options) {
  RINGGATE_ASSERT(listener_index == backend_->listeners.size());
  if (address.is_unix()) return listen_on_unix_socket(address, options);
  SocketAddress socket_address = to_socket_address(address);
  const auto descriptor = bind_stream_socket(socket_address, address.dual_stack, true);
  if (!descriptor) return std::unexpected(describe_listen_failure(address, descriptor.error()));

  // Accepted sockets inherit these options.
  set_option(*descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(*descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout / nanoseconds_per_millisecond));
  if (options.send_buffer_bytes != 0) set_option(*descriptor, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
  const bool knows_address = getsockname(*descriptor, socket_address.get(), &socket_address.bytes) == 0;
  if (!knows_address || ::listen(*descriptor, options.backlog) != 0) {
    const int error = errno;
    ::close(*descriptor);
    return std::unexpected(describe_listen_failure(address, error));
  }
  ListenAddress bound = address;
  Listener& listener = backend_->listeners.emplace_back();
  listener.descriptor = *descriptor;
  in_port_t port = 0;  // at the same offset in both families
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(&port, reinterpret_cast<const char*>(&socket_address.storage) + offsetof(sockaddr_in, sin_port), sizeof port);
  bound.port = ntohs(port);
  listener.family = socket_address.family() == AF_INET6 ? Family::ipv6 : Family::ipv4;
  return bound;
}

std::expected<ListenAddress, SetupError> Ring::listen_on_unix_socket(const ListenAddress& address, const ListenOptions& options) {
  const auto descriptor = listen_on_path(address, options.backlog);
  if (!descriptor) return std::unexpected(descriptor.error());
  if (options.send_buffer_bytes != 0) set_option(*descriptor, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
  Listener& listener = backend_->listeners.emplace_back();
  listener.descriptor = *descriptor;
  listener.family = Family::unix_socket;
  return address;
}

std::expected<void, SetupError> Ring::share_listener(std::uint32_t listener_index, Ring& owner) {
  RINGGATE_ASSERT(listener_index == backend_->listeners.size());
  Listener& original = owner.backend_->listeners[listener_index];
  const int descriptor = fcntl(original.descriptor, F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) {
    const std::string cause = std::string("cannot share a listening socket: ") + std::strerror(errno);
    return std::unexpected(SetupError{exit_system, cause, "raise RLIMIT_NOFILE (LimitNOFILE=)"});
  }
  Listener& listener = backend_->listeners.emplace_back();
  listener.descriptor = descriptor;
  listener.family = original.family;
  listener.is_shared = original.is_shared = true;
  return {};
}

void Ring::accept(std::uint32_t listener_index) { backend_->start_accept(listener_index, Backend::AcceptCount::many); }
void Ring::accept_one(std::uint32_t listener_index) { backend_->start_accept(listener_index, Backend::AcceptCount::one); }

void Ring::Backend::start_accept(std::uint32_t listener_index, AcceptCount count) {
  Listener& listener = listeners[listener_index];
  RINGGATE_ASSERT(!listener.accepting && listener.accepts_pending == 0 && listener.descriptor >= 0);
  listener.accepting = true;
  listener.one_at_a_time = count == AcceptCount::one;
  const bool collects_addresses =
      features.direct_descriptors && !features.peer_name_command && listener.family != Family::unix_socket;
  if (collects_addresses && listener.accepts.empty()) {
    if (accepted_addresses.empty()) accepted_addresses.resize(options.sockets_max);
    listener.accepts.resize(Listener::addressed_accepts_count);
  }
  const std::size_t operations = collects_addresses && count == AcceptCount::many ? listener.accepts.size() : 1;
  for (std::uint32_t i = 0; i < operations; ++i) arm_accept(listener_index, i);
}

void Ring::Backend::arm_accept(std::uint32_t listener_index, std::uint32_t accept_index) {
  Listener& listener = listeners[listener_index];
  ++listener.accepts_pending;
  io_uring_sqe* sqe = next_submission({OperationKind::accept, listener_index, accept_index});
  const std::uint64_t user_data = sqe->user_data;  // liburing's prep functions clear it
  if (listener.accepts.empty()) {
    io_uring_prep_accept(sqe, listener.descriptor, nullptr, nullptr, features.direct_descriptors ? 0 : SOCK_CLOEXEC);
    if (!listener.one_at_a_time && !listener.is_shared) sqe->ioprio |= IORING_ACCEPT_MULTISHOT;
  } else {
    AddressedAccept& accept = listener.accepts[accept_index];
    accept.raw_bytes = sizeof accept.raw;
    io_uring_prep_accept(sqe, listener.descriptor, reinterpret_cast<sockaddr*>(&accept.raw), &accept.raw_bytes, 0);
  }
  // Set by hand: accept_direct of liburing 2.3 wraps this value to slot 0.
  if (features.direct_descriptors) sqe->file_index = IORING_FILE_INDEX_ALLOC;
  sqe->user_data = user_data;
}

void Ring::cancel_accept(std::uint32_t listener_index) {
  Listener& listener = backend_->listeners[listener_index];
  if (!listener.accepting) return;
  listener.accepting = false;
  io_uring_sqe* sqe = backend_->next_submission({OperationKind::cancel, 0, 0});
  const std::uint64_t user_data = sqe->user_data;
  io_uring_prep_cancel_fd(sqe, listener.descriptor, IORING_ASYNC_CANCEL_ALL);
  sqe->user_data = user_data;
}

void Ring::stop_listening(std::uint32_t listener_index) {
  cancel_accept(listener_index);
  Listener& listener = backend_->listeners[listener_index];
  if (listener.descriptor < 0) return;
  // The cancel, and perhaps the accept before it, still waits for submission and names the descriptor. Once closed, its number
  // could belong to another file.
  listener.stopped = true;
  backend_->any_listener_stopped = true;
  (void)backend_->enter({});
}

/// Call it when the kernel has taken every submission.
void Ring::Backend::close_stopped_listeners() {
  if (!any_listener_stopped) return;
  any_listener_stopped = false;
  for (Listener& listener : listeners) {
    if (!std::exchange(listener.stopped, false)) continue;
    ::close(listener.descriptor);
    listener.descriptor = -1;
  }
}

void Ring::Backend::translate_accept(Completion& completion) {
  Listener& listener = listeners[completion.token.slot];
  const std::uint32_t accept_index = completion.token.generation;
  completion.token.generation = 0;
  if (!completion.more) --listener.accepts_pending;
  if (completion.error == IoError::none) {
    const auto socket = static_cast<Socket>(completion.result);
    if (socket < socket_families.size()) socket_families[socket] = listener.family;
    if (!listener.accepts.empty()) {
      accepted_addresses[socket] = PeerAddress{};
      read_peer_address(listener.accepts[accept_index].raw, accepted_addresses[socket]);
    }
  }
  // The set of one-shot accepts behaves as one multishot accept, which ends with its last member. Rings that share a socket accept
  // one connection at a time: the kernel wakes the one that has waited longest, and would always wake the same one otherwise.
  const bool is_one_shot = !listener.accepts.empty() || listener.is_shared;
  if (is_one_shot && !listener.one_at_a_time && listener.accepting && completion.error == IoError::none)
    arm_accept(completion.token.slot, accept_index);
  completion.more = listener.accepts_pending > 0;
  if (!completion.more) listener.accepting = false;
}

}  // namespace ringgate::ring
