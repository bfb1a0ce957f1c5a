#include "load/measure/dial.h"

#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "load/opening.h"

namespace ringgate::measure {
namespace {

constexpr unsigned source_addresses = 200;

std::unexpected<std::string> failed(const char* call) { return std::unexpected(std::string(call) + ": " + std::strerror(errno)); }

void set_option(int descriptor, int level, int option, int value) { setsockopt(descriptor, level, option, &value, sizeof value); }

void set_deadline(int descriptor, DurationNs limit) {
  timeval time{};
  time.tv_sec = static_cast<time_t>(limit / nanoseconds_per_second);
  time.tv_usec = static_cast<suseconds_t>(limit % nanoseconds_per_second / nanoseconds_per_microsecond);
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

// Binds only the address: connect() picks the port, and knows both ends.
bool bind_source(int descriptor, std::uint32_t index) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f010001U + index % source_addresses);
  set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool send_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Appends to `held` what comes, which may be nothing yet. The error is a sentence; `awaited` names what did not come.
std::expected<void, std::string> receive(const Socket& socket, load::TlsClient* tls, std::string_view awaited,
                                         std::string& held) {
  std::array<std::uint8_t, 4096> bytes{};
  const ssize_t received = ::recv(socket.descriptor(), bytes.data(), bytes.size(), 0);
  if (received == 0) return std::unexpected("the connection ended before " + std::string(awaited));
  if (received < 0 && errno == EAGAIN) return std::unexpected("in time there was not " + std::string(awaited));
  if (received < 0) return failed("recv");
  const ByteView view(bytes.data(), static_cast<std::size_t>(received));
  if (tls == nullptr) {
    held.append(text_of(view));
    return {};
  }
  tls->feed(view);
  std::string sealed;
  std::array<std::uint8_t, 4096> plain{};
  for (auto outcome = load::TlsRead::plaintext; outcome == load::TlsRead::plaintext;) {
    std::size_t count = 0;
    outcome = tls->read(plain, count, sealed);
    held.append(text_of(ByteView(plain).first(count)));
    if (outcome == load::TlsRead::failed || outcome == load::TlsRead::finished)
      return std::unexpected("TLS ended before " + std::string(awaited) + ": " + tls::take_error());
  }
  return send_all(socket.descriptor(), sealed) ? std::expected<void, std::string>() : failed("send of TLS");
}

bool is_deflate_agreed(const load::HttpAnswer& answer) {
  const auto value = answer.field("Sec-WebSocket-Extensions");
  return value && value->starts_with("permessage-deflate") && value->find("server_no_context_takeover") != std::string_view::npos;
}

// Checks the accepted extension, since opening.h knows no extension.
std::expected<void, std::string> judge(const load::HttpAnswer& answer, std::string_view key, Offer offer) {
  const auto fault = load::fault_in(answer, key);
  if (fault == load::OpeningFault::status)
    return std::unexpected("status " + std::to_string(answer.status) +
                           " instead of 101: " + std::string(answer.body.substr(0, 200)));
  const bool is_expected_extension = offer == Offer::deflate && fault == load::OpeningFault::extensions;
  if (fault && !is_expected_extension) return std::unexpected(name_of(*fault));
  if (offer == Offer::deflate && !is_deflate_agreed(answer))
    return std::unexpected("the server does not take permessage-deflate without context takeover");
  return {};
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::expected<Socket, std::string> dial(const load::Endpoint& to, std::uint32_t index, DurationNs limit) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.descriptor() < 0) return failed("socket");
  set_option(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_deadline(socket.descriptor(), limit);
  const bool is_loopback = (ntohl(to.address.sin_addr.s_addr) >> 24) == 127;
  if (is_loopback && !bind_source(socket.descriptor(), index)) return failed("bind");
  if (connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&to.address), sizeof to.address) != 0) {
    if (errno == EINPROGRESS) errno = ETIMEDOUT;  // connect() returns EINPROGRESS after SO_SNDTIMEO
    return failed("connect");
  }
  return socket;
}

std::expected<void, std::string> open_tls(const Socket& socket, load::TlsClient& tls) {
  std::string hello;
  tls.start(nullptr, hello);
  if (!send_all(socket.descriptor(), hello)) return failed("send of the ClientHello");
  std::string nothing;
  while (!tls.is_established()) {
    if (const auto done = receive(socket, &tls, "the end of the TLS handshake", nothing); !done) return done;
  }
  return {};
}

std::expected<std::string, std::string> open_websocket(const Socket& socket, load::TlsClient* tls, const load::Endpoint& to,
                                                       std::string_view target, Offer offer, load::Random& random) {
  const std::string key = load::make_key(random);
  std::string request;
  load::append_request(request, {target, to.text, key});
  if (offer == Offer::deflate)
    request.insert(request.size() - 2,
                   "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n");
  if (tls != nullptr) {
    std::string sealed;
    tls->seal(bytes_of(request), sealed);
    request = std::move(sealed);
  }
  if (!send_all(socket.descriptor(), request)) return failed("send of the opening handshake");

  std::string held;
  for (;;) {
    if (const auto done = receive(socket, tls, "the answer to the opening handshake", held); !done)
      return std::unexpected(done.error());
    const auto answer = load::parse_answer(bytes_of(held));
    if (!answer) return std::unexpected(name_of(answer.error()));
    if (!*answer) continue;
    if (const auto fine = judge(**answer, key, offer); !fine) return std::unexpected(fine.error());
    return held.substr((*answer)->size);
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string device_target(std::string_view path, std::string_view id) {
  std::string target(path);
  target += path.find('?') == std::string_view::npos ? "?deviceId=" : "&deviceId=";
  return target.append(id);
}

}  // namespace ringgate::measure
