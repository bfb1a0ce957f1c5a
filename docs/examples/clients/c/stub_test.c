/* device.c against a transport of no board at all: what the gate would say is scripted, what the device says and does is checked.
 *   cc -std=c99 device.c stub_test.c -o stub_test && ./stub_test */
#include <stdio.h>
#include <string.h>

#include "device.h"

/* With this "random" the key is "AAAAAAAAAAAAAAAAAAAAAA==" and masks are zero, so that frames can be read. */
#define WELCOME "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"

struct script {
  const char *answers[8]; /* of each connection; null: it cannot be opened */
  size_t sizes[8];
  size_t connection, given, chunk;
  uint8_t sent[4096];
  size_t sent_size;
  uint32_t slept[8];
  size_t slept_count;
};

static int open_stub(void *context) {
  struct script *script = context;
  script->given = 0;
  return script->answers[script->connection++] == NULL ? -1 : 0;
}
static int send_stub(void *context, const uint8_t *bytes, size_t count) {
  struct script *script = context;
  if (script->sent_size + count > sizeof script->sent) return -1;
  memcpy(script->sent + script->sent_size, bytes, count);
  script->sent_size += count;
  return 0;
}
static int receive_stub(void *context, uint8_t *bytes, size_t room) {
  struct script *script = context;
  const size_t at = script->connection - 1, left = script->sizes[at] - script->given;
  size_t count = left < room ? left : room;
  if (script->chunk != 0 && count > script->chunk) count = script->chunk;
  memcpy(bytes, script->answers[at] + script->given, count);
  script->given += count;
  return (int)count;
}
static void close_stub(void *context) { (void)context; }
static void sleep_stub(void *context, uint32_t milliseconds) {
  struct script *script = context;
  if (script->slept_count < 8) script->slept[script->slept_count++] = milliseconds;
}
static uint32_t random_stub(void *context) {
  (void)context;
  return 0;
}

static void echo(struct device *device, enum opcode type, uint8_t *payload, size_t count) { (void)device_send(device, type, payload, count); }

static int contains(const struct script *script, const char *bytes, size_t count) {
  for (size_t i = 0; i + count <= script->sent_size; ++i)
    if (memcmp(script->sent + i, bytes, count) == 0) return 1;
  return 0;
}

#define CONNECTION(text) script.answers[count] = text, script.sizes[count++] = sizeof(text) - 1
#define SENT(text) contains(&script, text, sizeof(text) - 1)
#define EXPECT(what) do { if (!(what)) return printf("chunk %zu: not so: %s\n", chunk, #what), 1; } while (0)

static int check(size_t chunk) {
  static struct script script;
  static uint8_t buffer[512];
  size_t count = 0;
  memset(&script, 0, sizeof script);
  script.chunk = chunk;
  CONNECTION(WELCOME "\x81\x02hi" "\x89\x03" "abc" "\x88\x21\x03\xE9restart; retry_after_ms=1234567");
  CONNECTION("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
  CONNECTION(WELCOME "\x82\x01\xFF\x88\x02\x11\x38"); /* 4408 */
  script.answers[count++] = NULL;
  CONNECTION(WELCOME); /* and TCP ends */
  CONNECTION(WELCOME "\x88\x0A\x11\x39replaced"); /* 4409 */

  const struct transport transport = {&script, open_stub, send_stub, receive_stub, close_stub, sleep_stub, random_stub};
  struct device device = {.transport = &transport, .host = "gate", .target = "/ws?deviceId=c", .on_message = echo, .buffer = buffer,
                          .buffer_size = sizeof buffer};
  const unsigned code = device_run(&device);
  EXPECT(code == 4409);
  EXPECT(strcmp(device.reason, "replaced") == 0);
  EXPECT(script.slept_count == 5);
  EXPECT(script.slept[0] == 1234567);
  EXPECT(script.slept[1] == 7000);
  EXPECT(script.slept[2] == 0);
  EXPECT(script.slept[3] == 500);
  EXPECT(script.slept[4] == 1000);
  EXPECT(SENT("GET /ws?deviceId=c HTTP/1.1\r\nHost: gate\r\n"));
  EXPECT(SENT("\x81\x82\0\0\0\0hi"));
  EXPECT(SENT("\x8A\x83\0\0\0\0abc"));
  EXPECT(SENT("\x88\x82\0\0\0\0\x03\xE9"));
  return 0;
}

int main(void) {
  for (size_t chunk = 0; chunk < 40; ++chunk)
    if (check(chunk) != 0) return 1;
  puts("ok");
  return 0;
}
