"""Devices and backends over Unix sockets: real clients, several shards on one socket, and the socket's file."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import time

import aiohttp
import pytest
from websockets.sync.client import unix_connect

from support.curl import curl
from support.gate import BINARY, PATIENCE, Gate, environment, run_ringgate
from support.proxies import Proxy
from support.raw_peer import BINARY as BINARY_FRAME
from support.raw_peer import RawPeer
from test_admin_access import make_token
from test_behind_a_proxy import WITH_FIELDS, device
from test_lifecycle import refused_start

RINGS = {"all features": {}, "no direct descriptors": {"ring.direct_descriptors": "off"},
         "no feature": {f"ring.{name}": "off" for name in
                        ("multishot_recv", "direct_descriptors", "silent_sends", "incremental_buffers", "msg_ring", "zero_copy_sends")}}


class UnixGate(Gate):
    """A gate with both listeners on Unix sockets in `folder`."""

    def __init__(self, folder, settings=None, **how):
        super().__init__(settings, listen=f"unix:{folder}/devices.sock", admin=f"unix:{folder}/admin.sock", **how)

    def ask(self, path, *arguments, body=None):
        return curl(f"http://gate{path}", "--unix-socket", self.admin_address, *arguments, body=body)


def metric_of(gate, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in gate.ask("/metrics").body.decode().splitlines() if line.startswith(name))


@pytest.mark.parametrize("ring", RINGS)
def test_all_shards_serve_one_socket(tmp_path, ring):
    with UnixGate(tmp_path, RINGS[ring], shards=2) as gate:
        assert gate.devices == f"unix:{tmp_path}/devices.sock" and gate.admin == f"unix:{tmp_path}/admin.sock"
        clients = []
        for number in range(20):
            client = unix_connect(gate.device_address, f"ws://gate/ws?deviceId=device-{number}")
            clients.append(client)
            client.send(f"hello {number}")
            assert client.recv() == f"hello {number}"
        devices = [gate.ask(f"/v1/devices/device-{number}").json for number in range(20)]
        assert {one["shard"] for one in devices} == {0, 1}
        assert min(sum(one["shard"] == shard for one in devices) for shard in (0, 1)) >= 5, "shards take turns"
        assert {one["remote"] for one in devices} == {"unix"}
        assert gate.wait_for_log("device connected", device_id="device-0")["remote"] == "unix"
        for number, client in enumerate(clients):
            assert gate.ask(f"/v1/devices/device-{number}/messages", "-H", "Content-Type: text/plain", body=f"push {number}".encode()).status == 200
            assert client.recv() == f"push {number}"
            client.close()


@pytest.mark.parametrize("ring", RINGS)
def test_large_messages_and_slow_readers(tmp_path, ring):
    settings = {"limits.max_message": "8MiB", "limits.send_queue": "8MiB", "limits.max_push": "4MiB", "ring.zero_copy_from": "4KiB", **RINGS[ring]}
    with UnixGate(tmp_path, settings, shards=2) as gate:
        with unix_connect(gate.device_address, "ws://gate/ws?deviceId=large", max_size=None) as client:
            for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000, 5_000_000):
                body = os.urandom(size)
                client.send(body)
                assert client.recv() == body
        with RawPeer(gate.device_address) as slow:
            slow.upgrade("/ws?deviceId=slow")
            bodies = [os.urandom(1_000_000) for _ in range(3)]
            for body in bodies:
                assert gate.ask("/v1/devices/slow/messages", "-H", "Content-Type: application/octet-stream", body=body).status == 200
            for body in bodies:
                frame = slow.read_frame()
                assert (frame.opcode, frame.payload) == (BINARY_FRAME, body)
            slow.close_normally()


def test_backends_speak_http_over_the_admin_socket(tmp_path):
    with UnixGate(tmp_path, shards=2) as gate:

        async def ask():
            async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(gate.admin_address)) as backend:
                with unix_connect(gate.device_address, "ws://gate/ws?deviceId=target") as target:
                    for number in range(50):
                        url = "http://localhost/v1/devices/target/messages"
                        async with backend.post(url, data=f"{number}") as answer:
                            assert answer.status == 200, await answer.text()
                        assert target.recv() == f"{number}"
                    async with backend.get("http://whatever.example/v1/devices") as answer:
                        assert [one["device_id"] for one in (await answer.json())["devices"]] == ["target"]

        asyncio.run(ask())
        for host in ("localhost", "gate", "anything.example:99", "[::1]"):
            assert gate.ask("/healthz", "-H", f"Host: {host}").status == 200
        gate.ask("/v1/devices", "-H", "Origin: http://evil.example").problem(403, "origin_forbidden")
        assert metric_of(gate, "ringgate_admin_connections_ended_total") > 0


def test_listed_hosts_count_on_a_unix_socket_too(tmp_path):
    with UnixGate(tmp_path, {"admin.allowed_hosts": "gate.example"}) as gate:
        assert gate.ask("/healthz", "-H", "Host: gate.example").status == 200
        assert gate.ask("/v1/devices", "-H", "Host: other.example").status == 421


def test_a_drain_says_goodbye_over_unix_sockets(tmp_path):
    with UnixGate(tmp_path, shards=2) as gate:
        clients = [RawPeer(gate.device_address) for _ in range(6)]
        for number, client in enumerate(clients):
            client.upgrade(f"/ws?deviceId=device-{number}")
        gate.signal(signal.SIGTERM)
        for client in clients:
            client.expect_close(1001)
            client.send_frame(0x8, b"\x03\xe9")
            client.expect_end()
        assert gate.wait() == 0
    assert list(tmp_path.iterdir()) == []


# -- The file

def listens(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def test_the_file_is_for_the_user_and_the_group_whatever_the_umask(tmp_path):
    for mask in (0o000, 0o022, 0o077):
        before = os.umask(mask)
        try:
            with UnixGate(tmp_path) as gate:
                for path in (gate.device_address, gate.admin_address):
                    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660, oct(mask)
        finally:
            os.umask(before)
        assert list(tmp_path.iterdir()) == [], "the gate removes its files"


def test_what_a_killed_gate_leaves_does_not_matter(tmp_path):
    with UnixGate(tmp_path) as gate:
        gate.kill()
        # The kernel takes a moment to let go of what the rings of a killed process hold.
        deadline = time.monotonic() + 10 * PATIENCE
        while listens(gate.device_address) or listens(gate.admin_address):
            assert time.monotonic() < deadline
        assert sorted(path.name for path in tmp_path.iterdir()) == ["admin.sock", "devices.sock"]
        with UnixGate(tmp_path) as again:
            assert again.ask("/healthz").status == 200


def test_a_gate_removes_only_its_own_file(tmp_path):
    with UnixGate(tmp_path) as gate:
        os.unlink(gate.device_address)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(gate.device_address)
            other.listen()
            gate.stop()
            assert sorted(path.name for path in tmp_path.iterdir()) == ["devices.sock"]


def test_who_listens_there_is_not_disturbed(tmp_path):
    with UnixGate(tmp_path) as gate:
        with unix_connect(gate.device_address, "ws://gate/ws?deviceId=staying") as client:
            for flag, address in (("--listen", gate.devices), ("--admin", gate.admin)):
                other = "--admin" if flag == "--listen" else "--listen"
                refused_start(71, "serve", flag, address, other, "127.0.0.1:0", "--shards", "1", mentions=address)
            client.send("still here")
            assert client.recv() == "still here"


def test_a_start_that_cannot_work_says_why(tmp_path):
    def start(path, code, mentions):
        refused_start(code, "serve", "--listen", f"unix:{path}", "--admin", "off", "--shards", "1", mentions=mentions)

    file = tmp_path / "file"
    file.write_text("precious")
    start(file, 71, "Socket operation on non-socket")
    assert file.read_text() == "precious"
    start(tmp_path / "nowhere" / "gate.sock", 71, "create the directory")
    start("relative.sock", 78, "listen")
    start(f"/{'x' * 107}", 78, "107 bytes")
    start("@abstract", 78, "listen")


def test_check_config_knows_unix_sockets(tmp_path):
    def check(*binds):
        file = tmp_path / "gate.toml"
        file.write_text("".join(f'[[listener]]\nbind = "{bind}"\n' for bind in binds) + '[admin]\nbind = "unix:/run/ringgate/admin.sock"\n')
        return run_ringgate("check-config", "--config", str(file))

    assert check("unix:/run/ringgate/devices.sock", "unix:/" + "x" * 106).returncode == 0
    assert check("unix:/" + "x" * 107).returncode == 78
    assert check("unix:/run/a", "unix:/run/a").returncode == 78
    assert check("unix:/run/a:0", "unix:/run/a:0").returncode == 78
    assert check("unix:/run/ringgate/admin.sock").returncode == 78


# -- Behind a proxy

def test_a_proxy_on_the_other_end_of_a_unix_socket(tmp_path):
    program, configuration = WITH_FIELDS["nginx, X-Forwarded-For"]
    with UnixGate(tmp_path, {"listener.0.trusted_proxies": "unix"}, shards=2) as gate:
        with Proxy(program, configuration, gate.devices) as proxy, device(proxy.address, "via", source="127.0.0.5"):
            assert gate.ask("/v1/devices/via").json["remote"] == "127.0.0.5"
        with device(gate.device_address, "headed", "X-Forwarded-For: unknown"):
            assert gate.ask("/v1/devices/headed").json["remote"] == "unix"


def test_a_proxy_header_over_a_unix_socket(tmp_path):
    with UnixGate(tmp_path, {"listener.0.trusted_proxies": "unix", "listener.0.proxy_protocol": "auto"}, shards=2) as gate:
        with device(gate.device_address, "via", first=b"PROXY TCP4 192.0.2.7 127.0.0.1 12345 8080\r\n"):
            assert gate.ask("/v1/devices/via").json["remote"] == "192.0.2.7:12345"
    with UnixGate(tmp_path, {"listener.0.trusted_proxies": "127.0.0.1", "listener.0.proxy_protocol": "auto"}) as gate:
        with RawPeer(gate.device_address) as peer:
            peer.expect_end()


# -- Two at once

def test_of_gates_that_start_at_once_exactly_one_has_the_path(tmp_path):
    path = tmp_path / "gate.sock"
    for round_ in range(12):
        if round_ % 2 == 0:  # what a killed gate leaves
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(path))
        gates = [subprocess.Popen([BINARY, "serve", "--listen", f"unix:{path}", "--admin", "off", "--shards", "1", "--log-format", "json"],
                                  env=environment(), stderr=subprocess.PIPE, text=True) for _ in range(6)]
        try:
            losers, deadline = [], time.monotonic() + 20 * PATIENCE
            while len(losers) < 5 and time.monotonic() < deadline:
                losers = [gate for gate in gates if gate.poll() is not None]
                time.sleep(0.01)
            assert len(losers) == 5, "all but one end"
            winner, = set(gates) - set(losers)
            for loser in losers:
                lines = [line for line in loser.stderr.read().splitlines() if line.startswith("ringgate: ")]
                assert loser.returncode == 71 and len(lines) == 1 and f"cannot listen on unix:{path}: Address already in use" in lines[0], lines
            with unix_connect(str(path), "ws://gate/ws?deviceId=a") as client:
                client.send("who")
                assert client.recv() == "who"
            winner.send_signal(signal.SIGTERM)
            assert winner.wait(15 * PATIENCE) == 0
            assert list(tmp_path.iterdir()) == [], "neither a socket nor anything else is left"
        finally:
            for gate in gates:
                if gate.poll() is None:
                    gate.kill()
                gate.wait()
                gate.stderr.close()


# -- Who is at the other end

@pytest.mark.parametrize("ring", RINGS)
def test_the_log_of_changing_calls_names_the_process(tmp_path, ring):
    with UnixGate(tmp_path, RINGS[ring], shards=2) as gate:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(gate.admin_address)
            caller.sendall(b"POST /v1/reload HTTP/1.1\r\nHost: gate\r\nContent-Length: 0\r\n\r\n")
            assert caller.recv(4096).startswith(b"HTTP/1.1 200 ")
            call = gate.wait_for_log("admin call")
            assert (call["who"], call["remote"], call["uid"], call["pid"]) == ("unix", "unix", os.getuid(), os.getpid())
        done = gate.ask("/v1/broadcast", "-H", "Content-Type: text/plain", body=b"x")
        assert done.status == 200
        call = gate.wait_for_log("admin call", what="POST /v1/broadcast")
        assert call["uid"] == os.getuid() and call["pid"] not in (os.getpid(), 0)


def test_a_token_over_a_unix_socket_is_who(tmp_path):
    tokens = tmp_path / "tokens"
    token = make_token(tokens, "operator", "admin")
    with UnixGate(tmp_path, {"admin.tokens": str(tokens)}) as gate:
        assert gate.ask("/v1/reload", "-X", "POST", "-H", f"Authorization: Bearer {token}").status == 200
        call = gate.wait_for_log("admin call")
        assert (call["who"], call["uid"]) == ("operator", os.getuid())
        assert gate.ask("/v1/reload", "-X", "POST", "-H", "Authorization: Bearer guess").status == 401
        refused = gate.wait_for_log("admin access refused")
        assert refused["uid"] == os.getuid() and refused["pid"] > 0
