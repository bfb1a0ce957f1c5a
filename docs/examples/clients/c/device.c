#include "device.h"

#include <string.h>

#define NEVER UINT32_MAX
#define BROKEN 1006u /* the connection ended without a Close frame */

/* -- SHA-1 and base64, for Sec-WebSocket-Accept (RFC 6455 section 4.2.2) */

static uint32_t rotate(uint32_t word, unsigned bits) { return word << bits | word >> (32 - bits); }

static void sha1_block(uint32_t state[5], const uint8_t *block) {
  uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int i = 0; i < 16; ++i)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 80; ++i) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; ++i) {
    const uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
    const uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
    const uint32_t next = rotate(a, 5) + f + e + k + w[i];
    e = d, d = c, c = rotate(b, 30), b = a, a = next;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* Of a text of 60 bytes, which is all that the handshake needs: 24 of the key and 36 of the GUID. */
static void sha1_of_60(const uint8_t text[60], uint8_t digest[20]) {
  uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  uint8_t block[128] = {0};
  memcpy(block, text, 60);
  block[60] = 0x80;
  block[126] = 480 >> 8; /* bits */
  block[127] = 480 & 0xFF;
  sha1_block(state, block);
  sha1_block(state, block + 64);
  for (int i = 0; i < 20; ++i) digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *bytes, size_t count, char *text) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < count; i += 3) {
    const uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < count ? (uint32_t)bytes[i + 1] << 8 : 0) | (i + 2 < count ? bytes[i + 2] : 0);
    *text++ = digits[three >> 18];
    *text++ = digits[three >> 12 & 63];
    *text++ = i + 1 < count ? digits[three >> 6 & 63] : '=';
    *text++ = i + 2 < count ? digits[three & 63] : '=';
  }
  *text = 0;
}

/* -- When to come back */

static uint32_t any(struct device *device) { return device->transport->random(device->transport->context); }
static uint32_t between(struct device *device, uint32_t least, uint32_t most) { return least + any(device) % (most - least + 1); }

/* Times that double up to a minute, of which a random half: devices lost together do not come back together. */
static uint32_t back_off(struct device *device) {
  const uint32_t ceiling = device->tries < 6 ? 1000u << device->tries : 60000u;
  ++device->tries;
  return between(device, ceiling / 2, ceiling);
}

static uint32_t number_after(const char *text, const char *key) {
  const char *at = strstr(text, key);
  uint32_t number = 0;
  if (at == NULL) return NEVER;
  for (at += strlen(key); *at >= '0' && *at <= '9' && number < 100000000; ++at) number = number * 10 + (uint32_t)(*at - '0');
  return number;
}

/* Milliseconds before the next try; NEVER: do not come back. Codes that are not here, and connections that break: back off. */
static uint32_t delay_after(struct device *device) {
  const unsigned code = device->code;
  if (code == 1001) {
    const uint32_t told = number_after(device->reason, "retry_after_ms=");
    if (told != NEVER) return told;
  }
  if (code < 1000) { /* the status of a refused handshake */
    const uint32_t seconds = number_after(device->reason, "Retry-After: ");
    if (code != 408 && code != 409 && code != 429 && code < 500) return NEVER;
    return seconds == NEVER || seconds > 86400 ? back_off(device) : seconds * 1000 + between(device, 0, 1000);
  }
  if (code >= 4000 && code <= 4099) return NEVER;
  switch (code) {
    case 1000: case 1002: case 1003: case 1007: case 1009:
    case 4400: case 4403: case 4413:
    case 4401: /* until there is a new credential */
    case 4409: /* a newer connection has this id */
      return NEVER;
    case 4408: case 4440: return 0;
    case 1012: case 1013: return between(device, 1000, 10000);
    default: return back_off(device);
  }
}

/* -- Bytes */

static int send_all(struct device *device, const void *bytes, size_t count) {
  return device->transport->send(device->transport->context, bytes, count);
}
static int send_text(struct device *device, const char *text) { return send_all(device, text, strlen(text)); }

/* Receives until `count` bytes are there. -1: the buffer is too small, or the connection has ended. */
static int need(struct device *device, size_t count) {
  if (device->used > 0 && device->used + count > device->buffer_size) {
    memmove(device->buffer, device->buffer + device->used, device->held - device->used);
    device->held -= device->used;
    device->used = 0;
  }
  if (count > device->buffer_size) return -1;
  while (device->held - device->used < count) {
    const int got = device->transport->receive(device->transport->context, device->buffer + device->held, device->buffer_size - device->held);
    if (got <= 0) return -1;
    device->held += (size_t)got;
  }
  return 0;
}

static void end_with(struct device *device, unsigned code, const char *reason, size_t count) {
  device->code = code;
  if (count >= sizeof device->reason) count = sizeof device->reason - 1;
  memcpy(device->reason, reason, count);
  device->reason[count] = 0;
}

/* -- The opening handshake */

static int shake_hands(struct device *device) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  uint8_t nonce[16], digest[20], text[60];
  char key[25], accept[29];
  size_t end = 0;
  for (int i = 0; i < 16; ++i) nonce[i] = (uint8_t)any(device);
  base64(nonce, 16, key);
  memcpy(text, key, 24);
  memcpy(text + 24, guid, 36);
  sha1_of_60(text, digest);
  base64(digest, 20, accept);

  if (send_text(device, "GET ") || send_text(device, device->target) || send_text(device, " HTTP/1.1\r\nHost: ") ||
      send_text(device, device->host) ||
      send_text(device, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ") ||
      send_text(device, key) || send_text(device, "\r\n\r\n"))
    return -1;
  for (size_t count = 1; end == 0; ++count) { /* one byte more, until the empty line */
    if (need(device, count)) return -1;
    if (count >= 4 && memcmp(device->buffer + count - 4, "\r\n\r\n", 4) == 0) end = count;
  }
  device->used = end;
  device->buffer[end - 1] = 0; /* a text now, of whole lines */
  const char *head = (const char *)device->buffer;
  if (strncmp(head, "HTTP/1.1 101 ", 13) == 0 && strstr(head, accept) != NULL) return 0;
  const char *retry = strstr(head, "\r\nRetry-After: ");
  const char *told = retry == NULL ? head : retry + 2;
  end_with(device, number_after(head, "HTTP/1.1 "), told, strcspn(told, "\r"));
  return -1;
}

/* -- Frames */

int device_send(struct device *device, enum opcode type, const uint8_t *payload, size_t count) {
  uint8_t piece[64], header[8] = {(uint8_t)(0x80 | type)};
  size_t header_size = 2;
  const uint32_t word = any(device);
  const uint8_t mask[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
  if (count > 0xFFFF) return -1;
  header[1] = (uint8_t)(0x80 | (count < 126 ? count : 126));
  if (count >= 126) {
    header[2] = (uint8_t)(count >> 8);
    header[3] = (uint8_t)count;
    header_size = 4;
  }
  memcpy(header + header_size, mask, 4);
  if (send_all(device, header, header_size + 4)) return -1;
  for (size_t sent = 0; sent < count;) {
    const size_t size = count - sent < sizeof piece ? count - sent : sizeof piece;
    for (size_t i = 0; i < size; ++i) piece[i] = payload[sent + i] ^ mask[(sent + i) % 4];
    if (send_all(device, piece, size)) return -1;
    sent += size;
  }
  return 0;
}

static int fail(struct device *device, unsigned code) {
  const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
  (void)device_send(device, OPCODE_CLOSE, payload, 2);
  return -1;
}

/* Reads one frame. ringgate sends each message as one frame, so a fragment is taken as a fault. -1: the connection is over. */
static int read_frame(struct device *device) {
  if (need(device, 2)) return -1;
  const uint8_t first = device->buffer[device->used], second = device->buffer[device->used + 1];
  size_t header = 2, count = second & 0x7F;
  if ((first & 0xF0) != 0x80 || (second & 0x80) != 0 || (first & 0x0F) == 0) return fail(device, 1002);
  if (count == 127) return fail(device, 1009);
  if (count == 126) {
    if (need(device, 4)) return -1;
    count = (size_t)device->buffer[device->used + 2] << 8 | device->buffer[device->used + 3];
    header = 4;
  }
  if (header + count > device->buffer_size) return fail(device, 1009);
  if (need(device, header + count)) return -1;
  uint8_t *payload = device->buffer + device->used + header;
  device->used += header + count;
  switch (first & 0x0F) {
    case OPCODE_TEXT:
    case OPCODE_BINARY:
      device->tries = 0; /* not at the opening: a gate that closes at once must not be asked in a tight loop */
      if (device->on_message != NULL) device->on_message(device, (enum opcode)(first & 0x0F), payload, count);
      return 0;
    case OPCODE_PING: return device_send(device, OPCODE_PONG, payload, count);
    case OPCODE_PONG: return 0;
    case OPCODE_CLOSE:
      if (count >= 2) end_with(device, (unsigned)payload[0] << 8 | payload[1], (const char *)payload + 2, count - 2);
      else end_with(device, 1005, "", 0);
      (void)device_send(device, OPCODE_CLOSE, payload, count < 2 ? 0 : 2);
      return -1;
    default: return fail(device, 1002);
  }
}

unsigned device_run(struct device *device) {
  const struct transport *transport = device->transport;
  for (;;) {
    device->held = device->used = 0;
    end_with(device, BROKEN, "", 0);
    if (transport->open(transport->context) == 0) {
      if (shake_hands(device) == 0) {
        if (device->on_open != NULL) device->on_open(device);
        while (read_frame(device) == 0) {
        }
      }
      transport->close(transport->context);
    }
    const uint32_t delay = delay_after(device);
    if (delay == NEVER) return device->code;
    if (device->on_wait != NULL) device->on_wait(device, device->code, device->reason, delay);
    transport->sleep(transport->context, delay);
  }
}
