/* What device.c needs of its board. Implement it on your network stack; posix_transport.c is one for Linux. */
#ifndef RINGGATE_EXAMPLE_TRANSPORT_H
#define RINGGATE_EXAMPLE_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

struct transport {
  void* context;
  int (*open)(void* context);                                     /* connects; 0: done, -1: failed */
  int (*send)(void* context, const uint8_t* bytes, size_t count); /* all of them; 0 or -1 */
  int (*receive)(void* context, uint8_t* bytes, size_t room);     /* waits; how many, 0: the end, -1: failed */
  void (*close)(void* context);
  void (*sleep)(void* context, uint32_t milliseconds);
  uint32_t (*random)(void* context); /* nobody can predict it: masks hide bytes from caches, and delays spread devices */
};

#endif
