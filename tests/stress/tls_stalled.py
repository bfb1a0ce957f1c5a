"""TLS handshakes that come to nothing, thousands at once: gone when their time is over, small until then, and good devices hardly notice.

usage: tools/stress tls-stalled [--devices N] [--sample]
A third of the clients say nothing, a third half a ClientHello, a third a whole one. Judged: gone within 5 s of connecting (and half a
second), at most 50 KB of the gate's memory each, p99 of 50 good devices below twice its own. Ends with PASS or FAIL and figures.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import pathlib
import resource
import select
import socket
import ssl
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from support.certificates import Root  # noqa: E402
from support.gate import Gate  # noqa: E402
from support.raw_peer import BINARY, encode_frame, upgrade_request  # noqa: E402

GOOD_DEVICES = 50
PAUSE = 0.05  # seconds between two echoes of a good device
MEASURED = 6.0  # seconds, alone and beside the stalled
LATEST = 5.5  # seconds after which a stalled handshake must be gone
KILOBYTES_EACH = 50
FACTOR = 2.0


def client_hello():
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(into, out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
    raise AssertionError("a handshake without a server")


def stall(address, count, pipe):
    """A process of its own: connects `count` clients that say little, and tells when all are there, and how long each was kept."""
    os.nice(19)  # what is measured is the gate, not how the processes of this test share two cores
    hello = client_hello()
    first_words = [b"", hello[:len(hello) // 2], hello]
    began, kept, clients = {}, [], {}
    poll = select.epoll()
    for number in range(count):
        client = socket.socket()
        # From several addresses: one has too few ports if the machine has just used them.
        client.bind((f"127.0.1.{1 + number % 8}", 0))
        client.connect(address)
        client.sendall(first_words[number % 3])
        client.setblocking(False)
        began[client.fileno()], clients[client.fileno()] = time.monotonic(), client
        poll.register(client, select.EPOLLIN | select.EPOLLRDHUP)
    pipe.send("connected")
    deadline = time.monotonic() + 20
    while clients and time.monotonic() < deadline:
        for number, _ in poll.poll(1.0):
            client = clients[number]
            try:
                if client.recv(65536):
                    continue  # the answer to a whole ClientHello
            except OSError:
                pass
            kept.append(time.monotonic() - began[number])
            poll.unregister(number)
            clients.pop(number).close()
    pipe.send({"left": len(clients), "kept": sorted(kept)})


async def good_device(number, address, context, latencies, stop):
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname="localhost")
    writer.write(upgrade_request(f"/ws?deviceId=good-{number}"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    while not stop.is_set():
        sent = time.monotonic()
        writer.write(encode_frame(BINARY, b"x" * 20))
        await reader.readexactly(22)
        latencies.append((sent, time.monotonic() - sent))
        await asyncio.sleep(PAUSE)
    writer.close()


def p99(latencies, begin, end):
    chosen = sorted(latency for sent, latency in latencies if begin <= sent < end)
    return chosen[len(chosen) * 99 // 100] * 1000


def resident_kilobytes(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def run(options, gate, root):
    latencies, stop = [], asyncio.Event()
    context = ssl.create_default_context(cafile=root.file)
    devices = [asyncio.create_task(good_device(number, gate.device_address, context, latencies, stop)) for number in range(GOOD_DEVICES)]
    await asyncio.sleep(2)
    alone = time.monotonic()
    await asyncio.sleep(MEASURED)
    before = resident_kilobytes(gate.process.pid)
    beside = time.monotonic()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=stall, args=(gate.device_address, options.devices, theirs))
    process.start()
    most, result = before, None
    while result is None:
        await asyncio.sleep(0.05)
        most = max(most, resident_kilobytes(gate.process.pid))
        if ours.poll() and (said := ours.recv()) != "connected":
            result = said
    end = time.monotonic()
    process.join()
    stop.set()
    await asyncio.gather(*devices)
    kept = result["kept"] or [0.0]
    return {"stalled": options.devices, "left": result["left"], "kept_s_median": round(kept[len(kept) // 2], 2), "kept_s_max": round(kept[-1], 2),
            "kilobytes_each": round((most - before) / options.devices, 1), "p99_ms_alone": round(p99(latencies, alone, beside), 2),
            "p99_ms_beside": round(p99(latencies, beside, end), 2)}


def main():
    parser = argparse.ArgumentParser(prog="tools/stress tls-stalled", description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=10_000, help="clients that stall")
    parser.add_argument("--sample", action="store_true", help="a thousand")
    options = parser.parse_args()
    if options.sample:
        options.devices = 1000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        root = Root(folder)
        certificate = root.issue("gate")
        settings = {"limits.max_connections": options.devices + 1000, "listener.0.tls.cert": certificate.certificate,
                    "listener.0.tls.key": certificate.key}
        with Gate(settings, shards=2, warnings_allowed=True) as gate:
            figures = asyncio.run(run(options, gate, root))
    good = (figures["left"] == 0 and figures["kept_s_max"] <= LATEST and figures["kilobytes_each"] <= KILOBYTES_EACH
            and figures["p99_ms_beside"] < FACTOR * figures["p99_ms_alone"])
    print("PASS" if good else "FAIL", "tls-stalled:", json.dumps(figures))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
