"""The admin port as backends see it: push, broadcast, presence, health, metrics, and HTTP/1.1 itself."""

import json
import re
import urllib.parse

import pytest

from support.curl import curl, push
from support.gate import Gate
from support.raw_peer import BINARY, TEXT, RawPeer, close_payload, connect_device

PUSH_HEAD = "POST /v1/devices/{id}/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
METRIC_LINE = re.compile(r'^[a-zA-Z_:][\w:]*(\{(\w+="([^"\\]|\\.)*",?)*\})? (\d|\+Inf|NaN|-)\S*$')


def raw_push(device_id, rest, payload=b""):
    return (PUSH_HEAD.format(id=device_id) + rest + "\r\n").encode() + payload


@pytest.mark.parametrize("content_type, opcode", [
    ("text/plain", TEXT), ("text/plain; charset=utf-8", TEXT), ("text/plain;charset=UTF-8", TEXT), ("application/octet-stream", BINARY),
    ("application/json", TEXT), ("application/problem+json; charset=utf8", TEXT),
])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_push_reaches_the_device(gate, content_type, opcode, size):
    payload = (bytes(range(256)) if opcode == BINARY else "aé€😀".encode()) * (size // 10 + 1)
    payload = payload[: size - size % 10] + b"." * (size % 10)  # cut at a character
    with connect_device(gate, "target") as peer:
        answer = push(gate, "target", payload, content_type)
        assert answer.status == 200, answer
        assert answer.json["status"] == "delivered" and answer.json["device_id"] == "target"
        assert answer.json["queued_bytes"] >= 0 and "conn" in answer.json
        frame = peer.read_frame()
        assert (frame.opcode, frame.payload) == (opcode, payload)
        peer.close_normally()


def test_push_finds_the_device_on_any_shard(gate):
    peers = {f"spread-{number}": connect_device(gate, f"spread-{number}") for number in range(24)}
    shards = set()
    for name, peer in peers.items():
        assert push(gate, name, name.encode()).status == 200
        assert peer.read_frame().payload == name.encode()
        shards.add(curl(gate.admin_url(f"/v1/devices/{name}")).json["shard"])
        peer.close_normally()
    assert shards == {0, 1}


def test_push_to_nobody(gate):
    push(gate, "nobody", b"x").problem(404, "unknown_device")


@pytest.mark.parametrize("device_id", ["a%20b", "%2e", "..", "x" * 129, "%c3%a9", "a%2541"])
def test_push_to_a_bad_id(gate, device_id):
    push(gate, device_id, b"x").problem(400, "bad_id")


@pytest.mark.parametrize("payload", [b"\xff", b"\xed\xa0\x80", b"cut \xe2\x82"])
def test_push_of_text_that_is_no_utf8(gate, payload):
    with connect_device(gate, "target") as peer:
        push(gate, "target", payload).problem(400, "invalid_utf8")
        push(gate, "target", b"after")
        assert peer.read_frame().payload == b"after"


@pytest.mark.parametrize("arguments", [("-H", "Content-Type: application/xml"), ("-H", "Content-Type: text/plain; charset=latin1"),
                                       ("-H", "Content-Type:")])
def test_push_of_another_content_type(gate, arguments):
    with connect_device(gate, "target"):
        curl(gate.admin_url("/v1/devices/target/messages"), *arguments, body=b"x").problem(415, "content_type")


def test_push_sizes_at_the_limit():
    with Gate({"limits.max_push": "64KiB"}) as gate, connect_device(gate, "target") as peer:
        assert push(gate, "target", b"x" * 65_536).status == 200
        assert len(peer.read_frame().payload) == 65_536
        push(gate, "target", b"x" * 65_537).problem(413, "too_large")
        chunked = push(gate, "target", b"x" * 65_537, "text/plain", "-H", "Transfer-Encoding: chunked")
        chunked.problem(413, "too_large")
        peer.close_normally()


def test_push_to_a_device_that_does_not_read():
    settings = {"limits.send_queue": "64KiB", "limits.send_timeout": "off"}
    with Gate(settings) as gate, connect_device(gate, "stuck", receive_buffer_bytes=4096) as peer:
        for _ in range(400):
            answer = push(gate, "stuck", b"x" * 60_000)
            if answer.status != 200:
                break
        answer.problem(429, "backpressure")
        assert int(answer.fields["retry-after"]) > 0
        queued = curl(gate.admin_url("/v1/devices/stuck")).json["queued_bytes"]
        assert 0 < queued <= 65_536
        peer.reset()


def test_broadcast_reaches_everyone():
    with Gate(shards=2) as gate:
        peers = [connect_device(gate, f"everyone-{number}") for number in range(10)]
        answer = curl(gate.admin_url("/v1/broadcast"), "-H", "Content-Type: text/plain", body=b"to all")
        assert answer.status == 200 and answer.json == {"matched": 10, "delivered": 10, "refused": 0}, answer
        for peer in peers:
            assert peer.read_frame().payload == b"to all"
            peer.close_normally()


def test_presence(gate):
    with connect_device(gate, "present") as peer:
        device = curl(gate.admin_url("/v1/devices/present")).json
        assert device["device_id"] == "present" and device["remote"] == peer.local_address and device["path"] == "/ws"
        assert {"conn", "shard", "since", "last_seen", "rtt_ms", "queued_bytes"} <= device.keys()
        peer.close_normally()
    curl(gate.admin_url("/v1/devices/present")).problem(404, "unknown_device")


def test_answer_to_head_has_no_body(gate):
    with connect_device(gate, "headed"), RawPeer(gate.admin_address) as backend:
        for device_id, status in (("headed", 200), ("absent", 404)):
            head = f"HEAD /v1/devices/{device_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            assert backend.request(head, body=False).status == status


def test_listing_by_cursor(gate):
    peers = {f"listed-{number}": connect_device(gate, f"listed-{number}") for number in range(25)}
    found, cursor, pages = set(), None, 0
    while pages == 0 or cursor is not None:
        query = "?limit=7" + (f"&cursor={urllib.parse.quote(str(cursor), safe='')}" if cursor is not None else "")
        page = curl(gate.admin_url(f"/v1/devices{query}")).json
        assert len(page["devices"]) <= 7
        found |= {device["device_id"] for device in page["devices"]}
        cursor, pages = page["next_cursor"], pages + 1
        assert pages < 30
    assert set(peers) <= found
    for limit in ("0", "1001", "x", "-1"):
        assert curl(gate.admin_url(f"/v1/devices?limit={limit}")).status == 400
    assert curl(gate.admin_url("/v1/devices?cursor=%ff")).status == 400
    for peer in peers.values():
        peer.close_normally()


@pytest.mark.parametrize("query, code, reason", [("", 4000, b""), ("?code=4099&reason=bye%20now", 4099, b"bye now")])
def test_delete_closes_the_device(gate, query, code, reason):
    with connect_device(gate, "deleted") as peer:
        assert curl(gate.admin_url(f"/v1/devices/deleted{query}"), "-X", "DELETE").status == 204
        peer.expect_close(code, reason if reason else None)
        peer.send_frame(8, close_payload(code))
        peer.expect_end()
    curl(gate.admin_url("/v1/devices/deleted"), "-X", "DELETE").problem(404, "unknown_device")


@pytest.mark.parametrize("code", ["3999", "4100", "1000", "x", "-1", ""])
def test_delete_with_a_code_outside_the_range(gate, code):
    with connect_device(gate, "kept") as peer:
        assert curl(gate.admin_url(f"/v1/devices/kept?code={code}"), "-X", "DELETE").status == 400
        peer.send_frame(TEXT, b"alive")
        assert peer.read_frame().payload == b"alive"
        peer.close_normally()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(gate, path):
    assert curl(gate.admin_url(path)).status == 200


def test_metrics_are_prometheus_text(gate):
    with connect_device(gate, "measured") as peer:
        peer.send_frame(TEXT, b"x")
        peer.read_frame()
        answer = curl(gate.admin_url("/metrics"))
        peer.close_normally()
    assert answer.status == 200 and answer.fields["content-type"].startswith("text/plain")
    lines = answer.body.decode().splitlines()
    bad = [line for line in lines if line and not line.startswith("#") and not METRIC_LINE.match(line)]
    assert bad == []
    for name in ("ringgate_connections", "ringgate_push_requests_total", "ringgate_slots_used", "ringgate_buffers_lent",
                 "ringgate_descriptors_used", "ringgate_operations_in_flight", "ringgate_uring_enter_total",
                 "ringgate_uring_cqe_total", "ringgate_messages_received_total", "ringgate_log_dropped_total"):
        assert any(re.match(rf"{name}[ {{]", line) for line in lines), f"{name} is missing"
    assert "measured" not in answer.body.decode()


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nothing", 404), ("GET", "/v1/devices/a/messages", 405), ("PUT", "/v1/devices/a", 405), ("POST", "/metrics", 405),
    ("GET", "/v1/broadcast", 405), ("BREW", "/metrics", 501),
])
def test_wrong_method_or_path(gate, method, path, status):
    answer = curl(gate.admin_url(path), "-X", method)
    assert answer.status == status, answer
    if status == 405:
        assert answer.fields["allow"]


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/v1/devices", "/v1/devices/a"])
def test_browser_pages_are_refused(gate, path):
    assert curl(gate.admin_url(path), "-H", "Origin: http://gate.test").status == 403


def test_upgrade_is_not_served_here(gate):
    answer = curl(gate.admin_url("/ws?deviceId=a"), "-H", "Upgrade: websocket", "-H", "Connection: Upgrade",
                  "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert answer.status == 404


def test_connection_is_kept_and_pipelined(gate):
    with connect_device(gate, "piped") as device, RawPeer(gate.admin_address) as backend:
        backend.send(b"".join(raw_push("piped", "Content-Length: 3\r\n", b"%03d" % number) for number in range(100)))
        for number in range(100):
            assert backend.read_response().status == 200
            assert device.read_frame().payload == b"%03d" % number
        assert backend.request(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
        assert backend.request(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").status == 200
        backend.expect_end()
        device.close_normally()


def test_body_by_chunks(gate):
    with connect_device(gate, "chunks") as device, RawPeer(gate.admin_address) as backend:
        body = b"5\r\nhello\r\n1;note=x\r\n \r\n6\r\nworld!\r\n0\r\nX-Trailer: 1\r\n\r\n"
        for byte in raw_push("chunks", "Transfer-Encoding: chunked\r\n", body):
            backend.send(bytes([byte]))
        assert backend.read_response().status == 200
        assert device.read_frame().payload == b"hello world!"
        assert backend.request(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
        device.close_normally()


CONFLICTS = {
    "two lengths": ("Content-Length: 1\r\nContent-Length: 2\r\n", 400),
    "length and chunks": ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
    "signed length": ("Content-Length: +5\r\n", 400),
    "hexadecimal length": ("Content-Length: 0x5\r\n", 400),
    "empty length": ("Content-Length:\r\n", 400),
    "length beyond 64 bits": ("Content-Length: 18446744073709551616\r\n", 400),
    "huge length": ("Content-Length: 999999999\r\n", 413),
    "chunks twice": ("Transfer-Encoding: chunked, chunked\r\n", 400),
    "unknown coding": ("Transfer-Encoding: gzip\r\n", 501),
    "chunks not last": ("Transfer-Encoding: chunked, gzip\r\n", 400),
    "space before the colon": ("Content-Length : 5\r\n", 400),
    "folded line": ("X: a\r\n b\r\n", 400),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_conflicting_framing(gate, name):
    lines, status = CONFLICTS[name]
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect_device(gate, "framed") as device, RawPeer(gate.admin_address) as backend:
        response = backend.request(raw_push("framed", lines, b"") + smuggled)
        assert response.status == status, response
        assert json.loads(response.body)["status"] == status
        backend.expect_end()
        device.send_frame(TEXT, b"no push came")
        assert device.read_frame().payload == b"no push came"
        device.close_normally()


def test_push_cut_short_is_no_push(gate):
    with connect_device(gate, "cut") as device:
        with RawPeer(gate.admin_address) as backend:
            backend.send(raw_push("cut", "Content-Length: 10\r\n", b"12345"))
        device.send_frame(TEXT, b"no push came")
        assert device.read_frame().payload == b"no push came"
        device.close_normally()


def test_http_1_0_is_served_and_closed(gate):
    with RawPeer(gate.admin_address) as backend:
        assert backend.request(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").status == 200
        backend.expect_end()


def test_expect_100_continue(gate):
    with connect_device(gate, "expecting") as device, RawPeer(gate.admin_address) as backend:
        backend.send(raw_push("expecting", "Content-Length: 2\r\nExpect: 100-continue\r\n", b"ok"))
        response = backend.read_response()
        if response.status == 100:
            response = backend.read_response()
        assert response.status == 200
        assert device.read_frame().payload == b"ok"
        device.close_normally()
