// What both ceilings share: the command line, the limit of descriptors, the end, and the listening socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace peers {

[[noreturn]] inline void fail(const char* what, int error) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(error));
  std::exit(1);
}

/// Raises the soft limit to the hard one; returns it, at most `ceiling`.
inline unsigned raise_descriptor_limit(unsigned ceiling) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit", errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit", errno);
  return limit.rlim_cur < ceiling ? static_cast<unsigned>(limit.rlim_cur) : ceiling;
}

inline void end_on_sigterm() {
  std::signal(SIGTERM, [](int) { _exit(0); });
}

/// Listens on 127.0.0.1:`argv[1]`. Accepted sockets inherit TCP_NODELAY.
inline int open_listener(int argc, char** argv, int socket_flags) {
  const long port = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (port < 1 || port > 65535) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    std::exit(64);
  }
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);
  if (descriptor < 0) fail("socket", errno);
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind", errno);
  if (listen(descriptor, 4096) != 0) fail("listen", errno);
  return descriptor;
}

}  // namespace peers
