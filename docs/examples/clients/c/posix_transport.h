/* The transport of device.c on Linux sockets. */
#ifndef RINGGATE_EXAMPLE_POSIX_TRANSPORT_H
#define RINGGATE_EXAMPLE_POSIX_TRANSPORT_H

#include "transport.h"

struct posix_transport {
  const char *host, *port;
  int socket;
};

struct transport posix_transport(struct posix_transport* posix);

#endif
