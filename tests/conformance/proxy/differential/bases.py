"""Good requests, as backends and devices send them: what the mutations start from.

Each request names its case and its place in it, `c17r2`, in a field and in its body, and in the query where the gate
passes over what it does not know. Pushes go to the devices of the lane in turn, so that an answer, which repeats the device's id, belongs to one
request of a short pipeline.
Invariant: unmutated, every request is answered 200 or 101 and the last of a pipeline ends its connection.
"""

import base64
import struct

from .requests import Request

DEVICES = ("d0", "d1", "d2", "d3")
HOST = b"Host: gate.example"

# What a body may look like to a reader who has lost the framing.
TRAPS = (
    b"POST /v1/devices/d3/messages HTTP/1.1\r\nHost: gate.example\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nsmuggled",
    b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: gate.example\r\n\r\n",
    b"\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"\r\n\r\n",
)


def body(random, tag):
    kind = random.randrange(4)
    if kind == 0:
        return tag + b" " + random.choice(TRAPS)
    return tag + b" " + bytes(random.choice(b"abcdefghij \r\n0123456789") for _ in range(random.choice((0, 3, 20, 200))))


def push(random, tag, place, path=None):
    path = path or b"/v1/devices/%s/messages" % DEVICES[place % len(DEVICES)].encode()
    request = Request(b"POST", path, payload=body(random, tag))
    request.fields = [HOST, b"X-Case: " + tag, b"Content-Type: text/plain", b"Content-Length: 0"]
    if random.random() < 0.25:
        request.payload += bytes(random.randrange(256) for _ in range(8))
        request.put(b"Content-Type: application/octet-stream")
    if random.random() < 0.45:
        request.frame_by_chunks([random.randrange(1, 40) for _ in range(random.randrange(3))])
    else:
        request.frame_by_length()
    return request


def broadcast(random, tag, place):
    return push(random, tag, place, b"/v1/broadcast")


def get_with_body(random, tag, place):
    request = push(random, tag, place)
    request.method = b"GET"
    request.target = b"/v1/devices/%s?case=%s" % (DEVICES[place % len(DEVICES)].encode(), tag)
    return request


def get(random, tag, place):
    target = random.choice((b"/v1/devices/%s" % DEVICES[place % len(DEVICES)].encode(), b"/healthz", b"/metrics", b"/v1/devices"))
    return Request(b"GET", target + b"?case=" + tag, fields=[HOST, b"X-Case: " + tag, b"Accept: */*"])


ADMIN_KINDS = (push, push, push, broadcast, get_with_body, get)


def pipeline(random, case):
    """One to three requests of any kind, then a push after which the connection ends."""
    requests = [random.choice(ADMIN_KINDS)(random, b"c%dr%d" % (case, place), place) for place in range(random.randrange(1, 4))]
    last = push(random, b"c%dr%d" % (case, len(requests)), len(requests))
    last.fields.append(b"Connection: close")
    return [*requests, last]


# -- Devices


def frame(opcode, payload, mask=b"\x37\xfa\x21\x3d", fin=True):
    """A client's frame, RFC 6455 section 5.2."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack("!H", length)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([(0x80 if fin else 0) | opcode]) + size + mask + masked


def health(_, case):
    """A load balancer's question, and a second one, which the gate does not read: it ends the connection after its answer."""
    tag = b"c%dr0" % case
    question = Request(b"GET", b"/healthz?case=" + tag, fields=[HOST, b"X-Case: " + tag])
    question.behind = question.data()
    return [question]


def upgrade(random, case):
    """An opening handshake with messages right behind it, and a Close frame as the last of them."""
    tag = b"c%dr0" % case
    request = Request(b"GET", b"/ws?deviceId=u%d&case=%s" % (case, tag))
    request.fields = [HOST, b"X-Case: " + tag, b"Upgrade: websocket", b"Connection: Upgrade",
                      b"Sec-WebSocket-Key: " + base64.b64encode(bytes(random.randrange(256) for _ in range(16))),
                      b"Sec-WebSocket-Version: 13"]
    messages = [frame(1, b"c%dm%d " % (case, i) + b"x" * random.choice((0, 10, 300))) for i in range(random.randrange(4))]
    request.behind = b"".join(messages) + frame(8, struct.pack("!H", 1000))
    return [request]
