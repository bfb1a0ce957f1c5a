#!/usr/bin/env python3
"""A device in Python: stays connected to ringgate, obeys the close codes, says hello and prints what it hears.

usage: device.py URL            pip install websockets
"""

import asyncio
import random
import re
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

# What each close code asks of a device. Codes that are not here, and connections that break: back off.
STAY_AWAY = {1000, 1002, 1003, 1007, 1009, 4400, 4401, 4403, 4409, 4413, *range(4000, 4100)}  # 4401: until there is a new credential
AT_ONCE = {4408, 4440}
SOON = {1012, 1013}
COME_BACK_STATUSES = {408, 409, 429, 500, 502, 503, 504}  # refused handshakes that may succeed later


class Backoff:
    """Seconds that double up to a minute, of which a random half: devices lost together do not come back together."""

    def __init__(self, first=1.0, most=60.0):
        self.first, self.most, self.tries = first, most, 0

    def reset(self):
        self.tries = 0

    def next(self):
        ceiling = min(self.most, self.first * 2**self.tries)
        self.tries += 1
        return random.uniform(ceiling / 2, ceiling)


def delay_after(code, reason, backoff):
    """Seconds before the next try; None: do not come back."""
    told = re.search(r"retry_after_ms=(\d+)", reason) if code == 1001 else None
    if told:
        return int(told[1]) / 1000
    if code in STAY_AWAY:
        return None
    if code in AT_ONCE:
        return 0.0
    return random.uniform(1, 10) if code in SOON else backoff.next()


def delay_after_refusal(response, backoff):
    """The same for a handshake that was answered with something else than 101."""
    if response.status_code not in COME_BACK_STATUSES:
        return None
    told = response.headers.get("Retry-After", "")
    return int(told) + random.random() if told.isdigit() else backoff.next()


async def talk(url, backoff):
    """One connection. Returns its close code and reason."""
    async with connect(url) as socket:
        print("open", flush=True)
        await socket.send("hello")
        try:
            async for message in socket:  # ends after code 1000 or 1001
                backoff.reset()  # not at the opening: a gate that closes at once must not be asked in a tight loop
                print("message", message, flush=True)
        except ConnectionClosed:
            pass
    return socket.close_code, socket.close_reason or ""


async def run(url):
    backoff = Backoff()
    while True:
        try:
            code, reason = await talk(url, backoff)
            delay = delay_after(code, reason, backoff)
        except InvalidStatus as refusal:
            code, reason = refusal.response.status_code, refusal.response.body.decode(errors="replace")
            delay = delay_after_refusal(refusal.response, backoff)
        except (OSError, InvalidHandshake, TimeoutError) as fault:
            code, reason, delay = 1006, str(fault), backoff.next()
        if delay is None:
            print("end", code, reason, flush=True)
            return
        print("wait", round(delay * 1000), "ms after", code, reason, flush=True)
        await asyncio.sleep(delay)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
