"""Proves that a peer echoes: tools/bench peers --check [NAME...] runs it over every peer that was built.

check(peer) starts the server, plays every scenario of its protocol, and prints one line per peer, or what was wrong. Random
payloads and masks; the seed is printed.
"""

import os
import random
import subprocess
import time

import peers
from wire import BINARY, CLOSE, PING, PONG, TEXT, Connection, WebSocket, Wrong

SIZES = (0, 1, 7, 20, 125, 126, 127, 1000, 1024, 4096, 16 * 1024, 65535, 65536, 65537, 1 << 20, 16 << 20)
MULTI_BYTE = "añ漢😀"  # 1, 2, 3 and 4 bytes
CONNECTIONS = 1000
TARGETS = ("/", "/ws", "/ws?deviceId=check-1", "/any/deeper/path?x=1&y=%20z", "/?deviceId=load-17")


def text_of(size):
    """Multi-byte text of exactly so many bytes."""
    unit = MULTI_BYTE.encode()
    return unit * (size // len(unit)) + b"x" * (size % len(unit))


class WebSocketScenarios:
    def __init__(self, port, chance):
        self.port = port
        self.chance = chance

    def connect(self, target="/ws?deviceId=check-0"):
        return WebSocket(self.port, target, self.chance)

    def any_target(self):
        for target in TARGETS:
            with self.connect(target) as client:
                client.write(client.encode(TEXT, b"hello"))
                client.expect(TEXT, b"hello")

    def sizes_and_types(self):
        with self.connect() as client:
            for size in SIZES:
                for opcode, payload in ((BINARY, self.chance.randbytes(size)), (TEXT, text_of(size))):
                    client.write(client.encode(opcode, payload))
                    client.expect(opcode, payload)

    def fragments(self):
        with self.connect() as client:
            payload = self.chance.randbytes(3000)
            client.write(client.encode(BINARY, payload[:1], fin=False) + client.encode(0, payload[1:2000], fin=False))
            client.write(client.encode(PING, b"between") + client.encode(0, payload[2000:]))
            client.expect(PONG, b"between")
            client.expect(BINARY, payload)

    def in_flight(self):
        for size in (20, 1024, 64 * 1024):
            with self.connect() as client:
                payloads = [self.chance.randbytes(size) for _ in range(64)]
                for payload in payloads[:16]:
                    client.write(client.encode(BINARY, payload))
                for position, payload in enumerate(payloads):
                    client.expect(BINARY, payload)
                    if position + 16 < len(payloads):
                        client.write(client.encode(BINARY, payloads[position + 16]))

    def runs_of_frames(self):
        with self.connect() as client:
            for size in (20, 125):
                payloads = [(BINARY if i % 3 else TEXT, text_of(size)) for i in range(16 * 1024 // size)]
                for _ in range(5):
                    client.write(b"".join(client.encode(*each) for each in payloads))
                    for each in payloads:
                        client.expect(*each)

    def split_anywhere(self):
        with self.connect() as client:
            data = b"".join(client.encode(BINARY, b"0123456789" * count) for count in (1, 2, 20))
            for byte in data:
                client.write(bytes([byte]))
                time.sleep(0.0002)
            for count in (1, 2, 20):
                client.expect(BINARY, b"0123456789" * count)

    def slow_reader(self):
        with self.connect() as client:
            payload = self.chance.randbytes(64 * 1024)
            client.write(client.encode(BINARY, payload) * 192)  # 12 MiB, more than any socket buffer
            client.push_without_reading(0.3)
            for _ in range(192):
                client.expect(BINARY, payload)

    def many_connections(self):
        clients = [self.connect(f"/ws?deviceId=check-{i}") for i in range(CONNECTIONS)]
        try:
            for size in (20, 1024):
                sent = [self.chance.randbytes(size) for _ in clients]
                for client, payload in zip(clients, sent):
                    client.write(client.encode(BINARY, payload) * 16)
                for client, payload in zip(clients, sent):
                    for _ in range(16):
                        client.expect(BINARY, payload)
        finally:
            for client in clients:
                client.socket.close()

    def closing_handshake(self):
        with self.connect() as client:
            client.write(client.encode(BINARY, b"last") + client.encode(CLOSE, b"\x03\xe8"))
            client.expect(BINARY, b"last")
            opcode, payload = client.read_message()
            if opcode != CLOSE or payload[:2] not in (b"", b"\x03\xe8"):
                raise Wrong(f"the closing handshake was answered by opcode {opcode} with {payload!r}")
            if client.read_to_end():
                raise Wrong("bytes after the close frame")

    ALL = (any_target, sizes_and_types, fragments, in_flight, runs_of_frames, split_anywhere, slow_reader, many_connections,
           closing_handshake)


class RawScenarios:
    def __init__(self, port, chance):
        self.port = port
        self.chance = chance

    def sizes(self):
        with Connection(self.port) as client:
            for size in SIZES:
                data = self.chance.randbytes(size)
                client.write(data)
                same(client.read(size), data)

    def in_flight(self):
        with Connection(self.port) as client:
            data = self.chance.randbytes(64 * 4000)
            for position in range(0, len(data), 4000):
                client.write(data[position:position + 4000])
            same(client.read(len(data)), data)

    def slow_reader(self):
        with Connection(self.port) as client:
            for size in (32 << 20, 1000, 8 << 20):
                data = self.chance.randbytes(size)
                client.write(data)
                client.push_without_reading(0.3)
                same(client.read(size), data)

    def many_slow_readers(self):
        clients = [Connection(self.port) for _ in range(20)]
        sent = [self.chance.randbytes(6 << 20) for _ in clients]
        for client, data in zip(clients, sent):
            client.write(data)
        for client in clients:
            client.push_without_reading(0.05)
        for client, data in zip(clients, sent):
            same(client.read(len(data)), data)
            client.socket.close()

    def many_connections(self):
        clients = [Connection(self.port) for _ in range(CONNECTIONS)]
        for size in (26, 64 * 1024):
            sent = [self.chance.randbytes(size) for _ in clients]
            for client, data in zip(clients, sent):
                client.write(data)
            for client, data in zip(clients, sent):
                same(client.read(size), data)
        for client in clients:
            client.socket.close()

    def half_close(self):
        with Connection(self.port) as client:
            client.write(b"last words")
            client.socket.shutdown(1)
            same(client.read_to_end(), b"last words")

    ALL = (sizes, in_flight, slow_reader, many_slow_readers, many_connections, half_close)


def same(got, expected):
    if got != expected:
        first = next(i for i, (a, b) in enumerate(zip(got, expected)) if a != b) if len(got) == len(expected) else len(got)
        raise Wrong(f"{len(expected)} bytes came back changed, first at {first}")


def check(peer):
    """True if every promise was kept; a line for each that was not."""
    seed = int(os.environ.get("PEERS_SEED") or random.SystemRandom().getrandbits(32))
    faults = []
    started = time.monotonic()
    scenarios = RawScenarios if peer.protocol == "raw" else WebSocketScenarios
    try:
        with peers.running(peer, dict(os.environ), peer.folder / "check.log") as (_, port):
            for scenario in scenarios.ALL:
                try:
                    scenario(scenarios(port, random.Random(seed)))
                except (Wrong, OSError) as error:
                    faults.append(f"{scenario.__name__}: {error}")
            idle = (Connection if peer.protocol == "raw" else WebSocket)(port)  # must not keep the server from ending
        idle.socket.close()
    except (peers.DidNotStart, Wrong, OSError) as error:
        faults.append(str(error))
    except subprocess.TimeoutExpired:
        faults.append("did not end on SIGTERM")
    for fault in faults:
        print(f"{peer.name}: WRONG {fault} (PEERS_SEED={seed})", flush=True)
    if not faults:
        seconds = time.monotonic() - started
        print(f"{peer.name}: echoes ({len(scenarios.ALL)} scenarios, {seconds:.1f} s, PEERS_SEED={seed})", flush=True)
    return not faults
