"""Pushes that wait until their message has come far enough, with real devices: some read, some do not, some vanish, some answer no pings,
some talk all the time. Whatever a level said is checked against what the device's side saw."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time

import pytest
import websockets

from support.certificates import Root
from support.curl import curl, metric
from support.gate import PATIENCE, Gate
from support.raw_peer import PING, PONG, TEXT, connect_device, encode_frame

LEVELS = ["queued", "sent", "acked", "ponged"]
LATE = {"timeout": "400ms"}


@pytest.fixture(scope="module")
def gate():
    with Gate(shards=2) as running:
        yield running


def push(gate, device_id, payload, fields=(), **query):
    path = f"/v1/devices/{device_id}/messages?" + "&".join(f"{name}={value}" for name, value in query.items())
    arguments = [word for field in ("Content-Type: text/plain", *fields) for word in ("-H", field)]
    return curl(gate.admin_url(path), *arguments, body=payload)


class Reader:
    """Reads all frames of a device on a thread of its own, and answers pings if it is told to."""

    def __init__(self, peer, answers_pings=True):
        self.peer, self.answers_pings, self.texts = peer, answers_pings, []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(Exception):  # the end of the connection
            while True:
                frame = self.peer.read_frame()
                if frame.opcode == PING and self.answers_pings:
                    self.peer.send_frame(PONG, frame.payload)
                elif frame.opcode == TEXT:
                    self.texts.append(frame.payload)


@contextlib.contextmanager
def reading(gate, device_id, **how):
    with connect_device(gate, device_id) as peer:
        yield Reader(peer, **how)


@pytest.mark.parametrize("level", LEVELS)
def test_device_that_reads_reaches_every_level(gate, level):
    with reading(gate, f"reads-{level}") as reader:
        answer = push(gate, f"reads-{level}", b"hello", wait=level).json
        assert answer["status"] == "delivered"
        assert LEVELS.index(answer["reached"]) >= LEVELS.index(level)
        times = [answer[f"{name}_at"] for name in LEVELS if f"{name}_at" in answer]
        assert times == sorted(times) and f"{level}_at" in answer
        if level == "ponged":
            assert reader.texts == [b"hello"], "its pong came behind the message"


def test_device_that_answers_no_pings_is_known_to_have_acknowledged(gate):
    with reading(gate, "mute", answers_pings=False):
        problem = push(gate, "mute", b"x", wait="ponged", **LATE).problem(504, "wait_timeout")
        assert problem["reached"] == "acked" and "acked_at" in problem and "ponged_at" not in problem


def test_device_that_does_not_read_is_not_said_to(gate):
    with connect_device(gate, "deaf", receive_buffer_bytes=4096):
        statuses = set()
        for _ in range(40):  # until no buffer of either kernel takes more
            answer = push(gate, "deaf", b"x" * 200_000, wait="acked", timeout="50ms")
            statuses.add(answer.status)
            if answer.status == 429:
                break
        assert 504 in statuses and 200 not in list(statuses)[1:]
        problem = push(gate, "deaf", b"y", ["Ringgate-Ttl: 1"], wait="sent", timeout="3s").json
        assert problem["reason"] in ("expired", "backpressure")
        push(gate, "deaf", b"y", ["Ringgate-Ttl: 0"]).problem(504, "expired")


def test_device_that_talks_all_the_time_reaches_every_level(gate):
    with connect_device(gate, "talker") as peer:
        stop = threading.Event()
        reader = Reader(peer)

        def talk():
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    peer.socket.sendall(encode_frame(TEXT, b"e" * 4000))

        talker = threading.Thread(target=talk, daemon=True)
        talker.start()
        try:
            for level in LEVELS[1:]:
                deadline = time.monotonic() + 10 * PATIENCE
                while (answer := push(gate, "talker", f"to-{level}".encode(), wait=level, timeout="10s")).status == 429:
                    assert time.monotonic() < deadline  # its echoes fill its queue now and then
                assert answer.json["reached"] == level, answer
        finally:
            stop.set()
            talker.join()
        assert {b"to-ponged"} <= set(reader.texts)


def test_end_of_the_connection_answers_at_once(gate):
    with connect_device(gate, "leaver") as peer:
        threading.Timer(0.2, lambda: peer.socket.shutdown(socket.SHUT_RDWR)).start()
        started = time.monotonic()
        problem = push(gate, "leaver", b"x", wait="ponged", timeout="30s").problem(409, "connection_ended")
        assert problem["reached"] in ("sent", "acked") and time.monotonic() - started < 5 * PATIENCE


def test_repeat_is_sent_once_and_answered_alike(gate):
    with reading(gate, "once") as reader:
        field = ['Idempotency-Key: "8e03978e-40d5"']
        first = push(gate, "once", b"pay", field, wait="ponged").json
        again = push(gate, "once", b"pay", field, wait="ponged").json
        assert again.pop("repeated") is True and again == first
        push(gate, "once", b"other", field).problem(422, "idempotency_key_reused")
        assert reader.texts == [b"pay"]


def test_only_the_named_connection(gate):
    with reading(gate, "named"):
        conn = push(gate, "named", b"1").json["conn"]
        assert push(gate, "named", b"2", [f'If-Match: "{conn}"']).status == 200
        push(gate, "named", b"3", ['If-Match: "00000000000000ff"']).problem(412, "other_connection")
        assert push(gate, "named", b"4", [f'If-Match: "00000000000000ff", "{conn}"']).status == 200
        assert push(gate, "named", b"5", ['If-Match: "00000000000000ff"', f'If-Match: "{conn}"']).status == 200
        push(gate, "named", b"6", [f'If-Match: W/"{conn}", "00000000000000ff"']).problem(412, "other_connection")
        push(gate, "named", b"7", [f'If-Match: *, "{conn}"']).problem(400, "bad_if_match")


def test_many_waits_at_once_are_each_answered_truly(gate):
    """Every tenth device answers no pings; nobody waits for another."""
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(reading(gate, f"many-{i}", answers_pings=i % 10 != 0)) for i in range(40)]
        answers = {}

        def ask(i):
            answers[i] = push(gate, f"many-{i}", b"m", wait="ponged", timeout="2s")

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for i, reader in enumerate(readers):
            assert answers[i].status == (504 if i % 10 == 0 else 200), (i, answers[i])
            assert reader.texts == [b"m"]


async def push_at_every_level_over_tls(gate, root):
    """One thread: the blocking client of this library reads and writes one TLS object at the same time, and then loses a request now and then."""
    context = ssl.create_default_context(cafile=root.file)
    async with websockets.connect(f"wss://localhost:{gate.devices.rpartition(':')[2]}/ws?deviceId=t", ssl=context) as device:
        for level in LEVELS:
            answer = (await asyncio.to_thread(push, gate, "t", b"x" * 5000, wait=level)).json
            assert LEVELS.index(answer["reached"]) >= LEVELS.index(level)
            assert await asyncio.wait_for(device.recv(), 5 * PATIENCE) == "x" * 5000


def test_over_tls(tmp_path):
    root = Root(tmp_path)
    certificate = root.issue("gate")
    settings = {"listener.0.tls.cert": certificate.certificate, "listener.0.tls.key": certificate.key}
    with Gate(settings=settings) as gate:
        asyncio.run(push_at_every_level_over_tls(gate, root))


def test_without_the_feature_acked_is_refused():
    with Gate(settings={"ring.unacked_command": "off"}) as gate, reading(gate, "d") as reader:
        push(gate, "d", b"x", wait="acked").problem(501, "receipt_unsupported")
        assert push(gate, "d", b"y", wait="ponged").json["reached"] == "ponged"
        assert reader.texts == [b"y"]
        assert metric(gate, "ringgate_push_requests_total", result="receipt_unsupported") == 1


def test_a_pong_for_the_latest_ping_counts_behind_a_pause():
    """RFC 6455 section 5.5.3, and docs/receipts.md: "a device that answers only the latest of several pings is understood". It answers the
    keep-alive ping, which came after the numbered one; only its rate made the gate read that pong late."""
    settings = {"route.0.message_rate": "4", "limits.rate_burst": "1s", "limits.ping_interval": "1s", "limits.pong_timeout": "off"}
    with Gate(settings, warnings_allowed=True) as gate, connect_device(gate, "paused") as peer:
        answers = []
        url = gate.admin_url("/v1/devices/paused/messages?wait=ponged&timeout=6s")
        push = threading.Thread(target=lambda: answers.append(curl(url, "-H", "Content-Type: text/plain", body=b"x")))
        push.start()
        latest = b""
        while len(latest) != 4:  # a keep-alive's
            frame = peer.read_frame()
            latest = frame.payload if frame.opcode == PING else b""
        peer.send(b"".join(encode_frame(TEXT, b"m") for _ in range(6)) + encode_frame(PONG, latest))
        push.join()
    assert answers[0].status == 200, answers[0].body


@pytest.mark.parametrize("query", ["ttl=5", "wiat=ponged", "wait=sent&x"])
def test_a_parameter_that_is_not_known_is_refused(gate, query):
    with reading(gate, "strict") as reader:
        curl(gate.admin_url(f"/v1/devices/strict/messages?{query}"), "-H", "Content-Type: text/plain", body=b"x").problem(400, "bad_parameters")
        push(gate, "strict", b"y", wait="ponged")
        assert reader.texts == [b"y"]
