"""The exposition as Prometheus reads it, and books that balance after a storm of real clients."""

import asyncio
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from support.curl import curl, metric
from support.gate import PATIENCE, Gate
from support.raw_peer import connect_device

PROMTOOL = shutil.which("promtool")


def scrape(gate):
    with urllib.request.urlopen(gate.admin_url("/metrics"), timeout=10 * PATIENCE) as reply:
        return reply.read().decode()


def families(gate):
    return {family.name: family for family in text_string_to_metric_families(scrape(gate))}


def books(gate):
    return {sample.labels["book"]: sample.value for sample in families(gate)["ringgate_books_difference"].samples}


def call(gate, method, path, body=None, headers=None):
    request = urllib.request.Request(gate.admin_url(path), data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10 * PATIENCE) as reply:
            return reply.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_the_python_client_reads_every_family(gate):
    found = families(gate)
    assert found["ringgate_shard_loop_duration_seconds"].type == "histogram"
    for family in found.values():
        if family.type != "histogram":
            continue
        series = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                key = tuple(item for item in sorted(sample.labels.items()) if item[0] != "le")
                series.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
        for key, buckets in series.items():
            assert buckets == sorted(buckets), (family.name, key)
            assert [count for _, count in buckets] == sorted(count for _, count in buckets), (family.name, key)
            assert buckets[-1][0] == float("inf"), (family.name, key)


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus) is installed")
def test_promtool_finds_nothing_to_say(gate):
    told = subprocess.run([PROMTOOL, "check", "metrics"], input=scrape(gate), capture_output=True, text=True, timeout=30 * PATIENCE, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout + told.stderr == ""


async def device(gate, seed):
    """One device that comes and goes in some way."""
    rng = random.Random(seed)
    try:
        async with connect(gate.device_url(f"d{rng.randrange(40)}"), close_timeout=2) as socket_:
            for _ in range(rng.randrange(5)):
                await socket_.send("x" * rng.randrange(2000))
                await asyncio.wait_for(socket_.recv(), 10 * PATIENCE)
            if rng.random() < 0.3:
                socket_.transport.abort()
    except (WebSocketException, OSError, TimeoutError):
        pass


def stranger(gate, seed):
    """A connection that is no device's."""
    rng = random.Random(seed)
    with socket.create_connection(gate.device_address) as peer:
        peer.sendall(rng.choice([b"", b"GET /ws HT", b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"]))


async def storm(gate, seed):
    rng = random.Random(seed)
    work = []
    for _ in range(300):
        ident, kind = f"d{rng.randrange(40)}", rng.randrange(6)
        if kind < 3:
            work.append(device(gate, rng.random()))
        elif kind == 3:
            work.append(asyncio.to_thread(stranger, gate, rng.random()))
        elif kind == 4:
            work.append(asyncio.to_thread(call, gate, "POST", f"/v1/devices/{ident}/messages", b"hi", {"Content-Type": "text/plain"}))
        else:
            work.append(asyncio.to_thread(call, gate, *rng.choice([("DELETE", f"/v1/devices/{ident}", None), ("POST", "/v1/broadcast", b"all")]),
                                          {"Content-Type": "text/plain"}))
    await asyncio.gather(*work)


def test_books_balance_after_a_storm():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    with Gate(shards=2) as gate:
        asyncio.run(storm(gate, seed))
        deadline = time.monotonic() + 20 * PATIENCE
        while any(books(gate).values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert set(books(gate).values()) == {0}, books(gate)
        found = families(gate)
        closes = sum(sample.value for sample in found["ringgate_closes"].samples)
        accepted = next(sample.value for sample in found["ringgate_handshakes"].samples if sample.labels["result"] == "accepted")
        assert closes == accepted > 50
        assert next(sample.value for sample in found["ringgate_handshake_duration_seconds"].samples if sample.name.endswith("_count")) == accepted


def test_a_call_leaves_its_trace_in_the_log(gate):
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    assert call(gate, "PUT", "/v1/bans/traced", b'{"for": "1s"}', {"Content-Type": "application/json", "traceparent": f"00-{trace}-{parent}-01"}) == 200
    record = gate.wait_for_log("admin call", device_id="traced")
    assert (record["trace_id"], record["parent_id"]) == (trace, parent)
    assert call(gate, "DELETE", "/v1/bans/traced", None, {"traceparent": f"00-{trace.upper()}-{parent}-01"}) == 204
    assert "trace_id" not in gate.wait_for_log("admin call", device_id="traced")


def test_the_size_does_not_depend_on_devices(gate):
    def names():
        return sorted(re.findall(r"^(ringgate_[^ ]+) ", scrape(gate), re.MULTILINE))

    async def come(count):
        sockets = [await connect(gate.device_url(f"size-{number}")) for number in range(count)]
        try:
            return await asyncio.to_thread(names)
        finally:
            await asyncio.gather(*(one.close() for one in sockets))

    before = names()
    assert asyncio.run(come(50)) == before


def test_the_book_of_pushes_balances_over_requests():
    with Gate(settings={"route.0.correlation": "/id"}) as gate, connect_device(gate, "d") as peer:
        for device, status in (("d", 504), ("nobody", 404)):
            answer = curl(gate.admin_url(f"/v1/devices/{device}/requests?timeout=200ms"), "-H", "Content-Type: text/plain", body=b'{"id": "a"}')
            assert answer.status == status, answer
        assert metric(gate, "ringgate_books_difference", book="pushes") == 0
        peer.read_frame()
