/* device.c on Linux: says hello and prints what it hears.   cc -std=c99 device.c posix_transport.c main.c -o device
 * usage: device HOST PORT TARGET */
#include <stdio.h>

#include "device.h"
#include "posix_transport.h"

static void on_open(struct device *device) {
  puts("open");
  fflush(stdout);
  (void)device_send(device, OPCODE_TEXT, (const uint8_t *)"hello", 5);
}

static void on_wait(struct device *device, unsigned code, const char *reason, uint32_t milliseconds) {
  (void)device;
  printf("wait %lu ms after %u %s\n", (unsigned long)milliseconds, code, reason);
  fflush(stdout);
}

static void on_message(struct device *device, enum opcode type, uint8_t *payload, size_t count) {
  (void)device, (void)type;
  printf("message %.*s\n", (int)count, (const char *)payload);
  fflush(stdout);
}

int main(int count, char **arguments) {
  static uint8_t buffer[2048];
  char host[280];
  if (count != 4) return fprintf(stderr, "usage: device HOST PORT TARGET\n"), 64;
  snprintf(host, sizeof host, "%s:%s", arguments[1], arguments[2]);
  struct posix_transport posix = {.host = arguments[1], .port = arguments[2], .socket = -1};
  const struct transport transport = posix_transport(&posix);
  struct device device = {.transport = &transport, .host = host, .target = arguments[3], .on_open = on_open, .on_message = on_message,
                          .on_wait = on_wait, .buffer = buffer, .buffer_size = sizeof buffer};
  const unsigned code = device_run(&device);
  printf("end %u %s\n", code, device.reason);
  return 0;
}
