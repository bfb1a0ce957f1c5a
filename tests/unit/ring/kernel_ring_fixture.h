// The real ring on loopback, with a plain blocking socket as the other end of each connection.
//
// Nothing here waits for a time to pass: every wait is for an event and gives up after `patience`. Skips,
// with the reason, where the kernel or a filter refuses io_uring.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ring/ring.h"

namespace ringgate::ring {

inline constexpr DurationNs patience = 10 * nanoseconds_per_second;

/// The client's end.
class LoopbackPeer {
 public:
  explicit LoopbackPeer(std::uint16_t server_port, int receive_buffer_bytes = 0)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes != 0)
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    const timeval limit{.tv_sec = patience / nanoseconds_per_second, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t address_bytes = sizeof address;
    EXPECT_EQ(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &address_bytes), 0);
    port_ = ntohs(address.sin_port);
  }
  LoopbackPeer(LoopbackPeer&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), port_(other.port_) {}
  LoopbackPeer& operator=(LoopbackPeer&&) = delete;
  ~LoopbackPeer() { hang_up(); }

  std::uint16_t port() const { return port_; }
  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  /// Waits for that many bytes; fewer if the stream ended.
  std::string read(std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = ::recv(descriptor_, bytes.data(), size, MSG_WAITALL);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  bool sees_end() const { return ends() == 0; }
  bool sees_reset() const { return ends() == ECONNRESET; }
  bool has_nothing_to_read() const {
    char byte;
    return ::recv(descriptor_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
  }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    EXPECT_EQ(::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    hang_up();
  }
  void hang_up() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int ends() const {
    char byte;
    const ssize_t got = ::recv(descriptor_, &byte, 1, 0);
    return got > 0 ? -1 : got < 0 ? errno : 0;
  }
  int descriptor_;
  std::uint16_t port_ = 0;
};

/// What the next enters of this process do, see unwilling_kernel.cc.
namespace unwilling {
inline int enters = 0;        // so many fail with EAGAIN, the kernel having done nothing
inline bool submits = false;  // those that submit do, for as long as this is set
}  // namespace unwilling

class KernelRing : public testing::Test {
 protected:
  /// Small, so that limits are near.
  static RingOptions small_ring() {
    RingOptions options;
    options.allowed = *proven();
    options.submission_entries = 32;
    options.completion_entries = 128;
    options.sockets_max = 64;
    return options;
  }

  /// Two buffers of 64 bytes.
  static RingOptions two_small_buffers(bool incremental) {
    RingOptions options = small_ring();
    options.allowed.incremental_buffers = incremental && options.allowed.incremental_buffers;
    options.classic_buffers_count = options.incremental_buffers_count = 2;
    options.classic_buffer_bytes = options.incremental_buffer_bytes = 64;
    return options;
  }

  void SetUp() override {
    if (!proven()) GTEST_SKIP() << "no io_uring here: " << proven().error().cause;
  }

  /// What the start-up test of this kernel found, once for all tests.
  static const std::expected<Features, SetupError>& proven() {
    static const std::expected<Features, SetupError> features = probe();
    return features;
  }

  void start(const RingOptions& options, const ListenOptions& listen = {}) {
    ring.reset();
    events.clear();
    auto opened = Ring::open(options);
    ASSERT_TRUE(opened) << opened.error().cause;
    ring = std::move(*opened);
    ASSERT_TRUE(ring->start_on_this_thread());
    const auto address = ring->listen(0, {"127.0.0.1", 0}, listen);
    ASSERT_TRUE(address) << address.error().cause;
    port = address->port;
    ring->accept(0);
  }

  struct Event {
    Completion completion;
    std::string received;
  };

  /// One enter; what completed is appended to `events`, copied out of the buffers.
  void turn(const WaitPolicy& policy = {}) {
    (void)ring->submit_and_wait(policy);
    Completion completions[16];
    for (std::size_t count = 0; (count = ring->reap(completions)) > 0;) {
      for (const Completion& completion : std::span(completions, count)) {
        Event& event = events.emplace_back(Event{completion, {}});
        if (completion.has_buffer) event.received = text_of(ring->received(completion));
      }
    }
    (void)ring->return_buffers();
  }

  /// Turns until `done`; false if it never was.
  bool turn_until(const std::function<bool()>& done) {
    const TimeNs deadline = ring->now() + patience;
    while (!done() && ring->now() < deadline) turn({.may_sleep = true, .timeout = 20 * nanoseconds_per_millisecond});
    return done();
  }

  /// Turns until a completion of that kind is there and takes it out of `events`.
  Completion next(OperationKind kind) {
    std::size_t at = 0;
    const auto found = [&] {
      for (at = 0; at < events.size() && events[at].completion.token.kind != kind;) ++at;
      return at < events.size();
    };
    if (!turn_until(found)) {
      ADD_FAILURE() << "no completion of kind " << static_cast<int>(kind);
      return {};
    }
    const Completion completion = events[at].completion;
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(at));
    return completion;
  }

  /// Nobody listens there any more.
  bool refuses_peers() const {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool refused = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0;
    ::close(descriptor);
    return refused;
  }

  LoopbackPeer accepted_peer(int receive_buffer_bytes = 0) {
    LoopbackPeer peer(port, receive_buffer_bytes);
    socket = static_cast<Socket>(next(OperationKind::accept).result);
    return peer;
  }

  /// Receives, arming again whenever the operation ended without the stream's end, until `size` bytes came.
  std::string received(std::size_t size) {
    std::string bytes;
    bool armed = false;
    const bool complete = turn_until([&] {
      for (const Event& event : events) {
        if (event.completion.token.kind != OperationKind::receive) continue;
        bytes += event.received;
        armed = event.completion.more;
        starved = starved || event.completion.error == IoError::no_buffers;
      }
      std::erase_if(events, [](const Event& event) { return event.completion.token.kind == OperationKind::receive; });
      if (bytes.size() >= size) return true;
      if (!armed) ring->receive(socket, receive_token());
      armed = true;
      return false;
    });
    EXPECT_TRUE(complete) << bytes.size() << " of " << size << " bytes came";
    return bytes;
  }

  /// True if no completion of that kind comes with the next few enters, each of which runs what the kernel
  /// has ready.
  bool stays_silent(OperationKind kind) {
    for (int i = 0; i < 3; ++i) turn();
    return std::ranges::none_of(events, [&](const Event& event) { return event.completion.token.kind == kind; });
  }

  void send(std::string_view bytes, Ring::Sending sending) {
    const Piece piece{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    ring->send(socket, {&piece, 1}, sending, send_token());
  }
  void send(std::string_view bytes, bool silent) { send(bytes, silent ? Ring::Sending::silent : Ring::Sending::completes); }
  Token receive_token() const { return {OperationKind::receive, socket, 7}; }
  Token send_token() const { return {OperationKind::send, socket, 7}; }

  std::unique_ptr<Ring> ring;
  std::uint16_t port = 0;
  Socket socket = 0;  // of the peer accepted last
  bool starved = false;
  std::vector<Event> events;
};

}  // namespace ringgate::ring
