"""The devices of a lane: connected to the gate itself, past proxy and recorder, they note what is pushed to them."""

import asyncio

from websockets.asyncio.client import connect

FENCE_SECONDS = 10.0


class Device:
    def __init__(self, device_id):
        self.device_id = device_id
        self.received = []  # (type, body), since the case began
        self._arrived = asyncio.Event()

    async def start(self, gate_address):
        host, port = gate_address
        url = f"ws://{host}:{port}/ws?deviceId={self.device_id}"
        self._socket = await connect(url, compression=None, ping_interval=None, max_size=None)
        self._reader = asyncio.create_task(self._read())

    async def _read(self):
        async for message in self._socket:
            self.received.append(("text", message.encode()) if isinstance(message, str) else ("binary", message))
            self._arrived.set()

    async def wait_for(self, body):
        """Waits until this body was pushed. Raises TimeoutError."""
        async with asyncio.timeout(FENCE_SECONDS):
            while not any(received == body for _, received in self.received):
                self._arrived.clear()
                await self._arrived.wait()

    async def stop(self):
        self._reader.cancel()
        await self._socket.close()
