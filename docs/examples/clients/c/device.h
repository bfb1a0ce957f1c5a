/* A WebSocket client for a microcontroller: no heap, no floating point, one message at a time in a buffer of the caller. Stays
 * connected to ringgate and obeys the close codes. C99, no library but <string.h>; TLS is the transport's business. */
#ifndef RINGGATE_EXAMPLE_DEVICE_H
#define RINGGATE_EXAMPLE_DEVICE_H

#include "transport.h"

enum opcode { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

struct device {
  const struct transport* transport;
  const char* host;   /* for the field Host, such as "gate.example:8080" */
  const char* target; /* such as "/ws?deviceId=pump-7" */
  void* context;      /* yours; the functions below may be null */
  void (*on_open)(struct device* device);
  void (*on_message)(struct device* device, enum opcode type, uint8_t* payload, size_t count);
  void (*on_wait)(struct device* device, unsigned code, const char* reason, uint32_t milliseconds);

  uint8_t* buffer; /* for messages and the answer to the handshake: at least 512 bytes */
  size_t buffer_size;

  /* The rest belongs to device.c; begin with zeros. */
  size_t held, used; /* received bytes in `buffer` that are not used yet: [used, held) */
  unsigned tries;
  unsigned code; /* why the last connection ended: a close code, or the status of a refused handshake */
  char reason[124];
};

/* Connects, talks and connects again, until the gate tells the device to stay away. Returns the code that told so. */
unsigned device_run(struct device* device);

/* One whole message. From on_open and on_message. 0, or -1 if the connection has ended. */
int device_send(struct device* device, enum opcode type, const uint8_t* payload, size_t count);

#endif
