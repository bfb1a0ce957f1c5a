#include "crowd.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "load/loop.h"

namespace ringgate::stress {

struct Crowd::Shared {
  std::atomic<std::uint32_t> port{0};  // 0: not yet
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> opened{0}, sent{0}, answered{0}, ended{0}, failed{0};
};

/// One process. Owned by its main function, which never returns.
class Crowd::Member {
 public:
  Member(const CrowdOptions& options, std::uint32_t index, Shared& shared)
      : options_(options), index_(index), shared_(shared), connections_(options.connections) {}

  [[noreturn]] void run() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, 10);  // it stands for other machines: what is measured beside it comes first
    signal(SIGPIPE, SIG_IGN);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      limit.rlim_cur = limit.rlim_max;
      setrlimit(RLIMIT_NOFILE, &limit);
    }
    while (shared_.port.load() == 0 && !shared_.is_over.load()) usleep(10'000);
    epoll_ = epoll_create1(0);
    const TimeNs begin = load::monotonic_now();
    while (!shared_.is_over.load()) {
      const std::uint64_t due = (load::monotonic_now() - begin) * options_.connects_per_second / nanoseconds_per_second + 1;
      while (started_ < std::min<std::uint64_t>(due, connections_.size())) connect_next();
      serve(10);
    }
    _exit(0);
  }

 private:
  struct Connection {
    int socket = -1;
    bool is_connected = false;
    bool is_upgraded = false;  // a slow reader's 101 was read
    std::size_t sent = 0;
  };

  void connect_next() {
    Connection& connection = connections_[started_++];
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connection.socket = socket;
    if (socket < 0) return fail(connection);
    if (options_.kind == CrowdKind::slow_readers) {  // so that the kernel's buffers are small, and the gate's have to do
      constexpr int receive_bytes = 4096;
      constexpr int segment_bytes = 1024;
      setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
      setsockopt(socket, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes);
    }
    constexpr int on = 1;
    setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in from = address(options_.first_address + index_, 0);
    sockaddr_in to = address(1, static_cast<std::uint16_t>(shared_.port.load()));
    if (bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) return fail(connection);
    if (connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) return fail(connection);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = started_ - 1}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }

  static sockaddr_in address(std::uint32_t last_byte, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(0x7F00'0000U + last_byte);
    return address;
  }

  void fail(Connection& connection) {
    ++shared_.failed;
    drop(connection);
  }
  static void drop(Connection& connection) {
    if (connection.socket >= 0) close(connection.socket);
    connection.socket = -1;
  }

  void serve(int patience_ms) {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience_ms);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      Connection& connection = connections_[event.data.u64];
      if (connection.socket < 0) continue;
      if (!connection.is_connected && (event.events & (EPOLLERR | EPOLLHUP)) != 0) {
        fail(connection);
        continue;
      }
      if (!connection.is_connected && (event.events & EPOLLOUT) != 0) {
        connection.is_connected = true;
        ++shared_.opened;
      }
      if ((event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) read(connection, event.events);
      if (connection.socket >= 0 && connection.is_connected) send(connection, event.data.u64);
    }
  }

  /// A half head's answer is its end. Of a slow reader's only the 101 is read.
  void read(Connection& connection, std::uint32_t events) {
    const bool has_failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    if (options_.kind == CrowdKind::slow_readers && connection.is_upgraded && !has_failed) return;
    std::array<char, 1024> bytes;
    const ssize_t count = recv(connection.socket, bytes.data(), options_.kind == CrowdKind::half_heads ? bytes.size() : 128, 0);
    if (count > 0) {
      const std::string_view answer(bytes.data(), static_cast<std::size_t>(count));
      if (answer.starts_with("HTTP/1.1 503")) ++shared_.answered;
      connection.is_upgraded = answer.starts_with("HTTP/1.1 101");
      if (connection.is_upgraded && !has_failed) return;
    } else if (count < 0 && (errno == EAGAIN || errno == EINTR) && !has_failed) {
      return;
    }
    ++shared_.ended;
    drop(connection);
  }

  void send(Connection& connection, std::uint64_t number) {
    while (true) {
      const std::string_view rest = to_send(connection, number);
      if (rest.empty()) return;
      const ssize_t count = ::send(connection.socket, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      connection.sent += static_cast<std::size_t>(count);
      if (to_send(connection, number).empty()) ++shared_.sent;
    }
  }

  /// What the connection has to send still; the head holds its number, the frames are always the same.
  std::string_view to_send(const Connection& connection, std::uint64_t number) {
    const bool is_half = options_.kind == CrowdKind::half_heads;
    text_ = fmt::format("GET /ws?deviceId=crowd-{}-{} HTTP/1.1\r\nHost: gate\r\n", index_, number);
    if (!is_half)
      text_ +=
          "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: "
          "13\r\n\r\n";
    const std::size_t head_bytes = text_.size();
    while (is_half && text_.size() < options_.bytes) {
      const std::size_t filler = std::min<std::size_t>(1000, options_.bytes - text_.size());
      text_ += "X-Filler: " + std::string(filler, 'x') + "\r\n";
    }
    if (connection.sent < (is_half ? text_.size() : head_bytes)) return std::string_view(text_).substr(connection.sent);
    if (is_half || connection.sent - head_bytes >= options_.bytes) return {};
    static const std::string frame = [] {  // 4,096 bytes of zero, masked with zeros
      return std::string("\x82\xFE\x10\x00", 4) + std::string(4 + 4096, '\0');
    }();
    return std::string_view(frame).substr((connection.sent - head_bytes) % frame.size());
  }

  const CrowdOptions& options_;
  const std::uint32_t index_;
  Shared& shared_;
  std::vector<Connection> connections_;
  std::uint64_t started_ = 0;
  std::string text_;
  int epoll_ = -1;
};

Crowd::Crowd(const CrowdOptions& options) : options_(options) {
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared_ = new (memory) Shared;
  for (std::uint32_t index = 0; index < options_.processes; ++index) {
    const pid_t pid = fork();
    if (pid == 0) Member(options_, index, *shared_).run();
    if (pid > 0) pids_.push_back(pid);
  }
}

Crowd::~Crowd() {
  end();
  for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
  munmap(shared_, sizeof(Shared));
}

void Crowd::start(std::uint16_t port) { shared_->port.store(port); }
void Crowd::end() { shared_->is_over.store(true); }

Crowd::Counts Crowd::counts() const {
  return {shared_->opened.load(), shared_->sent.load(), shared_->answered.load(), shared_->ended.load(), shared_->failed.load()};
}

bool Crowd::has_opened_all() const {
  const Counts now = counts();
  return now.opened + now.failed >= std::uint64_t{options_.processes} * options_.connections;
}

}  // namespace ringgate::stress
