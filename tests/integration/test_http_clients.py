"""Backends' own HTTP clients, with the settings they come with, against the admin port; load balancers against the devices' port."""

import asyncio
import http.client
import json
import pathlib
import shutil
import subprocess
import urllib.request

import aiohttp
import httpx
import pytest
import requests

from support.curl import curl, push
from support.gate import PATIENCE, Gate
from support.raw_peer import RawPeer, connect_device

CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"no {program} here")


@pytest.fixture(name="device")
def one_device(gate):
    with connect_device(gate, "target") as peer:
        yield peer
        peer.close_normally()


def test_curl_that_asks_for_http2(gate, device):
    answer = push(gate, "target", b"{}", "application/json", "--http2")
    assert answer.status == 200, answer
    assert device.read_frame().payload == b"{}"


@needs("java")
def test_java_http_client(gate, device):
    lines = run("java", str(CLIENTS / "java" / "Push.java"), gate.admin_url(""), "target")
    assert lines == ["200 HTTP_1_1", "200 HTTP_1_1"]
    assert device.read_frame().payload == b'{"from": "java"}'


@needs("node")
def test_node_fetch(gate, device):
    script = ("const [,url]=process.argv;(async()=>{for(const type of ['text/plain;charset=UTF-8','application/json'])"
              "{const a=await fetch(url,{method:'POST',headers:{'content-type':type},body:'from node'});console.log(a.status)}})()")
    assert run("node", "-e", script, gate.admin_url("/v1/devices/target/messages")) == ["200", "200"]
    assert [device.read_frame().payload for _ in range(2)] == [b"from node"] * 2


def test_python_http_client(gate, device):
    connection = http.client.HTTPConnection(*gate.admin_address)
    connection.request("POST", "/v1/devices/target/messages", json.dumps({"a": 1}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("Date").endswith(" GMT")
    answer.read()
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    assert device.read_frame().payload == b'{"a": 1}'


def test_python_urllib(gate, device):
    request = urllib.request.Request(gate.admin_url("/v1/devices/target/messages"), b"x", {"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=10 * PATIENCE) as answer:
        assert answer.status == 200
    assert device.read_frame().payload == b"x"


def test_requests(gate, device):
    url = gate.admin_url("/v1/devices/target/messages")
    with requests.Session() as session:
        session.trust_env = False  # no proxy of this machine
        assert session.post(url, json={"a": 1}).status_code == 200
        assert session.post(url, data=b"\x00\xff", headers={"Content-Type": "application/octet-stream"}).status_code == 200
        assert session.get(gate.admin_url("/v1/devices/target")).json()["device_id"] == "target"
    assert [device.read_frame().payload for _ in range(2)] == [b'{"a": 1}', b"\x00\xff"]


def test_httpx(gate, device):
    with httpx.Client(trust_env=False) as client:
        assert client.post(gate.admin_url("/v1/devices/target/messages"), json={"a": 1}).status_code == 200
        page = client.get(gate.admin_url("/v1/devices"), params={"limit": 1}).json()
        assert [listed["device_id"] for listed in page["devices"]] == ["target"]
    assert json.loads(device.read_frame().payload) == {"a": 1}


def test_aiohttp(gate, device):
    async def talk():
        async with aiohttp.ClientSession() as session:
            async with session.post(gate.admin_url("/v1/devices/target/messages"), json={"a": 1}) as answer:
                assert answer.status == 200
            # As a device too: its list of subprotocols has empty members when the program's has.
            async with session.ws_connect(f"http://{gate.devices}/ws?deviceId=aio", protocols=("", "chat", "")) as socket:
                await socket.send_str("hello")
                assert await socket.receive_str() == "hello"

    asyncio.run(talk())
    assert json.loads(device.read_frame().payload) == {"a": 1}


def test_a_key_whose_unused_bits_are_not_zero(gate):
    command = ["curl", "--silent", "--dump-header", "-", "--http1.1", "--noproxy", "*", "-H", "Connection: Upgrade",
               "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAB==",
               "-H", "Sec-WebSocket-Protocol: , chat,, ", device_url(gate, "/ws?deviceId=key")]
    with subprocess.Popen([*command, "--max-time", str(10 * PATIENCE)], stdout=subprocess.PIPE) as talking:
        try:
            assert talking.stdout.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        finally:
            talking.kill()


def test_a_page_that_gave_its_own_name_our_address(gate):
    curl(gate.admin_url("/metrics"), "-H", "Host: evil.example").problem(421, "host_not_allowed")
    curl(gate.admin_url("/metrics"), "-H", "Sec-Fetch-Site: cross-site").problem(403, "origin_forbidden")
    for host in ("localhost", "127.0.0.1", "[::1]:8081"):
        assert curl(gate.admin_url("/healthz"), "-H", f"Host: {host}").status == 200


def device_url(gate, path):
    return f"http://{gate.devices}{path}"


def test_load_balancers_ask_the_devices_port(gate):
    assert curl(device_url(gate, "/healthz")).body == b"ok"
    assert curl(device_url(gate, "/healthz"), "--http1.0").status == 200
    assert curl(device_url(gate, "/healthz"), "--head").status == 200
    assert curl(device_url(gate, "/healthz"), "-H", "Host: 10.0.0.1").fields["date"]


def test_the_devices_port_says_when_the_gate_drains():
    with Gate({"drain.grace": "1s"}) as gate:
        gate.process.terminate()
        gate.wait_for_log("draining")
        assert curl(device_url(gate, "/healthz")).status == 503
        gate.process.wait(timeout=10 * PATIENCE)


def test_a_dual_stack_listener_takes_both_families():
    with Gate({"listener.0.dual_stack": "true"}, listen="[::]:0") as gate:
        port = gate.devices.rpartition(":")[2]
        assert curl(f"http://127.0.0.1:{port}/healthz").status == 200
        assert curl(f"http://[::1]:{port}/healthz").status == 200


def test_refused_handshakes_are_told_and_limited():
    with Gate() as gate:
        head = b"GET /ws?deviceId=a%20b HTTP/1.1\r\nHost: gate.test\r\nOrigin: http://gate.test\r\nUpgrade: websocket\r\n" \
               b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        for _ in range(50):
            with RawPeer(gate.device_address) as peer:
                assert peer.request(head).status == 400
        record = gate.wait_for_log("handshake refused", reason="bad_id")
        assert record["path"] == "/ws" and record["host"] == "gate.test" and record["origin"] == "http://gate.test"
        assert record["device_id"] == "a%20b" and record["remote"].startswith("127.0.0.1:") and record["status"] == 400
        with RawPeer(gate.device_address) as peer:
            peer.request(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        gate.wait_for_log("handshake refused", reason="tls_unexpected")
        metrics = curl(gate.admin_url("/metrics")).body.decode()
        assert 'ringgate_handshakes_refused_total{reason="bad_id"} 50' in metrics
        assert 'ringgate_handshakes_refused_total{reason="tls_unexpected"} 1' in metrics
        lines = [line for line in gate.records if line["msg"] == "handshake refused" and line["reason"] == "bad_id"]
        assert len(lines) < 50
