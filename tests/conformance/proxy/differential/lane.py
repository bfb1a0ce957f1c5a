"""A lane: one gate, one proxy, a recorder for each port, four devices; and one case at a time.

After each case a fence follows: a push and a broadcast by a client of their own, on the upstream connections the case left
behind. If the case has shifted where the gate sees the next request begin, the fence is what it hits. It also tells when the
devices have received all there is. Invariant: between two cases nothing is on its way.
"""

import asyncio
import dataclasses
import json
import shutil
import tempfile
import time

from . import judge
from .bases import DEVICES
from .devices import Device
from .proxies import CLIENT_SECONDS, Proxy
from .recorder import Recorder
from .reference import read_answers

CASE_SECONDS = 10.0  # until a fence is answered, and until the gate has answered what it was sent
FENCE_ATTEMPTS = 10
HANG_UP_SECONDS = 2 * CLIENT_SECONDS  # a client whose request is never answered leaves, as the proxy should have made it


@dataclasses.dataclass
class Outcome:
    case: object
    forwarded: bool  # did the proxy let anything through? Only then it is a sample
    faults: list
    requests: int
    rules: dict
    tapes: list  # (listener, forwarded, answered): the evidence
    answered_to_client: bytes


class Lane:
    def __init__(self, setup, gate):
        self.gate = gate
        self.directory = tempfile.mkdtemp(prefix="rg-lane-")
        self.proxy = Proxy(setup, self.directory)
        quiet = CLIENT_SECONDS if self.proxy.program is None else None
        addresses = {"admin": gate.admin_address, "device": gate.device_address}
        self.recorders = [Recorder(listener, self.proxy.gate_path(listener), address, quiet) for listener, address in addresses.items()]
        self.devices = [Device(device_id) for device_id in DEVICES]
        self.upgraded = []  # ids of all devices that came through the proxy, in order

    async def start(self):
        for recorder in self.recorders:
            await recorder.start()
        await self.proxy.start()
        for device in self.devices:
            await device.start(self.gate.device_address)
        self._rewind()  # the proxy's first sign of life was a connection too

    async def stop(self):
        self.proxy.stop()
        for recorder in self.recorders:
            await recorder.stop()
        for device in self.devices:
            await device.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- One case

    async def run(self, case):
        answered_to_client = await self._converse(case.listener, case.data, HANG_UP_SECONDS)
        faults = await self._settle()
        forwarded = self._bytes_forwarded() > 0
        if forwarded:
            faults += await self._fence(case)
            faults += await self._settle()
        outcome = self._judge(case, forwarded, faults)
        outcome.answered_to_client = answered_to_client
        self._rewind()
        return outcome

    async def _converse(self, listener, data, patience):
        """Sends the bytes and reads until the proxy hangs up, or is silent for longer than the client's patience."""
        answered = b""
        reader, writer = await asyncio.open_unix_connection(self.proxy.listening_path(listener))
        try:
            writer.write(data)
            while piece := await asyncio.wait_for(reader.read(65536), patience):
                answered += piece
        except (TimeoutError, ConnectionError):
            pass  # what was forwarded by then is judged all the same
        finally:
            writer.close()
        return answered

    async def _settle(self):
        """Waits until the gate owes nothing on any upstream connection."""
        deadline = time.monotonic() + CASE_SECONDS
        for recorder in self.recorders:
            for tape in recorder.tapes:
                while not (tape.is_closed or judge.is_settled(bytes(tape.forwarded), bytes(tape.answered))):
                    recorder.changed.clear()
                    try:
                        await asyncio.wait_for(recorder.changed.wait(), max(0.0, deadline - time.monotonic()))
                    except TimeoutError:
                        return [f"upstream connection {tape.serial} neither closed nor answered within {CASE_SECONDS} s"]
        return []

    # -- The fence

    async def _fence(self, case):
        bodies = [b"fence push %d" % case.number, b"fence broadcast %d" % case.number]
        last = DEVICES[-1]
        pushed = await self._push(f"/v1/devices/{last}/messages", bodies[0])
        if not pushed or pushed[0].status != 200 or json.loads(pushed[0].body).get("device_id") != last:
            return [f"the push behind the case was answered {pushed}"]
        spread = await self._push("/v1/broadcast", bodies[1])
        if not spread or spread[0].status != 200 or json.loads(spread[0].body).get("delivered") != len(DEVICES):
            return [f"the broadcast behind the case was answered {spread}"]
        for device in self.devices:
            try:
                await device.wait_for(bodies[1])
            except TimeoutError:
                return [f"the broadcast behind the case did not reach {device.device_id}; it has {device.received[-3:]}"]
        return []

    async def _push(self, path, body):
        """The answers to a good push. A proxy that gives up before it forwards anything has said nothing of the gate: once more."""
        head = (b"POST %s HTTP/1.1\r\nHost: gate.example\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                b"Connection: close\r\n\r\n")
        request = head % (path.encode(), len(body)) + body
        for _ in range(FENCE_ATTEMPTS):
            bytes_before = self._bytes_forwarded()
            answers = read_answers(await self._converse("admin", request, CASE_SECONDS), [b"POST"])[0]
            if self._bytes_forwarded() != bytes_before:
                break
        return answers

    # -- The verdict

    def _tapes(self):
        return [tape for recorder in self.recorders for tape in recorder.tapes]

    def _bytes_forwarded(self):
        return sum(len(tape.forwarded) for tape in self._tapes())

    def _judge(self, case, forwarded, faults):
        outcome = Outcome(case, forwarded, faults, 0, {}, [], b"")
        pushes = []
        for tape in (tape for tape in self._tapes() if tape.forwarded):
            data, answered = bytes(tape.forwarded), bytes(tape.answered)
            is_admin = tape.listener == "admin"
            verdict = judge.judge_admin(data, answered, DEVICES) if is_admin else judge.judge_device(data, answered)
            outcome.faults += [f"{tape.listener} connection {tape.serial}: {fault}" for fault in verdict.faults]
            outcome.requests += verdict.requests
            for rule, count in verdict.rules.items():
                outcome.rules[rule] = outcome.rules.get(rule, 0) + count
            outcome.tapes.append((tape.listener, data, answered))
            pushes += [(tape.arrival_of(end), *push) for end, push in verdict.pushes]
            self.upgraded += verdict.upgraded
        pushes.sort(key=lambda push: push[0])  # requests of one arrival stay in their order
        for device in self.devices:
            owed = [(kind, body) for _, device_id, kind, body in pushes if device_id == device.device_id]
            if owed != device.received:
                outcome.faults.append(f"{device.device_id} was owed {owed} and received {device.received}")
        return outcome

    def _rewind(self):
        for recorder in self.recorders:
            recorder.tapes = [tape for tape in recorder.tapes if not tape.is_closed]
            for tape in recorder.tapes:
                tape.rewind()
        for device in self.devices:
            device.received.clear()
