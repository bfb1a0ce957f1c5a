"""A peer that writes its own bytes: for what well-behaved clients refuse to send. Blocking, with a deadline on every read."""

import base64
import hashlib
import os
import select
import socket
import struct
import time
from dataclasses import dataclass

from .gate import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    compressed: bool = False

    @property
    def close_code(self):
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else None


@dataclass
class Response:
    version: str
    status: int
    fields: dict  # lower-case name -> value; a name that came twice has its values joined by ", "
    body: bytes = b""


def encode_frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d"):
    """A client frame (RFC 6455 section 5.2); mask None leaves it unmasked, which servers must refuse."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    masked = 0x80 if mask is not None else 0
    if len(payload) <= 125:
        head = struct.pack("!BB", first, masked | len(payload))
    elif len(payload) <= 0xFFFF:
        head = struct.pack("!BBH", first, masked | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, masked | 127, len(payload))
    if mask is None:
        return head + payload
    keys = (mask * (len(payload) // 4 + 1))[: len(payload)]
    masked_payload = (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(len(payload), "big")
    return head + mask + masked_payload


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


def upgrade_request(target, *extra, version="HTTP/1.1", method="GET", replace=None):
    """The opening handshake of RFC 6455 section 1.3; `replace` maps a field name to another value, or None to leave it out."""
    fields = {"Host": "gate.test", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": SAMPLE_KEY,
              "Sec-WebSocket-Version": "13", **(replace or {})}
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in fields.items() if value is not None), *extra]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class RawPeer:
    """Connects to (host, port) or to the path of a Unix socket; `source`: from this address of this host."""

    def __init__(self, address, timeout=5.0, receive_buffer_bytes=None, source=None):
        self.timeout = timeout * PATIENCE
        is_unix = isinstance(address, str)
        self.socket = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if source is not None:
            self.socket.bind((source, 0))
        if receive_buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(self.timeout)
        self.socket.connect(address)
        if not is_unix:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""
        self.may_be_compressed = False  # permessage-deflate was agreed on

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def local_address(self):
        host, port = self.socket.getsockname()[:2]
        return f"{host}:{port}"

    def send(self, data):
        self.socket.sendall(data)

    def send_frame(self, opcode, payload=b"", **form):
        self.send(encode_frame(opcode, payload, **form))

    def trickle(self, data, interval):
        """Sends one byte every `interval` seconds until the gate answers or ends the stream; returns the seconds until then."""
        started = time.monotonic()
        for byte in data:
            self.send(bytes([byte]))
            if select.select([self.socket], [], [], interval)[0]:
                return time.monotonic() - started
        raise AssertionError(f"all {len(data)} bytes went out unanswered")

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the gate closed; {self.held!r} was left")
        self.held += data

    def take(self, count):
        while len(self.held) < count:
            self._receive()
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def take_until(self, end):
        while end not in self.held:
            self._receive()
        taken, _, self.held = self.held.partition(end)
        return taken

    def read_response(self, body=True):
        """One HTTP response with Content-Length framing; body=False for answers to HEAD and for 101."""
        first, *lines = self.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status = first.split(" ", 2)[:2]
        fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        response = Response(version, int(status), fields)
        if body and response.status >= 200 and response.status != 204:
            response.body = self.take(int(fields["content-length"]))
        return response

    def request(self, data, **how):
        self.send(data)
        return self.read_response(**how)

    def upgrade(self, target, *extra, **how):
        """The opening handshake, which must succeed."""
        response = self.request(upgrade_request(target, *extra, **how), body=False)
        assert response.status == 101, response
        digest = hashlib.sha1(SAMPLE_KEY.encode() + ACCEPT_GUID).digest()
        assert response.fields["sec-websocket-accept"] == base64.b64encode(digest).decode()
        return response

    def read_frame(self):
        first, second = self.take(2)
        assert second & 0x80 == 0, "a server frame must not be masked"
        assert first & (0x30 if self.may_be_compressed else 0x70) == 0, "a reserved bit nobody agreed on"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
        return Frame(first & 0x0F, self.take(length), first & 0x80 != 0, first & 0x40 != 0)

    def expect_close(self, code, reason=None):
        """Reads up to a Close frame (data and pings before it are passed over), then the end of the stream."""
        frame = self.read_frame()
        while frame.opcode != CLOSE:
            frame = self.read_frame()
        assert frame.close_code == code, f"close code {frame.close_code} instead of {code}, reason {frame.payload[2:]!r}"
        if reason is not None:
            assert frame.payload[2:] == reason, frame.payload
        return frame

    def expect_end(self, within=None):
        """The gate must close TCP with nothing more to say; returns the seconds that took."""
        started = time.monotonic()
        self.socket.settimeout(within * PATIENCE if within is not None else self.timeout)
        try:
            more = self.held + self.socket.recv(65536)
        except ConnectionResetError:
            more = b""
        assert more == b"", f"bytes after the end: {more[:200]!r}"
        return time.monotonic() - started

    def close_normally(self):
        self.send_frame(CLOSE, close_payload(1000))
        self.expect_close(1000)
        self.expect_end()


def connect_device(gate, device_id, *fields, path="/ws", **how):
    """A raw peer behind a finished opening handshake; `fields` are more lines of its request."""
    peer = RawPeer(gate.device_address, **how)
    peer.upgrade(f"{path}?deviceId={device_id}", *fields)
    return peer


def random_bytes(count):
    return os.urandom(count)
