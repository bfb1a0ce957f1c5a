"""What backends ask of many devices, of devices that left, and of devices that reply: with real clients on several shards."""

import contextlib
import http.client
import json
import socket
import threading
import time

import pytest
import websockets.sync.client

from support.curl import metric
from support.gate import PATIENCE, Gate


def call(gate, method, path, body=None, content_type="text/plain"):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None


def device(gate, device_id, path="/ws"):
    return websockets.sync.client.connect(gate.device_url(device_id, path))


def eventually(ask, expected):
    deadline = time.monotonic() + 10 * PATIENCE
    while (answer := ask()) != expected:
        assert time.monotonic() < deadline, answer
        time.sleep(0.01)


@pytest.fixture(scope="module")
def gate():
    with Gate({"route.0.path": "/ws", "route.1.path": "/ocpp", "route.1.correlation": "/1", "limits.close_timeout": "500ms"}, shards=3) as gate:
        yield gate


def test_a_device_that_left_is_told_of(gate):
    with device(gate, "leaver") as client:
        conn = call(gate, "GET", "/v1/devices/leaver")[1]["conn"]
        client.close(code=4010, reason="battery low")
    eventually(lambda: call(gate, "GET", "/v1/devices/leaver")[1].get("close_code"), 4010)
    status, away = call(gate, "GET", "/v1/devices/leaver")
    assert status == 404
    assert (away["reason"], away["close_reason"], away["ended_by"], away["conn"]) == ("unknown_device", "battery low", "device", conn)
    with device(gate, "kicked"):
        assert call(gate, "DELETE", "/v1/devices/kicked?code=4011&reason=bye")[0] == 204
    eventually(lambda: call(gate, "GET", "/v1/devices/kicked")[1].get("ended_by"), "backend")
    raw = socket.create_connection(gate.device_address)
    raw.sendall(b"GET /ws?deviceId=cut HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    assert raw.recv(100).startswith(b"HTTP/1.1 101")
    raw.close()
    eventually(lambda: call(gate, "GET", "/v1/devices/cut")[1].get("ended_by"), "network")
    assert "last_seen" not in call(gate, "GET", "/v1/devices/nobody")[1]


def test_a_device_that_left_is_told_of_with_what_it_had_not_acknowledged(gate):
    """One reads nothing and vanishes behind the gate's Close; the other has read all before it is cut."""
    for name, reads in (("deaf", False), ("heard", True)):
        with contextlib.closing(socket.socket()) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(gate.device_address)
            raw.sendall(f"GET /ws?deviceId={name} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            assert raw.recv(1000).startswith(b"HTTP/1.1 101")
            size = 10 if reads else 60_000
            assert call(gate, "POST", f"/v1/devices/{name}/messages", b"x" * size)[0] == 200
            if reads:
                assert len(raw.recv(1000)) == 2 + size
            assert call(gate, "DELETE", f"/v1/devices/{name}")[0] == 204
            eventually(lambda asked=name: call(gate, "GET", f"/v1/devices/{asked}")[1].get("ended_by"), "backend")
            unacked = call(gate, "GET", f"/v1/devices/{name}")[1]["unacked_bytes"]
            assert unacked == 0 if reads else 0 < unacked <= size + 100, name


def test_the_presence_of_many_lists_counts_and_closing(gate):
    with contextlib.ExitStack() as stack:
        clients = {f"many-{i}": stack.enter_context(device(gate, f"many-{i}")) for i in range(40)}
        other = stack.enter_context(device(gate, "other"))
        ids = [*clients, "absent"]
        found = call(gate, "POST", "/v1/devices:presence", json.dumps(ids), "application/json")[1]["devices"]
        assert [entry["device_id"] for entry in found] == ids
        assert [entry["online"] for entry in found] == [True] * 40 + [False]
        assert call(gate, "GET", "/v1/devices?prefix=many-&count_only=true") == (200, {"count": 40})
        listed = call(gate, "GET", "/v1/devices?prefix=many-&limit=1000")[1]["devices"]
        assert {entry["device_id"] for entry in listed} == set(clients)
        assert call(gate, "GET", "/v1/devices?sort=queued") == (200, {"devices": []})
        assert call(gate, "DELETE", "/v1/devices")[1]["reason"] == "bad_filter"
        assert call(gate, "DELETE", "/v1/devices?prefix=many-&code=4012&reason=moved") == (200, {"matched": 40, "closed": 40})
        for client in clients.values():
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                client.recv(timeout=10 * PATIENCE)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4012, "moved")
        assert call(gate, "POST", "/v1/devices/other/messages", "still here")[0] == 200
        assert other.recv(timeout=10 * PATIENCE) == "still here"


def batch(gate, pieces):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=20 * PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/messages:batch", iter(pieces), {"Content-Type": "application/x-ndjson"}, encode_chunked=True)
        response = connection.getresponse()
        assert response.status == 200
        return [json.loads(line) for line in response.read().splitlines()]


def test_a_batch_has_a_result_for_each_line(gate):
    count = 3000
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(device(gate, f"batch-{i}")) for i in range(6)]
        lines = [json.dumps({"device": f"batch-{i % 6}", "text": str(i), "id": i}) for i in range(count)]
        lines[100] = "{"
        lines[200] = json.dumps({"device": "absent", "text": "x", "id": 200})
        body = ("\n".join(lines) + "\n").encode()
        results = batch(gate, [body[at:at + 777] for at in range(0, len(body), 777)])
        assert results[-1] == {"lines": count, "delivered": count - 2}
        by_line = {result["line"]: result for result in results[:-1]}
        assert len(by_line) == count
        assert by_line[101] == {"line": 101, "status": 400, "reason": "bad_line"}
        assert by_line[201] == {"line": 201, "id": 200, "status": 404, "reason": "unknown_device"}
        assert all(result["status"] == 200 and result["id"] == line - 1 for line, result in by_line.items() if line not in (101, 201))
        for number, client in enumerate(clients):
            expected = [str(i) for i in range(number, count, 6) if i not in (100, 200)]
            assert [client.recv(timeout=10 * PATIENCE) for _ in expected] == expected


def test_results_come_while_the_body_does(gate):
    with device(gate, "live") as client, socket.create_connection(gate.admin_address) as caller:
        caller.settimeout(10 * PATIENCE)
        caller.sendall(b"POST /v1/messages:batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n")
        received = b""
        for number in range(3):
            line = json.dumps({"device": "live", "text": str(number), "wait": "sent", "ttl": 60}).encode() + b"\n"
            caller.sendall(b"%x\r\n%s\r\n" % (len(line), line))
            assert client.recv(timeout=10 * PATIENCE) == str(number)
            while received.count(b'"status":200') <= number:
                received += caller.recv(65536)
        caller.sendall(b"0\r\n\r\n")
        while b'{"lines":3,"delivered":3}' not in received:
            received += caller.recv(65536)
        assert received.count(b'"reached":"sent"') == 3


def test_a_device_replies(gate):
    with device(gate, "CP1", "/ocpp") as client:
        def answer():
            for message in client:
                kind, unique_id, *_ = json.loads(message)
                if kind == 2:
                    client.send(json.dumps([5, "unrelated", {}]))  # this route echoes: what is sent comes back
                    client.send(json.dumps([3, unique_id, {"status": "Accepted"}]))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        for i in range(20):
            assert call(gate, "POST", "/v1/devices/CP1/requests?timeout=20s", json.dumps([2, f"r{i}", "Reset", {}])) == (
                200, [3, f"r{i}", {"status": "Accepted"}])
    thread.join()
    with device(gate, "CP2", "/ocpp"):
        status, problem = call(gate, "POST", "/v1/devices/CP2/requests?timeout=100ms", '[2,"a","Reset",{}]')
        assert (status, problem["reason"]) == (504, "reply_timeout")
        assert call(gate, "POST", "/v1/devices/CP2/requests", "{}")[1]["reason"] == "no_correlation_id"
        assert call(gate, "POST", "/v1/devices/CP2/requests?timeout=61s", '[2,"a"]')[1]["reason"] == "bad_timeout"
    with device(gate, "plain"):
        assert call(gate, "POST", "/v1/devices/plain/requests", '[2,"a"]')[1]["reason"] == "no_correlation"
    assert call(gate, "POST", "/v1/devices/absent/requests", '[2,"a"]')[0] == 404


@pytest.mark.parametrize("field", [{"If-Match": '"00000000000000ff"'}, {"Idempotency-Key": "once"}, {"Ringgate-Ttl": "0"}])
def test_a_request_does_not_ignore_what_it_is_conditional_on(gate, field):
    """RFC 9110 section 13.1.1: with an If-Match that is false the method MUST NOT be performed. Options that are not served are refused,
    not passed over in silence: the caller believes that a repeat, or another connection, is safe."""
    with device(gate, "conditional", "/ocpp") as client:
        http_client = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
        with contextlib.closing(http_client):
            http_client.request("POST", "/v1/devices/conditional/requests?timeout=200ms", '[2,"c1","Reset",{}]', {"Content-Type": "application/json", **field})
            response = http_client.getresponse()
            response.read()
        assert response.status in ((412, 400) if "If-Match" in field else (400,)), response.status
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)  # nothing was sent


def batch_results(gate, *lines):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/messages:batch", "".join(line + "\n" for line in lines), {"Content-Type": "application/x-ndjson"})
        return [json.loads(line) for line in connection.getresponse().read().splitlines()]


def batch_request(gate, framing, body):
    peer = socket.create_connection(gate.admin_address)
    peer.settimeout(5 * PATIENCE)
    peer.sendall(b"POST /v1/messages:batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n" + framing + b"\r\n\r\n" + body)
    return peer


def admin_connections(gate):
    return metric(gate, "ringgate_connections", listener="admin", state="open")


@pytest.mark.parametrize("byte", [b"zz\r\n", b"ffffffffffffffff1\r\n", b"1\r\nxx\r\n"])
def test_a_body_that_breaks_its_framing_ends_the_batch(byte):
    """RFC 9112 section 7.1 and 8: the message is malformed; the connection ends. 256 of them would shut the admin port for good."""
    with Gate({"admin.max_connections": 4}) as gate:
        before = admin_connections(gate)
        for _ in range(4):
            with contextlib.closing(batch_request(gate, b"Transfer-Encoding: chunked", byte)) as peer:
                assert peer.recv(4096).startswith(b"HTTP/1.1 ")
                time.sleep(0.1)
        eventually(lambda: admin_connections(gate), before)


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked", b"Content-Length: 1000"])
def test_a_body_that_a_fin_cuts_ends_the_batch(gate, framing):
    """RFC 9112 section 8: an incomplete message. Nothing more can come, so nothing waits for admin.idle_timeout."""
    body = b'1f\r\n{"device":"nobody","text":"x"}\n\r\n' if b"chunked" in framing else b'{"device":"nobody","text":"x"}\n'
    with contextlib.closing(batch_request(gate, framing, body)) as peer:
        peer.settimeout(10)  # admin.idle_timeout is a minute
        peer.shutdown(socket.SHUT_WR)
        received = b""
        while data := peer.recv(4096):  # TimeoutError: the gate waits for what cannot come
            received += data
    assert b'"unknown_device"' in received and b'"lines"' not in received


def test_a_line_that_waits_is_answered_when_its_time_is_over():
    """Once the last event of the shard has passed: the result comes with its timeout, not with the next byte that somebody sends."""
    with Gate() as gate, contextlib.closing(socket.create_connection(gate.device_address)) as mute:
        mute.sendall(b"GET /ws?deviceId=mute HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        assert mute.recv(100).startswith(b"HTTP/1.1 101")
        line = b'{"device":"mute","text":"x","wait":"ponged","timeout":"300ms"}\n'
        began = time.monotonic()
        with contextlib.closing(batch_request(gate, b"Content-Length: %d" % len(line), line)) as peer:
            peer.settimeout(8)
            received = b""
            while b'"lines"' not in received:
                received += peer.recv(4096)
        assert b'"wait_timeout"' in received and time.monotonic() - began < 1.5


@pytest.mark.parametrize("member", ['"ttl":60.0', '"ttl":6e1', '"conn":"*"', '"idempotency_key":"a b"'])
def test_a_line_takes_what_the_same_push_takes_alone(gate, member):
    """60.0 and 6e1 are 60 in JSON (as PUT .../credential reads them); `*` and a quoted key with a space are valid in the header fields."""
    with device(gate, "lines"):
        [result, _] = batch_results(gate, f'{{"device":"lines","text":"x",{member}}}')
    assert result["status"] == 200, result
