"""The client side of check.py: plain sockets, RFC 6455 frames, and a deadline on everything."""

import base64
import hashlib
import random
import select
import socket
import struct
import time

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SECONDS_MAX = 20.0
PIECE_BYTES = 256 * 1024


class Wrong(Exception):
    """What the server did is not an echo."""


def frame(opcode, payload, key, fin=True):
    """A client's frame, masked by the 4 bytes of `key`."""
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) <= 125:
        head += bytes([0x80 | len(payload)])
    elif len(payload) <= 0xFFFF:
        head += struct.pack("!BH", 0x80 | 126, len(payload))
    else:
        head += struct.pack("!BQ", 0x80 | 127, len(payload))
    keys = (key * (len(payload) // 4 + 1))[:len(payload)]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(len(payload), "big")
    return head + key + masked


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.held = bytearray()  # received, not looked at
        self.to_send = memoryview(b"")
        self.at_end = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def write(self, data):
        """Queues bytes; they go out while something is awaited, so neither side can block the other."""
        self.to_send = memoryview(bytes(self.to_send) + data) if self.to_send else memoryview(data)
        self._step(0, reading=False)

    def push_without_reading(self, seconds):
        """Sends until nothing was taken for so long: as a client does that does not read."""
        quiet_since = time.monotonic()
        while self.to_send and time.monotonic() - quiet_since < seconds:
            before = len(self.to_send)
            self._step(0.05, reading=False)
            if len(self.to_send) != before:
                quiet_since = time.monotonic()

    def read(self, count):
        """The next `count` bytes."""
        deadline = time.monotonic() + SECONDS_MAX
        while len(self.held) < count:
            if self.at_end:
                raise Wrong(f"the connection ended {count - len(self.held)} bytes early")
            if time.monotonic() > deadline:
                raise Wrong(f"{count - len(self.held)} of {count} bytes did not come in {SECONDS_MAX:.0f} s")
            self._step(0.5)
        taken = bytes(self.held[:count])
        del self.held[:count]
        return taken

    def read_to_end(self):
        deadline = time.monotonic() + SECONDS_MAX
        while not self.at_end:
            if time.monotonic() > deadline:
                raise Wrong(f"the connection did not end in {SECONDS_MAX:.0f} s")
            self._step(0.5)
        return bytes(self.held)

    def _step(self, seconds, reading=True):
        readers, writers = [self.socket] if reading else [], [self.socket] if self.to_send else []
        can_read, can_write, _ = select.select(readers, writers, [], seconds)
        try:
            if can_write:
                self.to_send = self.to_send[self.socket.send(self.to_send[:PIECE_BYTES]):]
            if can_read:
                piece = self.socket.recv(PIECE_BYTES)
                self.held += piece
                self.at_end = not piece
        except BlockingIOError:
            pass
        except OSError as error:
            raise Wrong(f"the connection broke: {error}") from None


class WebSocket(Connection):
    def __init__(self, port, target="/ws?deviceId=check-0", chance=None):
        super().__init__(port)
        self.chance = chance or random.Random(0)
        key = base64.b64encode(self.chance.randbytes(16))
        self.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n".encode())
        response = bytearray()
        while not response.endswith(b"\r\n\r\n"):
            response += self.read(1)
        status, *lines = response.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        if status.split(" ")[1] != "101":
            raise Wrong(f"{target} was answered by {status!r}")
        if fields.get("sec-websocket-accept") != base64.b64encode(hashlib.sha1(key + ACCEPT_GUID).digest()).decode():
            raise Wrong("Sec-WebSocket-Accept is wrong")
        if "sec-websocket-extensions" in fields:
            raise Wrong(f"an extension was accepted: {fields['sec-websocket-extensions']}")

    def encode(self, opcode, payload, fin=True):
        return frame(opcode, payload, self.chance.randbytes(4), fin)

    def read_frame(self):
        first, second = self.read(2)
        if second & 0x80 or first & 0x70:
            raise Wrong(f"a frame begins with {first:#04x} {second:#04x}")
        length = second
        if length == 126:
            length, = struct.unpack("!H", self.read(2))
        elif length == 127:
            length, = struct.unpack("!Q", self.read(8))
        return first & 0xF, bool(first & 0x80), self.read(length)

    def read_message(self):
        """(opcode, payload) of the next message, or of the next control frame."""
        kind, fin, payload = self.read_frame()
        while not fin:
            opcode, fin, more = self.read_frame()
            if opcode != CONTINUATION:
                raise Wrong(f"opcode {opcode} within a message")
            payload += more
        return kind, payload

    def expect(self, opcode, payload):
        got_opcode, got = self.read_message()
        if (got_opcode, got) != (opcode, payload):
            raise Wrong(f"expected opcode {opcode} with {len(payload)} bytes, got {got_opcode} with {len(got)}"
                        f"{'' if got == payload else ', which differ'}")
