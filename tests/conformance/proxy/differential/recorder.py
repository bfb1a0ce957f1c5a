"""A relay between a proxy and the gate that keeps what passes, in both directions. It never changes a byte.

When the proxy hangs up, the gate is told so by a FIN alone, and what it still answers is kept: so a request the gate has
served is never missed. One for each listener of a lane.
"""

import asyncio
import bisect
import itertools

READ_BYTES = 65536
STOP_SECONDS = 10.0


class Tape:
    """One upstream connection. `forwarded` and `answered` begin at the case that is running."""

    serial_numbers = itertools.count()

    def __init__(self, listener):
        self.listener = listener
        self.serial = next(Tape.serial_numbers)
        self.forwarded = bytearray()
        self.answered = bytearray()
        self.is_closed = False
        self._arrivals = []  # (bytes forwarded by then, place in the order of all arrivals on all tapes)

    def forward(self, data):
        self.forwarded += data
        self._arrivals.append((len(self.forwarded), next(Tape.serial_numbers)))

    def arrival_of(self, end):
        """When the byte before `end` arrived, as a place in the order of all arrivals."""
        return self._arrivals[bisect.bisect_left(self._arrivals, (end, 0))][1]

    def rewind(self):
        self.forwarded.clear()
        self.answered.clear()
        self._arrivals.clear()


class Recorder:
    def __init__(self, listener, path, gate_address, quiet=None):
        """quiet: seconds without a byte after which the caller is taken to have finished; None leaves that to the proxy."""
        self.listener = listener
        self.path = path
        self.gate_address = gate_address
        self.quiet = quiet
        self.tapes = []
        self.changed = asyncio.Event()
        self._relays = set()

    async def start(self):
        self._server = await asyncio.start_unix_server(self._relay, self.path)

    async def stop(self):
        """To be called when the proxy is gone: then every relay ends by itself."""
        self._server.close()
        if self._relays:
            await asyncio.wait(self._relays, timeout=STOP_SECONDS)

    async def _relay(self, proxy_reader, proxy_writer):
        self._relays.add(asyncio.current_task())
        tape = Tape(self.listener)
        self.tapes.append(tape)
        gate_writer = None
        try:
            gate_reader, gate_writer = await asyncio.open_connection(*self.gate_address)
            await asyncio.gather(self._forward(tape, proxy_reader, gate_writer), self._answer(tape, gate_reader, proxy_writer))
        except OSError:
            pass  # the gate cannot be reached: the tape shows no answer
        finally:
            tape.is_closed = True
            for writer in (proxy_writer, gate_writer):
                if writer is not None:
                    writer.close()
            self._relays.discard(asyncio.current_task())
            self.changed.set()

    async def _forward(self, tape, reader, writer):
        while data := await self._read(reader):
            tape.forward(data)
            try:
                writer.write(data)
                await writer.drain()
            except OSError:
                return  # the gate has closed: what it answered before is with _answer
        if not writer.is_closing():
            writer.write_eof()

    async def _read(self, reader):
        """The next bytes of the proxy; none at its end, or when it has been quiet for too long."""
        try:
            return await asyncio.wait_for(reader.read(READ_BYTES), self.quiet)
        except (TimeoutError, ConnectionError):
            return b""

    async def _answer(self, tape, reader, writer):
        is_heard = True
        while data := await self._read_answer(reader):
            tape.answered += data
            self.changed.set()
            if is_heard:
                try:
                    writer.write(data)
                    await writer.drain()
                except OSError:
                    is_heard = False
        writer.close()

    @staticmethod
    async def _read_answer(reader):
        try:
            return await reader.read(READ_BYTES)
        except ConnectionError:
            return b""
