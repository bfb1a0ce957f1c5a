#include "load/admin_query.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "load/http_answer.h"

namespace ringgate::load {
namespace {

class BlockingSocket {
 public:
  BlockingSocket() : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  ~BlockingSocket() { ::close(descriptor_); }
  BlockingSocket(const BlockingSocket&) = delete;
  BlockingSocket& operator=(const BlockingSocket&) = delete;

  bool connect(const Endpoint& to) {
    return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to.address), sizeof to.address) == 0;
  }
  bool send_all(std::string_view bytes) {
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  bool receive_all(std::string& out) {
    std::array<char, 16384> piece{};
    for (ssize_t size = 0; (size = recv(descriptor_, piece.data(), piece.size(), 0)) != 0;) {
      if (size < 0) return false;
      out.append(piece.data(), static_cast<std::size_t>(size));
    }
    return true;
  }

 private:
  int descriptor_;
};

std::unexpected<std::string> failed(std::string_view what) {
  return std::unexpected("admin port: " + std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

std::expected<QueryAnswer, std::string> query(const Endpoint& admin, std::string_view target) {
  BlockingSocket socket;
  std::string bytes;
  const std::string request = "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + admin.text + "\r\nConnection: close\r\n\r\n";
  if (!socket.connect(admin)) return failed("connect");
  if (!socket.send_all(request)) return failed("send");
  if (!socket.receive_all(bytes)) return failed("receive");
  const auto answer = parse_answer(bytes_of(bytes));
  if (!answer) return std::unexpected(std::string("admin port: ") + name_of(answer.error()));
  if (!*answer) return std::unexpected("admin port: the answer was cut");
  return QueryAnswer{(*answer)->status, std::string((*answer)->body)};
}

Metrics parse_metrics(std::string_view text) {
  Metrics metrics;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto blank = line.rfind(' ');
    if (line.starts_with('#') || blank == std::string_view::npos) continue;
    const std::string name(line.substr(0, line.find_first_of("{ ")));
    metrics[name] += std::strtod(std::string(line.substr(blank + 1)).c_str(), nullptr);
  }
  return metrics;
}

std::expected<Metrics, std::string> read_metrics(const Endpoint& admin) {
  const auto answer = query(admin, "/metrics");
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return std::unexpected("/metrics answered " + std::to_string(answer->status));
  return parse_metrics(answer->body);
}

}  // namespace ringgate::load
