#define _GNU_SOURCE
#include "posix_transport.h"

#include <netdb.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int open_socket(void *context) {
  struct posix_transport *posix = context;
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  if (getaddrinfo(posix->host, posix->port, &hints, &found) != 0) return -1;
  for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
    posix->socket = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (posix->socket >= 0 && connect(posix->socket, at->ai_addr, at->ai_addrlen) == 0) break;
    if (posix->socket >= 0) close(posix->socket);
    posix->socket = -1;
  }
  freeaddrinfo(found);
  return posix->socket < 0 ? -1 : 0;
}

static int send_bytes(void *context, const uint8_t *bytes, size_t count) {
  const struct posix_transport *posix = context;
  while (count > 0) {
    const ssize_t sent = send(posix->socket, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    bytes += sent;
    count -= (size_t)sent;
  }
  return 0;
}

static int receive_bytes(void *context, uint8_t *bytes, size_t room) {
  const struct posix_transport *posix = context;
  return (int)recv(posix->socket, bytes, room, 0);
}

static void close_socket(void *context) {
  struct posix_transport *posix = context;
  close(posix->socket);
  posix->socket = -1;
}

static void sleep_for(void *context, uint32_t milliseconds) {
  (void)context;
  const struct timespec time = {.tv_sec = (time_t)(milliseconds / 1000), .tv_nsec = (long)(milliseconds % 1000) * 1000000};
  nanosleep(&time, NULL);
}

static uint32_t random_word(void *context) {
  (void)context;
  uint32_t word = 0;
  (void)!getrandom(&word, sizeof word, 0);
  return word;
}

struct transport posix_transport(struct posix_transport *posix) {
  return (struct transport){.context = posix, .open = open_socket, .send = send_bytes, .receive = receive_bytes, .close = close_socket,
                            .sleep = sleep_for, .random = random_word};
}
