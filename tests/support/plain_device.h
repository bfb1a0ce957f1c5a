// A device for tests in one process: a blocking socket, a hand-made upgrade, and just enough of RFC 6455 to tell frames apart.
//
// Not the gate's codec on purpose. Every wait has a deadline. A fault throws, which fails the test that uses it.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace ringgate::test {

/// A blocking socket that is connected to "127.0.0.1:PORT" and waits 10 s for what it reads; the caller closes it. Throws if it cannot.
inline int connected_to(const std::string& address) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  peer.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&peer), sizeof peer) == 0) return descriptor;
  ::close(descriptor);
  throw std::runtime_error("connect");
}

class PlainDevice {
 public:
  struct Frame {
    int opcode = 0;
    std::string payload;
    int close_code() const {
      return payload.size() < 2 ? 1005 : static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
    }
  };

  /// Connects to "127.0.0.1:PORT" and upgrades; throws unless the answer is 101.
  PlainDevice(const std::string& address, const std::string& device_id, const std::string& path = "/ws") {
    descriptor_ = connected_to(address);
    write_all("GET " + path + "?deviceId=" + device_id +
              " HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    std::string head;
    while (!head.ends_with("\r\n\r\n")) head += read_exactly(1);
    if (!head.starts_with("HTTP/1.1 101 ")) throw std::runtime_error("not upgraded: " + head);
  }
  ~PlainDevice() { ::close(descriptor_); }
  PlainDevice(const PlainDevice&) = delete;
  PlainDevice& operator=(const PlainDevice&) = delete;

  void send(int opcode, const std::string& payload) {
    constexpr char mask[4] = {0x12, 0x34, 0x56, 0x78};
    std::string frame{static_cast<char>(0x80 | opcode)};
    if (payload.size() < 126) {
      frame += static_cast<char>(0x80 | payload.size());
    } else {
      frame += static_cast<char>(0x80 | 126);
      frame += static_cast<char>(payload.size() >> 8);
      frame += static_cast<char>(payload.size() & 0xFF);
    }
    frame.append(mask, 4);
    for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
    write_all(frame);
  }
  void send_text(const std::string& text) { send(1, text); }

  Frame receive() {
    const std::string head = read_exactly(2);
    std::size_t size = static_cast<unsigned char>(head[1]);
    if (size >= 126) {
      const std::string more = read_exactly(size == 126 ? 2 : 8);
      size = 0;
      for (const char c : more) size = size << 8 | static_cast<unsigned char>(c);
    }
    return {head[0] & 0x0F, read_exactly(size)};
  }

  /// True if the stream ends here.
  bool at_end() {
    char byte;
    ssize_t count = -1;
    do count = recv(descriptor_, &byte, 1, 0);
    while (count < 0 && errno == EINTR);
    return count == 0;
  }

 private:
  void write_all(const std::string& bytes) {
    if (::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("send");
  }
  std::string read_exactly(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t got = 0; got < size;) {
      const ssize_t count = recv(descriptor_, bytes.data() + got, size - got, 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw std::runtime_error("stream ended or was silent for too long");
      got += static_cast<std::size_t>(count);
    }
    return bytes;
  }

  int descriptor_ = -1;
};

/// The whole answer to one GET on a connection of its own, to "127.0.0.1:PORT".
inline std::string http_get(const std::string& address, const std::string& path) {
  const int descriptor = connected_to(address);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  std::string answer;
  if (::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char bytes[4096];
    ssize_t count = 0;
    do {
      count = recv(descriptor, bytes, sizeof bytes, 0);
      if (count > 0) answer.append(bytes, static_cast<std::size_t>(count));
    } while (count > 0 || (count < 0 && errno == EINTR));
  }
  ::close(descriptor);
  if (!answer.starts_with("HTTP/1.1 200 "))
    throw std::runtime_error("GET " + path + ": " + (answer.empty() ? std::strerror(errno) : answer));
  return answer;
}

}  // namespace ringgate::test
