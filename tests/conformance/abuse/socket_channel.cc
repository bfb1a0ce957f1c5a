#include "socket_channel.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace ringgate::abuse {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(8);

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

}  // namespace

SocketChannel::SocketChannel(const load::Endpoint& endpoint, SSL_CTX* sealed)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  if (::connect(socket_, address, sizeof endpoint.address) != 0) end();
  if (sealed == nullptr) return;
  tls_.emplace(test::ClientOptions{.context = sealed});
  shake_hands();
}

void SocketChannel::shake_hands() {
  const auto end_of_patience = Clock::now() + patience;
  tls_->step();
  send_as_it_is(tls_->take_output());
  while (!tls_->is_open() && !view_.has_ended() && milliseconds_until(end_of_patience) > 0)
    poll(milliseconds_until(end_of_patience));
}

SocketChannel::~SocketChannel() {
  if (socket_ >= 0) ::close(socket_);
}

void SocketChannel::send(std::string_view bytes) {
  if (!tls_) return send_as_it_is(bytes);
  if (bytes.empty() || !tls_->is_open()) return;
  tls_->write(bytes);
  send_as_it_is(tls_->take_output());
}

void SocketChannel::send_as_it_is(std::string_view bytes) {
  const auto end_of_patience = Clock::now() + patience;
  while (!bytes.empty() && socket_ >= 0 && Clock::now() < end_of_patience) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      poll(milliseconds_until(end_of_patience), true);
    } else if (errno != EINTR) {
      // The gate has ended the connection; what it said before may still be there to read.
      return;
    }
  }
}

void SocketChannel::finish() {
  if (tls_ && tls_->is_open()) {
    SSL_shutdown(tls_->ssl());
    send_as_it_is(tls_->take_output());
  }
  ::shutdown(socket_, SHUT_WR);
}

void SocketChannel::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(socket_);
  socket_ = -1;
}

void SocketChannel::end_segment() {
  if (pauses_left_-- > 0) poll(1);
}

void SocketChannel::wait(DurationNs duration) {
  const auto end_of_wait = Clock::now() + std::chrono::nanoseconds(duration);
  while (!view_.has_ended() && milliseconds_until(end_of_wait) > 0) poll(milliseconds_until(end_of_wait));
}

void SocketChannel::wait_until(const std::function<bool(const WireView&)>& holds) {
  const auto end_of_patience = Clock::now() + patience;
  while (socket_ >= 0 && !view_.has_ended() && !holds(view_))
    if (!poll(milliseconds_until(end_of_patience))) return;
}

bool SocketChannel::poll(int milliseconds, bool for_room) {
  pollfd one{.fd = socket_, .events = static_cast<short>((reads_ ? POLLIN : 0) | (for_room ? POLLOUT : 0)), .revents = 0};
  if (::poll(&one, 1, milliseconds) <= 0) return false;
  if (reads_ && (one.revents & (POLLIN | POLLERR | POLLHUP)) != 0) read();
  return true;
}

void SocketChannel::read() {
  std::array<char, 65536> bytes;
  for (;;) {
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) {
      take({bytes.data(), static_cast<std::size_t>(count)});
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else {
      if (count == 0 || errno != EAGAIN) end();
      return;
    }
  }
}

/// A record that cannot be read ends the connection, as it would for any client.
void SocketChannel::take(std::string_view bytes) {
  if (!tls_) return view_.take(bytes);
  tls_->receive(bytes_of(bytes));
  const bool is_readable = tls_->step();
  if (socket_ >= 0) send_as_it_is(tls_->take_output());
  view_.take(std::exchange(tls_->received, {}));
  if (!is_readable) end();
}

void SocketChannel::end() {
  if (!view_.has_ended()) view_.take_end();
}

}  // namespace ringgate::abuse
