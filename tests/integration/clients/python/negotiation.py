"""Negotiated extensions by the Python package `websockets`: reads sessions (see support/negotiation.py), prints one JSON line each."""

import asyncio
import hashlib
import json
import random
import sys

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory


def content_of(size, serial):
    """By turns: text that compresses well, a random block that comes again 20,000 bytes later, noise."""
    random_bytes = random.Random(serial).randbytes
    block = (f"message {serial}: temperature 21.5, humidity 40; ".encode(), random_bytes(20000), random_bytes(max(size, 1)))[serial % 3]
    return (block * (size // len(block) + 1))[:size]


async def echo_all(socket, session, verdict):
    serial = 0
    for size in session["sizes"]:
        for binary in (False, True):
            content = content_of(size, serial) if binary else content_of(size, serial).hex()[:size]
            serial += 1
            await socket.send(content)
            answer = await asyncio.wait_for(socket.recv(), 60)
            if answer == content:
                verdict["echoes"] += 1
            else:
                verdict["failures"].append(f"{type(content).__name__} of {size}: {len(answer)} units, or others")


async def run(session, verdict):
    offer = session["offer"]
    # Its own default is to offer client_max_window_bits.
    extensions = None if offer is None else [ClientPerMessageDeflateFactory(**{"client_max_window_bits": None, **offer})]
    async with connect(session["url"], compression=None, extensions=extensions, subprotocols=session["subprotocols"] or None,
                       max_size=None, ping_interval=None, write_limit=2**25) as socket:
        verdict["extensions"] = socket.response.headers.get("Sec-WebSocket-Extensions")
        verdict["protocol"] = socket.response.headers.get("Sec-WebSocket-Protocol")
        await echo_all(socket, session, verdict)
        if session["awaited"]:
            print("ready", flush=True)
        while len(verdict["received"]) < session["awaited"]:
            message = await asyncio.wait_for(socket.recv(), 60)
            data = message.encode() if isinstance(message, str) else message
            verdict["received"].append(["text" if isinstance(message, str) else "binary", hashlib.sha256(data).hexdigest()])


def main():
    for session in json.loads(sys.argv[1]):
        verdict = {"client": "websockets", "extensions": None, "protocol": None, "echoes": 0, "failures": [], "received": []}
        try:
            asyncio.run(run(session, verdict))
        except Exception as error:  # whatever ends the session early is its verdict
            verdict["failures"].append(f"{type(error).__name__}: {error}")
        print(json.dumps(verdict), flush=True)


if __name__ == "__main__":
    main()
