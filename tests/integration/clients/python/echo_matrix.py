"""Echo matrix by the Python package `websockets`: reads a plan (see echo_plan.py) from its argument, prints a verdict as JSON."""

import asyncio
import json
import random
import sys

import websockets
from websockets.asyncio.client import connect

PATTERN = "aé€😀".encode()  # ten bytes, one character of every UTF-8 length


def text_of(size, serial):
    data = bytearray(PATTERN * (size // len(PATTERN)) + b"." * (size % len(PATTERN)))
    data[:1] = str(serial % 10).encode()[: len(data)]
    return bytes(data)


def cut(data, count):
    bounds = [len(data) * i // count for i in range(count + 1)]
    return [data[bounds[i] : bounds[i + 1]] for i in range(count)]


async def send(socket, data, binary, fragments, pings):
    """Sends one message in fragments; returns the pongs to wait for."""
    waiters = []

    async def pieces():
        for piece in cut(data, fragments):
            yield piece
            if pings and len(waiters) < 8:
                waiters.append(await socket.ping(f"between {len(waiters)}"))

    if fragments == 1:
        await socket.send(data, text=not binary)
        if pings:
            waiters.append(await socket.ping("after"))
    else:
        await socket.send(pieces(), text=not binary)
    return waiters


async def run_matrix(plan, verdict):
    serial = 0
    async with connect(plan["url"], max_size=None, ping_interval=None, write_limit=2**25) as socket:
        if socket.protocol.extensions:
            verdict["failures"].append(f"extensions negotiated: {socket.protocol.extensions}")
        for size in plan["sizes"]:
            for binary in (False, True):
                serial += 1
                data = random.Random(serial).randbytes(size) if binary else text_of(size, serial)
                for fragments in plan["fragments"]:
                    for pings in plan["pings"]:
                        what = f"{'binary' if binary else 'text'} of {size} in {fragments}{' with pings' if pings else ''}"
                        waiters = await send(socket, data, binary, fragments, pings)
                        echo = await asyncio.wait_for(socket.recv(), 60)
                        if isinstance(echo, bytes) != binary:
                            verdict["failures"].append(f"{what}: type changed")
                        if (echo if isinstance(echo, bytes) else echo.encode()) != data:
                            verdict["failures"].append(f"{what}: {len(echo)} units came back, or others")
                        for waiter in waiters:
                            await asyncio.wait_for(waiter, 60)
                        verdict["echoes"] += 1
                        verdict["bytes"] += size
                        verdict["pongs"] += len(waiters)
                        if len(verdict["failures"]) > 9:
                            return
        await socket.close(1000)
        if socket.close_code != 1000:
            verdict["failures"].append(f"closed with {socket.close_code}")


def main():
    verdict = {"client": f"Python websockets {websockets.__version__}", "echoes": 0, "bytes": 0, "pongs": 0, "failures": []}
    try:
        asyncio.run(run_matrix(json.loads(sys.argv[1]), verdict))
    except Exception as error:  # whatever ends the run early is the verdict
        verdict["failures"].append(f"{type(error).__name__}: {error}")
    print(json.dumps(verdict))
    return 1 if verdict["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
