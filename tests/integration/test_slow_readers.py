"""Slow readers while receive buffers run short: every byte comes back, in order, and the gate's log is clean (a sanitizer under the
gate would say there what was written where it does not belong)."""

import concurrent.futures
import contextlib
import random
import selectors
import time

from support.curl import metric
from support.gate import PATIENCE, Gate
from support.load_client import load
from support.raw_peer import BINARY, TEXT, connect_device, encode_frame

READERS = 24
MESSAGES = 10
SLOW_READ_BYTES = 3000
SECONDS_MAX = 40 * PATIENCE
# So few that two messages of the load fill them.
FEW_BUFFERS = {"ring.buffers": 2, "ring.buffer_size": "64KiB"}


class SlowReader:
    """Sends as fast as the gate takes it, reads a little at a time, compares every byte."""

    def __init__(self, gate, number, chance):
        self.socket = connect_device(gate, f"slow-{number}", receive_buffer_bytes=4096).socket
        self.socket.setblocking(False)
        messages = [self._message(chance) for _ in range(MESSAGES)]
        self.unsent = memoryview(b"".join(encode_frame(*message, mask=chance.randbytes(4)) for message in messages))
        self.unread = memoryview(b"".join(encode_frame(*message, mask=None) for message in messages))

    @staticmethod
    def _message(chance):
        size = chance.choice((5, 125, 126, 4000, 65_535, 65_536, 150_000))
        if chance.random() < 0.5:
            return BINARY, chance.randbytes(size)
        return TEXT, ("é" * (size // 2) + "a" * (size % 2)).encode()

    def events(self):
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.unsent else 0)

    def go_on(self, events):
        if events & selectors.EVENT_WRITE:
            self.unsent = self.unsent[self.socket.send(self.unsent[: 64 * 1024]) :]
        if events & selectors.EVENT_READ:
            data = self.socket.recv(SLOW_READ_BYTES)
            assert data, "the gate closed"
            assert data == self.unread[: len(data)], "what came back is not what was sent"
            self.unread = self.unread[len(data) :]


def read_slowly(readers):
    deadline = time.monotonic() + SECONDS_MAX
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader.socket, reader.events(), reader)
        while selector.get_map():
            assert time.monotonic() < deadline, f"{sum(len(reader.unread) for reader in readers)} bytes are missing"
            for key, events in selector.select(timeout=1.0):
                key.data.go_on(events)
                if not key.data.unread:
                    selector.unregister(key.fileobj)
                elif key.data.events() != key.events:
                    selector.modify(key.fileobj, key.data.events(), key.data)


def test_slow_readers_lose_nothing_while_buffers_run_short():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Gate(FEW_BUFFERS) as gate, contextlib.ExitStack() as open_sockets, concurrent.futures.ThreadPoolExecutor(1) as beside:
        greedy = beside.submit(load, "run", "--target", gate.devices, "--connections", 64, "--in-flight", 16, "--size", 65_536,
                               "--seconds", 3, "--warmup", 0, "--quiet", "--seed", seed)
        readers = [SlowReader(gate, number, chance) for number in range(READERS)]
        for reader in readers:
            open_sockets.callback(reader.socket.close)
        read_slowly(readers)
        outcome = greedy.result()
        assert outcome.code == 0 and outcome.result["messages"] > 0, outcome
        assert metric(gate, "ringgate_uring_buf_starved_total") > 0, "buffers never ran short, so this showed nothing"
