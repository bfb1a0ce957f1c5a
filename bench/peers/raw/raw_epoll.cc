// Ceiling: TCP echo on epoll, without any protocol. What a server on readiness can reach at the very best.
//
// One thread, one buffer for all connections, so it stays in cache; it holds any message that is measured; what was received is
// sent at once. Edge-triggered: a short read means that the socket is empty, so an echo costs one recv, one send and its share of
// one epoll_wait, and the ready list is not polled a second time as it would be level-triggered. Not a gateway: no limits, no
// timeouts.
// Invariant: a connection with an unsent rest is not read, so the rest is at most one buffer.
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "listener.h"

namespace {

constexpr unsigned descriptors_max = 1 << 20;
constexpr int events_max = 1024;
constexpr int reads_per_event = 16;  // then the others have their turn

constexpr std::uint32_t interest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

struct Rest {
  std::string bytes;
  std::size_t sent = 0;
};

class Echo {
 public:
  Echo(int listener, unsigned descriptors) : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)), rests_(descriptors) {
    if (epoll_ < 0) peers::fail("epoll_create1", errno);
    epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, listener, &event) != 0) peers::fail("epoll_ctl", errno);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, events_max> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events_max, -1);
      if (count < 0 && errno != EINTR) peers::fail("epoll_wait", errno);
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener_) accept_all();
        else if (!serve(event.data.fd, event.events)) end(event.data.fd);
      }
    }
  }

 private:
  void accept_all() {
    for (;;) {
      const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) return;
      epoll_event event{.events = interest, .data = {.fd = descriptor}};
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) close(descriptor);
    }
  }

  void end(int descriptor) {
    rests_[static_cast<std::size_t>(descriptor)].reset();
    close(descriptor);
  }

  /// False: the connection has ended.
  bool serve(int descriptor, std::uint32_t events) {
    if (rests_[static_cast<std::size_t>(descriptor)]) [[unlikely]] {
      if (!flush(descriptor)) return false;
      if (rests_[static_cast<std::size_t>(descriptor)]) return true;
      events |= EPOLLRDHUP;  // its edge may be gone: read until there is nothing
    }
    for (int reads = 0; reads < reads_per_event; ++reads) {
      const ssize_t got = recv(descriptor, buffer_.data(), buffer_.size(), 0);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      const ssize_t sent = send(descriptor, buffer_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
      if (sent != got) [[unlikely]] {
        if (sent < 0 && errno != EAGAIN) return false;
        const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
        auto& rest = rests_[static_cast<std::size_t>(descriptor)];
        rest = std::make_unique<Rest>();
        rest->bytes.assign(buffer_.data() + done, static_cast<std::size_t>(got) - done);
        return true;  // EPOLLOUT will come
      }
      const bool drained = static_cast<std::size_t>(got) < buffer_.size() && (events & EPOLLRDHUP) == 0;
      if (drained) return true;
    }
    epoll_event event{.events = interest, .data = {.fd = descriptor}};
    return epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0;  // makes a new edge if there is more
  }

  bool flush(int descriptor) {
    auto& rest = rests_[static_cast<std::size_t>(descriptor)];
    while (rest->sent < rest->bytes.size()) {
      const ssize_t sent = send(descriptor, rest->bytes.data() + rest->sent, rest->bytes.size() - rest->sent, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      rest->sent += static_cast<std::size_t>(sent);
    }
    rest.reset();
    return true;
  }

  int listener_;
  int epoll_;
  std::vector<std::unique_ptr<Rest>> rests_;  // by descriptor
  alignas(64) std::array<char, 128 * 1024> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  const unsigned descriptors = peers::raise_descriptor_limit(descriptors_max);
  peers::end_on_sigterm();
  static Echo echo(peers::open_listener(argc, argv, SOCK_NONBLOCK), descriptors);
  echo.run();
}
