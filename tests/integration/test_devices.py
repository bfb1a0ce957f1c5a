"""The device port as peers see it: ids, take-over, paths, frames, violations, closing, and what the log says of them."""

import json
import pathlib
import re
import subprocess
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.curl import curl
from support.gate import BINARY as GATE_BINARY, PATIENCE, Gate
from support.raw_peer import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawPeer, close_payload, connect_device,
                              encode_frame, upgrade_request)

GOOD_IDS = ["a", "abc123", "A-Z.a_z~0:9@x", "x" * 128, "%61bc", "..."]
BAD_IDS = ["", "x" * 129, ".", "..", "a%2fb", "a%20b", "a+b", "a%00b", "a%0d%0aX-Injected:1", "%c3%a9", "%ff", "a%2561",
           "a$b", "anon-x"]


def refused(gate, request, status):
    """Sends a request that must be refused: the status, a problem document, the end of the connection."""
    with RawPeer(gate.device_address) as peer:
        response = peer.request(request)
        assert response.status == status, response
        assert response.fields["content-type"] == "application/problem+json"
        assert "close" in response.fields["connection"].lower()
        problem = json.loads(response.body)
        assert problem["status"] == status and problem["title"] and problem["reason"]
        peer.expect_end()
    return response


@pytest.mark.parametrize("device_id", GOOD_IDS)
def test_id_is_accepted(gate, device_id):
    with connect_device(gate, device_id) as peer:
        peer.send_frame(TEXT, b"hello")
        assert peer.read_frame().payload == b"hello"
        peer.close_normally()


@pytest.mark.parametrize("device_id", BAD_IDS)
def test_id_is_refused(gate, device_id):
    refused(gate, upgrade_request(f"/ws?deviceId={device_id}"), 400)


def test_missing_id_is_refused(gate):
    refused(gate, upgrade_request("/ws"), 400)
    refused(gate, upgrade_request("/ws?other=1"), 400)


def test_two_different_ids_are_refused(gate):
    refused(gate, upgrade_request("/ws?deviceId=one&deviceId=two"), 400)


@pytest.mark.parametrize("target, status", [
    ("/", 404), ("/wss", 404), ("/ws/", 404), ("/WS", 404), ("/metrics", 404), ("/v1/devices", 404), ("/healthz", 404),
    ("*", 400), ("/ws#x", 400), ("/w%zzs", 400), ("/ws\x01", 400),
])
def test_other_targets(gate, target, status):
    refused(gate, upgrade_request(target + ("?deviceId=a" if status == 404 else "")), status)


def test_request_without_upgrade_is_told_to_upgrade(gate):
    response = refused(gate, b"GET /ws?deviceId=a HTTP/1.1\r\nHost: gate.test\r\n\r\n", 426)
    assert response.fields["upgrade"] == "websocket"


@pytest.mark.parametrize("change, status", [
    ({"method": "POST"}, 405), ({"method": "get"}, 501), ({"version": "HTTP/1.0"}, 400), ({"version": "HTTP/2.0"}, 505),
    ({"replace": {"Host": None}}, 400), ({"replace": {"Host": "a b"}}, 400),
    ({"replace": {"Connection": "keep-alive"}}, 400), ({"replace": {"Upgrade": "websocketx"}}, 426),
    ({"replace": {"Sec-WebSocket-Key": "c2hvcnQ="}}, 400), ({"replace": {"Sec-WebSocket-Key": None}}, 400),
    ({"replace": {"Sec-WebSocket-Version": "8"}}, 426), ({"replace": {"Sec-WebSocket-Version": None}}, 400),
    ({"replace": {"Origin": "http://elsewhere.test"}}, 403), ({"replace": {"Origin": "null"}}, 403),
    ({"replace": {"Content-Length": "5"}}, 400), ({"replace": {"Transfer-Encoding": "chunked"}}, 400),
    ({"replace": {"X": "y" * 20_000}}, 431),
])
def test_bad_opening_handshake(gate, change, status):
    response = refused(gate, upgrade_request("/ws?deviceId=a", **change), status)
    if status == 405:
        assert response.fields["allow"] == "GET"
    if "Sec-WebSocket-Version" in change.get("replace", {}):
        assert response.fields["sec-websocket-version"] == "13"


@pytest.mark.parametrize("change", [
    {"Origin": "http://gate.test"}, {"Origin": "https://GATE.test"}, {"Connection": "keep-alive, Upgrade"},
    {"Upgrade": "h2c, WebSocket"}, {"Sec-WebSocket-Protocol": "chat"}, {"Content-Length": "0"},
    {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"},
])
def test_unusual_but_good_opening_handshake(gate, change):
    with RawPeer(gate.device_address) as peer:
        response = peer.upgrade("/ws?deviceId=a", replace=change)
        assert "sec-websocket-extensions" not in response.fields
        assert "sec-websocket-protocol" not in response.fields
        peer.close_normally()


def test_handshake_byte_by_byte(gate):
    with RawPeer(gate.device_address) as peer:
        for byte in upgrade_request("/ws?deviceId=slow-writer"):
            peer.send(bytes([byte]))
        assert peer.read_response(body=False).status == 101
        for byte in encode_frame(TEXT, "é€😀".encode()):
            peer.send(bytes([byte]))
        assert peer.read_frame().payload == "é€😀".encode()
        peer.close_normally()


def test_frames_sent_with_the_handshake_are_answered(gate):
    with RawPeer(gate.device_address) as peer:
        peer.send(upgrade_request("/ws?deviceId=eager") + encode_frame(TEXT, b"one") + encode_frame(BINARY, b"two"))
        assert peer.read_response(body=False).status == 101
        one, two = peer.read_frame(), peer.read_frame()
        assert (one.opcode, one.payload, two.opcode, two.payload) == (TEXT, b"one", BINARY, b"two")
        peer.close_normally()


def test_newest_connection_owns_the_id(gate):
    for _ in range(20):  # the shards are chosen by the kernel: both stay and cross are met
        with connect_device(gate, "twice") as old, connect_device(gate, "twice") as new:
            old.expect_close(4409)
            new.send_frame(TEXT, b"mine")
            assert new.read_frame().payload == b"mine"
            new.close_normally()


def test_replaced_client_sees_4409(gate):
    with connect(gate.device_url("replaced")) as old, connect(gate.device_url("replaced")) as new:
        with pytest.raises(ConnectionClosed) as end:
            old.recv(timeout=10 * PATIENCE)
        assert end.value.rcvd.code == 4409
        new.send("still here")
        assert new.recv(timeout=10 * PATIENCE) == "still here"


def test_anonymous_devices_where_no_id_is_required():
    with Gate({"device.required": "false"}) as gate:
        with RawPeer(gate.device_address) as one, RawPeer(gate.device_address) as two:
            one.upgrade("/ws")
            two.upgrade("/ws")
            names = {gate.wait_for_log("device connected")["device_id"] for _ in range(2)}
            assert len(names) == 2 and all(name.startswith("anon-") and len(name) == 31 for name in names)
            for peer in (one, two):
                peer.send_frame(TEXT, b"nameless")
                assert peer.read_frame().payload == b"nameless"
                peer.close_normally()
        refused(gate, upgrade_request("/ws?deviceId=anon-0123456789"), 400)
        refused(gate, upgrade_request("/ws?deviceId="), 400)


def test_fragments_with_pings_between(gate):
    with connect_device(gate, "pieces") as peer:
        peer.send_frame(TEXT, "€".encode()[:1], fin=False)
        peer.send_frame(PING, b"now")
        pong = peer.read_frame()
        assert (pong.opcode, pong.payload) == (PONG, b"now")
        peer.send_frame(CONTINUATION, "€".encode()[1:], fin=False)
        peer.send_frame(CONTINUATION)
        echo = peer.read_frame()
        assert (echo.opcode, echo.payload) == (TEXT, "€".encode())
        peer.close_normally()


def test_every_ping_is_answered_in_order(gate):
    with connect_device(gate, "pings") as peer:
        payloads = [bytes([number]) * number for number in range(60)] + [b"\xff" * 125]
        peer.send(b"".join(encode_frame(PING, payload) for payload in payloads))
        for payload in payloads:
            pong = peer.read_frame()
            assert (pong.opcode, pong.payload) == (PONG, payload)
        peer.send_frame(PONG, b"unasked")
        peer.close_normally()


def test_thousand_small_messages_in_one_segment(gate):
    with connect_device(gate, "run") as peer:
        peer.send(b"".join(encode_frame(BINARY, b"%d" % number) for number in range(1000)))
        for number in range(1000):
            assert peer.read_frame().payload == b"%d" % number
        peer.close_normally()


VIOLATIONS = {
    "unmasked": (encode_frame(TEXT, b"hello", mask=None), 1002),
    "rsv1": (encode_frame(TEXT, b"x", rsv=4), 1002),
    "rsv2": (encode_frame(TEXT, b"x", rsv=2), 1002),
    "rsv3": (encode_frame(TEXT, b"x", rsv=1), 1002),
    "opcode 3": (encode_frame(3), 1002),
    "opcode b": (encode_frame(0xB), 1002),
    "ping of 126": (encode_frame(PING, b"x" * 126), 1002),
    "ping in fragments": (encode_frame(PING, b"x", fin=False), 1002),
    "continuation of nothing": (encode_frame(CONTINUATION, b"x"), 1002),
    "text inside a message": (encode_frame(TEXT, b"x", fin=False) + encode_frame(TEXT, b"y"), 1002),
    "length not minimal": (bytes.fromhex("82fe000537fa213d") + b"xxxxx", 1002),
    "length with its top bit set": (bytes.fromhex("82ff8000000000000000") + b"mask", 1002),
    "close of one byte": (encode_frame(CLOSE, b"x"), 1002),
    "close code 1005": (encode_frame(CLOSE, close_payload(1005)), 1002),
    "close code 999": (encode_frame(CLOSE, close_payload(999)), 1002),
    "close reason not UTF-8": (encode_frame(CLOSE, close_payload(1000, b"\xff")), 1007),
    "text not UTF-8": (encode_frame(TEXT, b"\xc0\x80"), 1007),
    "text cut in a character": (encode_frame(TEXT, b"\xe2\x82"), 1007),
    "surrogate": (encode_frame(TEXT, b"\xed\xa0\x80"), 1007),
    "bad text in an unfinished frame": (encode_frame(TEXT, b"\xf4\x90" + b"x" * 1000)[:10], 1007),
    "bad text in an unfinished message": (encode_frame(TEXT, b"ok", fin=False) + encode_frame(CONTINUATION, b"\xff", fin=False), 1007),
    "message too big by its header": (bytes.fromhex("82ff0000000000100001") + b"mask", 1009),
    "length of 2^63-1": (bytes.fromhex("82ff7fffffffffffffff") + b"mask", 1009),
    "message too big in sum": (encode_frame(BINARY, bytes(1 << 20), fin=False) + encode_frame(CONTINUATION, b"x")[:6], 1009),
    "fragments without end": (encode_frame(BINARY, b"", fin=False) + encode_frame(CONTINUATION, fin=False) * 16384, 1008),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_violation_ends_the_connection(gate, name):
    data, code = VIOLATIONS[name]
    with connect_device(gate, "violator") as peer:
        peer.send_frame(TEXT, b"good before")
        assert peer.read_frame().payload == b"good before"
        peer.send(data)
        frame = peer.read_frame()
        assert (frame.opcode, frame.close_code) == (CLOSE, code), frame
        peer.send_frame(CLOSE, close_payload(code))
        peer.expect_end()


def test_real_client_is_told_1007_and_1009(gate):
    with connect(gate.device_url("real")) as client:
        client.send(b"\xed\xa0\x80", text=True)
        with pytest.raises(ConnectionClosed) as end:
            client.recv(timeout=10 * PATIENCE)
        assert end.value.rcvd.code == 1007
    with connect(gate.device_url("real")) as client:
        client.send(bytes((1 << 20) + 1))
        with pytest.raises(ConnectionClosed) as end:
            client.recv(timeout=10 * PATIENCE)
        assert end.value.rcvd.code == 1009


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def test_close_code_comes_back(gate, code):
    with connect_device(gate, "closer") as peer:
        peer.send_frame(CLOSE, close_payload(code, b"reason"))
        peer.expect_close(code)
        peer.expect_end()


def test_empty_close_comes_back(gate):
    with connect_device(gate, "closer") as peer:
        peer.send_frame(CLOSE)
        frame = peer.read_frame()
        assert frame.opcode == CLOSE and frame.close_code in (None, 1000)
        peer.expect_end()


def test_nothing_is_answered_after_close(gate):
    with connect_device(gate, "closer") as peer:
        peer.send(encode_frame(CLOSE, close_payload(1000)) + encode_frame(TEXT, b"late") + encode_frame(PING) + encode_frame(CLOSE))
        assert peer.read_frame().opcode == CLOSE
        peer.expect_end()


def test_connect_and_disconnect_are_logged():
    with Gate() as gate:
        with connect_device(gate, "logged") as peer:
            line = gate.wait_for_log("device connected", device_id="logged")
            assert line["remote"] == peer.local_address and line["level"] == "info"
            peer.send_frame(TEXT, b"12345")
            peer.read_frame()
            peer.close_normally()
        line = gate.wait_for_log("device disconnected", device_id="logged")
        assert line["code"] == 1000 and line["messages_in"] == 1 and line["messages_out"] == 1
        assert line["bytes_in"] > 0 and line["bytes_out"] > 0 and line["duration_ms"] >= 0 and "reason" in line
        for end in ("shut", "reset"):
            peer = connect_device(gate, end)
            gate.wait_for_log("device connected", device_id=end)
            if end == "reset":
                peer.reset()
            else:
                peer.socket.close()
            assert gate.wait_for_log("device disconnected", device_id=end)["code"] == 1006


def test_vanished_device_frees_its_id_at_once():
    with Gate() as gate:
        peer = connect_device(gate, "vanishing")
        gate.wait_for_log("device connected")
        started = time.monotonic()
        peer.socket.close()
        gate.wait_for_log("device disconnected", device_id="vanishing", timeout=1.0)
        assert time.monotonic() - started < 4


def test_burst_at_the_limit_is_answered_and_leaves_the_admin_port_room():
    """Beyond the limit a connection gets 503; beyond the spare slots it waits for one of them. None is dropped unanswered."""
    with Gate({"limits.max_connections": 10}) as gate:
        peers = [RawPeer(gate.device_address, timeout=20) for _ in range(100)]
        assert curl(f"http://{gate.admin}/healthz").status == 200
        statuses = []
        for number, peer in enumerate(peers):
            peer.send(upgrade_request(f"/ws?deviceId=burst{number}"))
            statuses.append(peer.read_response().status)
            if statuses[-1] == 503:
                peer.socket.close()
        # Not in order: a shard that got more than its share of the burst refuses until some of it has gone.
        assert sorted(statuses) == [101] * 10 + [503] * 90


def test_example_handler():
    """The embedder's example of the documentation: greets, counts, says goodbye, and pushes from a thread that is no shard."""
    example = pathlib.Path(GATE_BINARY).resolve().parents[2] / "docs" / "examples" / "counting_handler"
    with subprocess.Popen([example, "127.0.0.1:0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        address = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())[0]
        with connect(f"ws://{address}/count?deviceId=abc", compression=None) as device:
            assert device.recv() == "hello abc"
            for number in (1, 2, 3):
                device.send(b"anything")
                assert device.recv() == f"message {number}"
            process.stdin.write("\n")
            process.stdin.flush()
            assert device.recv() == "a push"
            assert process.stdout.readline() == "delivered\n"
            device.send("bye")
            with pytest.raises(ConnectionClosed) as end:
                device.recv()
            assert (end.value.rcvd.code, end.value.rcvd.reason) == (1000, "goodbye")
        process.stdin.close()
        assert process.wait(timeout=20 * PATIENCE) == 0


def test_the_moment_of_a_connect_does_not_move(gate):
    """But for a millisecond between two looks at two clocks, which one connection in some hundreds notices: so one of three."""
    def moments(device_id):
        with connect_device(gate, device_id):
            deadline = time.monotonic() + 1.5
            seen = set()
            while time.monotonic() < deadline:
                seen.add(curl(gate.admin_url(f"/v1/devices/{device_id}")).json["since"])
        return seen

    assert any(len(moments(f"still-{i}")) == 1 for i in range(3))
