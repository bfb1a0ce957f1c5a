"""The measuring scenarios of ringgate-load against the gate, and against servers that break their promises."""

import base64
import hashlib
import re
import signal
import socket
import subprocess
import threading

import pytest

from support.certificates import Root
from support.gate import PATIENCE, Gate
from support.load_client import BINARY, is_built, load
from support.raw_peer import ACCEPT_GUID, CLOSE, CONTINUATION, PING, encode_frame

pytestmark = pytest.mark.skipif(not is_built(), reason=f"there is no load client at {BINARY}")
SHORT = ("--seconds", "0.3", "--warmup", "0.1", "--quiet")
LONG = ("--seconds", "20", "--warmup", "0", "--quiet")  # what is to be found ends it much earlier


@pytest.fixture(scope="module")
def measured():
    settings = {"limits.max_connections": 2000, "limits.max_message": "4MiB", "limits.ping_interval": "300ms"}
    with Gate(settings) as gate:
        yield gate


def run(gate, *arguments, **how):
    return load("run", "--target", gate.devices, *SHORT, *arguments, **how)


@pytest.mark.parametrize("form", [
    "", "--in-flight 16", "--size 0", "--size 1 --payload utf8", "--size 126 --payload ascii", "--size 65536 --connections 8",
    "--size 1000000 --payload utf8 --connections 2", "--size 100 --payload json", "--size 500 --fragments 7 --payload utf8",
    "--size 3 --fragments 64", "--run-bytes 512", "--run-bytes 16384 --size 125 --in-flight 2", "--connections 500",
    "--rate 2000", "--rate 500 --run-bytes 512",
])
def test_every_form_is_echoed(measured, form):
    outcome = run(measured, *form.split(), "--server-pid", measured.process.pid, "--server-cpu", 0)
    assert outcome.code == 0, outcome
    result = outcome.result
    assert result["tool"] == "ringgate-load" and result["scenario"] == "run"
    assert result["errors"] == result["connect_failures"] == 0 and result["error_text"] == ""
    assert result["messages"] > 0 and result["messages_per_second"] > 0
    assert result["latency_ns"]["count"] * result["messages_per_unit"] == result["messages"]
    latency = result["latency_ns"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"]
    assert len(result["latency_curve"]) == 60
    assert 0 < result["client"]["busy_share"] <= 1 and 0 <= result["client"]["idle_share"] <= 1
    server = result["server"]
    assert server["busy_ns"] == server["user_ns"] + server["system_ns"] + server["irq_ns"] + server["softirq_ns"]
    assert server["process_cpu_ns"] > 0 and server["rss_bytes"] > 1 << 20 and "busy_ns_per_message" in server


@pytest.fixture(name="secure", scope="module")
def one_gate_with_tls(tmp_path_factory):
    certificate = Root(tmp_path_factory.mktemp("certificates")).issue("gate")
    with Gate({"limits.max_message": "4MiB", "limits.ping_interval": "300ms"}, tls=certificate) as gate:
        yield gate


@pytest.mark.parametrize("form", [
    "", "--in-flight 16", "--size 0", "--size 65536 --connections 8 --in-flight 16", "--size 500 --fragments 7", "--run-bytes 16384",
    "--size 3000000 --in-flight 4 --connections 3 --seconds 1", "--rate 2000",
])
def test_every_form_is_echoed_over_tls(secure, form):
    outcome = run(secure, "--tls", *form.split())
    assert outcome.code == 0, outcome
    assert outcome.result["tls"] and outcome.result["messages"] > 0
    if "3000000" in form:
        assert outcome.result["client"]["short_sends"] > 0


@pytest.mark.parametrize("arguments", [(), ("--resume",)], ids=["full", "resumed"])
def test_tls_handshakes_are_full_unless_they_are_to_be_resumed(secure, arguments):
    outcome = load("handshakes", "--target", secure.devices, *SHORT, "--tls", "--connections", 4, *arguments)
    assert outcome.code == 0, outcome
    # The first of each connection is over by the end of the warm-up, or is one of the four that may be full.
    assert 0 < outcome.result["handshakes"] <= outcome.result["resumed"] + 4 if arguments else outcome.result["resumed"] == 0


def test_hold_answers_pings_over_tls(secure):
    process, line = holding(secure, "--tls", "--connections", 50, "--seconds", 60)
    assert line == "holding 50\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    text, fault = process.communicate(timeout=20 * PATIENCE)
    assert process.returncode == 0 and fault == "", fault
    assert "; 0 ended" in text and ", 0 pings" not in text, text


@pytest.mark.parametrize("scenario", ["run", "handshakes"])
def test_a_server_without_tls_is_no_server_over_tls(measured, scenario):
    outcome = load(scenario, "--target", measured.devices, *SHORT, "--tls")
    assert outcome.code in (1, 2) and re.search("TLS|Protocol error", outcome.stderr), outcome


def test_sends_that_the_kernel_cuts_short_go_on(measured):
    outcome = run(measured, "--size", 3_000_000, "--in-flight", 4, "--connections", 3, "--seconds", 1)
    assert outcome.code == 0 and outcome.result["messages"] > 0, outcome
    assert outcome.result["client"]["short_sends"] > 0


def test_deflate(measured):
    with Gate({"route.0.path": "/ws", "route.0.deflate.mode": "on"}) as gate:
        for size in (100, 600, 5000):  # below and above what the gate compresses
            outcome = run(gate, "--deflate", "--payload", "json", "--size", size, "--in-flight", 4)
            assert outcome.code == 0 and outcome.result["messages"] > 0, outcome
    refused = run(measured, "--deflate")
    assert refused.code == 2 and "permessage-deflate" in refused.result["error_text"], refused


def test_open_loop_keeps_its_rate(measured):
    outcome = run(measured, "--rate", 1000, "--seconds", 1, "--connections", 7)
    assert outcome.code == 0, outcome
    assert 900 <= outcome.result["messages"] <= 1100
    assert outcome.result["lateness_ns"]["count"] >= 900


def test_percentile_file(measured, tmp_path):
    file = tmp_path / "latency.hgrm"
    assert run(measured, "--percentiles", file).code == 0
    first, _, *lines = file.read_text().splitlines()
    assert first.split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    values = [float(line.split()[0]) for line in lines if not line.startswith("#")]
    assert len(values) > 10 and values == sorted(values)
    assert [line.split()[0] for line in lines[-3:]] == ["#[Mean", "#[Max", "#[Buckets"]


def test_a_seed_is_said_and_replays(measured):
    outcome = load("run", "--target", measured.devices, "--seconds", 0.1, "--warmup", 0, "--seed", 77)
    assert "seed 77" in outcome.stderr and outcome.result["seed"] == 77


def test_handshakes(measured):
    outcome = load("handshakes", "--target", measured.devices, "--connections", 16, "--server-pid", measured.process.pid, *SHORT)
    assert outcome.code == 0, outcome
    assert outcome.result["handshakes"] > 10 and outcome.result["errors"] == 0
    assert outcome.result["server"]["process_cpu_ns_per_handshake"] > 0
    assert outcome.result["latency_ns"]["count"] == outcome.result["handshakes"]


@pytest.mark.parametrize("mode, devices", [("one", 1), ("many", 50), ("broadcast", 50)])
def test_pushes(measured, mode, devices):
    outcome = load("pushes", "--target", measured.devices, "--admin", measured.admin, "--mode", mode, "--devices", devices,
                   "--lines", 2, "--pipeline", 4, "--server-pid", measured.process.pid, *SHORT)
    assert outcome.code == 0, outcome
    result = outcome.result
    assert result["pushes"] > 10 and result["deliveries"] > 10 and result["refused"] == {}
    assert result["deliveries_total"] == result["pushes_total"] * (devices if mode == "broadcast" else 1)
    assert result["server"]["process_cpu_ns_per_push"] > 0 and result["server"]["process_cpu_ns_per_delivery"] > 0


def holding(gate, *arguments):
    process = subprocess.Popen([BINARY, "hold", "--target", gate.devices, "--quiet", *map(str, arguments)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    return process, line


@pytest.mark.parametrize("end", ["stdin", "SIGTERM"])
def test_hold_answers_pings_until_it_is_told_to_end(measured, end):
    process, line = holding(measured, "--connections", 200, "--seconds", 60)
    assert line == "holding 200\n"
    with pytest.raises(subprocess.TimeoutExpired):  # two ping intervals and a pong's deadline of the gate pass
        process.wait(1.0)
    if end == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    text, fault = process.communicate(timeout=20 * PATIENCE)
    assert process.returncode == 0 and fault == "", fault
    assert "; 0 ended" in text and ", 0 pings" not in text, text


def test_hold_says_when_some_end(measured):
    process, line = holding(measured, "--connections", 3, "--id-prefix", "taken-")
    assert line == "holding 3\n"
    with subprocess.Popen([BINARY, "hold", "--target", measured.devices, "--connections", "1", "--id-prefix", "taken-"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "holding 1\n"
        assert process.stderr.readline() == "ringgate-load: 2 of 3 connections are left\n"
        other.communicate(timeout=20 * PATIENCE)
    _, fault = process.communicate(timeout=20 * PATIENCE)
    assert process.returncode == 1 and "4409" in fault, fault


class WrongServer:
    """An echo server that answers each upgrade and then hands every receive to `spoil(bytes, count)`."""

    def __init__(self, spoil, raw=False):
        self.spoil, self.raw = spoil, raw
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.target = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            with peer:
                if not self.raw:
                    self._upgrade(peer)
                count, held = 0, b""
                while data := peer.recv(65536):
                    if self.raw:
                        messages, held = [data], b""
                    else:
                        messages, held = unmasked(held + data)
                    for message in messages:
                        count += 1
                        peer.sendall(self.spoil(message, count))
        except OSError:
            pass  # the client is done with us

    @staticmethod
    def _upgrade(peer):
        request = b""
        while b"\r\n\r\n" not in request:
            request += peer.recv(4096)
        key = re.search(rb"sec-websocket-key: *(\S+)", request, re.IGNORECASE).group(1)
        accept = base64.b64encode(hashlib.sha1(key + ACCEPT_GUID).digest())
        peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                     + accept + b"\r\n\r\n")


def unmasked(data):
    """(the payloads of the whole masked frames up to 125 bytes in front, what is left)"""
    messages = []
    while len(data) >= 6 and len(data) >= 6 + (data[1] & 0x7F):
        size = data[1] & 0x7F
        messages.append(bytes(byte ^ data[2 + i % 4] for i, byte in enumerate(data[6:6 + size])))
        data = data[6 + size:]
    return messages, data


def binary(payload):
    return encode_frame(2, payload, mask=None)


def flipped(payload):
    return payload[:-1] + bytes([payload[-1] ^ 1])


@pytest.mark.parametrize("what, spoil", [
    ("wrong byte", lambda payload, count: binary(flipped(payload) if count == 50 else payload)),
    ("too short", lambda payload, count: binary(payload[:-1] if count == 50 else payload)),
    ("the type changed", lambda payload, count: encode_frame(1 if count == 50 else 2, payload, mask=None)),
    ("masked", lambda payload, count: encode_frame(2, payload) if count == 50 else binary(payload)),
    ("nobody asked", lambda payload, count: binary(payload) * (2 if count == 50 else 1)),
    ("Close frame: 1011", lambda payload, count: encode_frame(CLOSE, b"\x03\xf3", mask=None) if count == 50 else binary(payload)),
])
def test_a_broken_promise_is_found(what, spoil):
    with WrongServer(spoil) as server:
        outcome = load("run", "--target", server.target, "--connections", 3, *LONG)
        assert outcome.code == 1, outcome
        assert what in outcome.result["error_text"] and outcome.result["errors"] >= 1
        assert what in outcome.stderr


def test_a_wrong_raw_byte_is_found():
    with WrongServer(lambda data, count: flipped(data) if count == 50 else data, raw=True) as server:
        outcome = load("run", "--protocol", "raw", "--target", server.target, "--connections", 3, *LONG)
        assert outcome.code == 1 and "wrong bytes" in outcome.result["error_text"], outcome


def test_fragments_and_pings_of_a_server_are_taken():
    def spoil(payload, count):
        ping = encode_frame(PING, b"are you there", mask=None) if count % 10 == 0 else b""
        return encode_frame(2, payload[:5], fin=False, mask=None) + ping + encode_frame(CONTINUATION, payload[5:], mask=None)

    def echo_data_only(payload, count):
        return b"" if payload == b"are you there" else spoil(payload, count)

    with WrongServer(echo_data_only) as server:
        outcome = load("run", "--target", server.target, "--connections", 3, "--in-flight", 2, *SHORT)
        assert outcome.code == 0 and outcome.result["messages"] > 10, outcome


def test_no_server_is_said_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for scenario in ("run", "handshakes", "hold"):
        outcome = load(scenario, "--target", f"127.0.0.1:{port}", "--quiet")
        assert outcome.code == 2, outcome
        assert len(outcome.stderr.splitlines()) == 1 and "refused" in outcome.stderr, outcome


@pytest.mark.parametrize("arguments", [
    "run", "run --target nowhere", "run --target 127.0.0.1:1 --connections 0", "run --target 127.0.0.1:1 --payload xml",
    "run --target 127.0.0.1:1 --size twenty", "run --target 127.0.0.1:1 --bogus", "pushes --target 127.0.0.1:1",
    "pushes --target 127.0.0.1:1 --admin 127.0.0.1:2 --mode some", "hold --target 127.0.0.1:1 --connections 20000", "nothing", "",
])
def test_bad_usage_is_one_line_and_64(arguments):
    finished = subprocess.run([BINARY, *arguments.split()], capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert finished.returncode == 64
    assert finished.stdout == "" and len(finished.stderr.splitlines()) == 1, finished.stderr
    assert finished.stderr.startswith("ringgate-load: ")


@pytest.mark.parametrize("scenario", ["run", "handshakes", "hold", "pushes"])
def test_help_explains(scenario):
    finished = subprocess.run([BINARY, scenario, "--help"], capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert finished.returncode == 0
    for part in ("WHAT IT", "EXAMPLE", "EXIT CODES", "--target"):
        assert part in finished.stdout
