"""A reader of the event stream: HTTP of our own, so that a test can be slow, stop, or come back. Blocking, with deadlines."""

import json
import socket
import time

from .gate import PATIENCE


class EventReader:
    """GET `path` on the admin port; events come from `next` and `until`. Use it as a context manager."""

    def __init__(self, gate, query="", last_id=None, accept=None, token=None, method="GET", receive_buffer_bytes=None, timeout=10.0):
        self.timeout = timeout * PATIENCE
        self.socket = socket.socket()
        if receive_buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.connect(gate.admin_address)
        self.local_address = "{}:{}".format(*self.socket.getsockname()[:2])
        fields = [("Host", "localhost"), ("Accept", accept), ("Last-Event-ID", last_id),
                  ("Authorization", token and f"Bearer {token}")]
        head = f"{method} /v1/events{query} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields if value)
        self.socket.sendall(head.encode() + b"\r\n")
        self.input = b""
        self.body = b""
        self.is_over = False  # the last chunk has come, or the end of the connection
        self.is_reset = False
        self.retry = None
        self.comments = 0
        while b"\r\n\r\n" not in self.input:
            assert self._receive(time.monotonic() + self.timeout), self.input
        head, _, self.input = self.input.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _receive(self, deadline):
        """False at the end of the connection or at the deadline."""
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            some = self.socket.recv(65536)
        except TimeoutError:
            return False
        except ConnectionError:
            self.is_reset = self.is_over = True
            return False
        self.is_over = self.is_over or not some
        self.input += some
        return bool(some)

    def _take_chunk(self):
        """Moves one chunk of the body from `input` to `body`; False if none is whole."""
        size_text, found, rest = self.input.partition(b"\r\n")
        if not found or len(rest) < int(size_text, 16) + 2:
            return False
        size = int(size_text, 16)
        self.body += rest[:size]
        self.input = rest[size + 2:]
        self.is_over = self.is_over or size == 0
        return True

    def _take_event(self):
        """One event of the body, parsed; None if none is whole."""
        is_sse = self.fields["content-type"] == "text/event-stream"
        while True:
            block, found, rest = self.body.partition(b"\n\n" if is_sse else b"\n")
            if not found:
                return None
            self.body = rest
            if not is_sse:
                if block:
                    return json.loads(block)
                self.comments += 1
                continue
            lines = [line.partition(b":") for line in block.split(b"\n") if line]
            members = {name.decode(): value.removeprefix(b" ").decode() for name, _, value in lines}
            self.retry = members.get("retry", self.retry)
            if "data" in members:
                event = json.loads(members["data"])
                assert members["event"] == event["type"]
                assert members.get("id") == event.get("id")
                return event
            self.comments += "" in members

    def next(self, timeout=None):
        """The next event; None if there is none before the stream ends, or in `timeout` seconds."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            event = self._take_event()
            if event is not None:
                return event
            if self._take_chunk():
                continue
            if self.is_over or not self._receive(deadline):
                return None

    def until(self, wanted, count=1):
        """All events up to the `count`-th for which `wanted(event)` holds."""
        events, found = [], 0
        while found < count:
            event = self.next()
            assert event is not None, f"the stream ended, or nothing came, after {events[-3:]}"
            events.append(event)
            found += bool(wanted(event))
        return events

    def take(self, count):
        return self.until(lambda _: True, count)
