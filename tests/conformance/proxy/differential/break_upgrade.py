"""Mutations of an opening handshake, and of what stands right behind it."""

import struct

from .bases import frame
from .mutations import mutation, variants


@variants("upgrade", "handshake", (
    b"Upgrade: WebSocket", b"Upgrade: h2c, websocket", b"Upgrade: websocketx", b"Upgrade: web socket", b"Upgrade: h2c",
    b"Upgrade:", b"Upgrade:\t websocket\t", b"X-No: upgrade", b"Connection: keep-alive, Upgrade", b"Connection: keep-alive",
    b"Connection: upgradee", b"Connection: ,,Upgrade,,", b"Connection: close, upgrade",
    b"Connection: Upgrade\r\nConnection: x", b"Sec-WebSocket-Version: 12", b"Sec-WebSocket-Version: 013",
    b"Sec-WebSocket-Version: 13, 8", b"Sec-WebSocket-Version:", b"Sec-WebSocket-Version: 13abc",
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13", b"sec-websocket-version: 13", b"Sec-WebSocket-Key:",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", b"Sec-WebSocket-Key: AAAA",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
))
def handshake(_, request, line):
    name = line.split(b":")[0]
    request.put(line) if name != b"X-No" else request.drop(b"Upgrade")


@variants("upgrade", "with", (
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: 8", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity", b"Content-Length: 5, 5", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Expect: 100-continue", b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Sec-WebSocket-Accept: x", b"Content-Length: -1",
    b"Content-Length : 5",
))
def with_field(_, request, line):
    request.fields.append(line)


@variants("upgrade", "id", (
    b"", b"a" * 128, b"a" * 129, b"x%20y", b"%75x", b"a/b", b"x&deviceId=y", b"x&deviceId=x", b"anon-x", b"..", b"a:b@c~",
    b"%00", b"a;b", b"x&DeviceId=z",
))
def device_id(_, request, value):
    request.target = b"/ws?deviceId=" + value


@variants("upgrade", "path", (b"/", b"/ws/", b"/WS", b"/ws/../ws", b"//ws", b"/%77s", b"/ws%3f", b"/wss", b"/ws;x"))
def path(_, request, value):
    request.target = value + b"?" + request.target.partition(b"?")[2]


HELLO = frame(1, b"hello")


@variants("upgrade", "behind", (
    b"GET /healthz HTTP/1.1\r\nHost: gate.example\r\n\r\n", b"", b"hello", HELLO[:4], b"\x81\x05hello", b"\xc1" + HELLO[1:],
    b"\x83" + HELLO[1:], b"\0\0\0\0", HELLO + b"\x81\x05hello",
    frame(1, b"one ", fin=False) + frame(9, b"ping") + frame(0, b"two") + frame(8, b"\x03\xe8"), frame(0, b"nothing begun"),
    frame(1, b"\xff\xfe"), frame(2, bytes(range(256))) + frame(8, b""), frame(9, b"x" * 125) + frame(8, b"\x03\xe8bye"),
    HELLO * 30 + frame(8, b"\x03\xe8"), frame(8, b"\x03\xe8") + HELLO, frame(8, b"\x03"), frame(8, struct.pack("!H", 1005)),
))
def behind(_, request, data):
    request.behind = data


@mutation("upgrade")
def method_post(_, request):
    request.method = b"POST"


@mutation("upgrade")
def another_upgrade_behind(_, request):
    request.behind = request.data()
