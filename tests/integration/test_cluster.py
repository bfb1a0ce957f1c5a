"""Several gates and real NATS servers: pushes, questions and closes reach the device whichever gate has it, and one connection has the id."""

import concurrent.futures
import contextlib
import http.client
import json
import socket
import time

import pytest
import websockets.sync.client
from test_backend_calls import call, device, eventually
from test_admin_access import make_token

from support import nats
from support.curl import metric
from support.gate import PATIENCE, Gate, run_ringgate

pytestmark = pytest.mark.skipif(nats.BINARY is None, reason="no nats-server is installed (Debian: nats-server)")


def member(server, node, settings=None, **more):
    """A gate of the cluster. Warnings are allowed: it says when it loses the engine."""
    return Gate({"cluster.engine": "nats", "cluster.servers": server.url, "cluster.node": node, "cluster.timeout": "10s", **(settings or {})}, warnings_allowed=True, **more)


def has_engine(gate, times=1):
    has_said(gate, "the cluster's engine is connected", times)
    return gate


def has_said(gate, message, times=1):
    """Also before its last word at the start."""
    eventually(lambda: sum(record["msg"].startswith(message) for record in gate.records) >= times, True)


LOST = "the cluster's engine is lost"
NOT_THERE = "the cluster's engine is not there yet"
NAMESAKE = "another gate of the cluster has this one's name"


@pytest.fixture
def server(tmp_path):
    with nats.NatsServer(tmp_path) as server:
        yield server


@pytest.fixture
def pair(server):
    with member(server, "one", shards=2) as one, member(server, "two") as two:
        yield has_engine(one), has_engine(two)


def reaches(gate, device_id):
    """Interest in a new device takes a moment to spread."""
    eventually(lambda: call(gate, "GET", f"/v1/devices/{device_id}")[0], 200)


def receive(client):
    return client.recv(timeout=10 * PATIENCE)


def wait_until_closed(client):
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        receive(client)
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.parametrize("device_id", ["pump-7", "a..b", "~:@-", "x" * 128])
def test_a_push_reaches_the_device_of_another_gate(pair, device_id):
    one, two = pair
    with device(one, device_id) as client:
        reaches(two, device_id)
        status, answer = call(two, "POST", f"/v1/devices/{device_id}/messages", "hello")
        assert (status, answer["status"]) == (200, "delivered")
        assert receive(client) == "hello"
        status, answer = call(two, "POST", f"/v1/devices/{device_id}/messages", b"\x00\xff", "application/octet-stream")
        assert status == 200
        assert receive(client) == b"\x00\xff"
        here = call(one, "GET", f"/v1/devices/{device_id}")[1]
        there = call(two, "GET", f"/v1/devices/{device_id}")[1]
        assert {**here, "last_seen": None} == {**there, "last_seen": None}
    eventually(lambda: call(two, "POST", f"/v1/devices/{device_id}/messages", "late")[0], 404)


def test_options_and_receipts_work_over_gates(pair):
    one, two = pair
    with device(one, "phone") as client:
        reaches(two, "phone")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pushed = pool.submit(call, two, "POST", "/v1/devices/phone/messages?wait=ponged&timeout=10s", "read me")
            assert receive(client) == "read me"
            with contextlib.suppress(TimeoutError):
                while not pushed.done():
                    client.recv(timeout=0.05)  # answers the ping
            status, answer = pushed.result()
        assert (status, answer["reached"]) == (200, "ponged")
        conn = call(two, "GET", "/v1/devices/phone")[1]["conn"]
        assert answer["conn"] == conn
        assert push_with(two, "phone", "only here", {"If-Match": f'"{conn}"'})[0] == 200
        assert push_with(two, "phone", "not here", {"If-Match": '"00000000000000aa"'}) == (412, "other_connection")
        assert [push_with(two, "phone", "once", {"Idempotency-Key": "7"})[0] for _ in range(3)] == [200, 200, 200]
        assert push_with(two, "phone", "twice", {"Idempotency-Key": "7"}) == (422, "idempotency_key_reused")
        assert push_with(one, "phone", "last", {})[0] == 200
        assert [receive(client) for _ in range(3)] == ["only here", "once", "last"]


def push_with(gate, device_id, text, fields):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", f"/v1/devices/{device_id}/messages", text, {"Content-Type": "text/plain", **fields})
        response = connection.getresponse()
        answer = json.loads(response.read())
        return response.status, answer.get("reason", answer.get("status"))


def test_the_newer_connection_has_the_id_over_gates(pair):
    one, two = pair
    with device(one, "car") as older:
        reaches(two, "car")
        with device(two, "car") as newer:
            assert wait_until_closed(older) == (4409, "replaced")
            eventually(lambda: call(one, "POST", "/v1/devices/car/messages", "to the newer")[0], 200)
            assert receive(newer) == "to the newer"
            with device(one, "car") as newest:
                assert wait_until_closed(newer) == (4409, "replaced")
                eventually(lambda: call(two, "POST", "/v1/devices/car/messages", "to the newest")[0], 200)
                assert receive(newest) == "to the newest"
    assert metric(one, "ringgate_cluster_yielded_total") == 1


def test_another_gate_closes_a_device(pair):
    one, two = pair
    with device(one, "door") as client:
        reaches(two, "door")
        assert call(two, "DELETE", "/v1/devices/door?code=4011&reason=bye")[0] == 204
        assert wait_until_closed(client) == (4011, "bye")
    eventually(lambda: call(two, "DELETE", "/v1/devices/door")[0], 404)


def test_pushes_keep_their_order_over_gates(pair):
    one, two = pair
    with device(one, "meter") as client:
        reaches(two, "meter")
        for number in range(500):
            status, answer = call(two, "POST", "/v1/devices/meter/messages", str(number))
            assert status == 200, answer
        assert [receive(client) for _ in range(500)] == [str(number) for number in range(500)]
    assert metric(two, "ringgate_cluster_pushes_total", direction="sent") == 500
    assert metric(one, "ringgate_cluster_pushes_total", direction="served") == 500


def test_a_restricted_token_reaches_no_more_over_gates(server, tmp_path):
    token = make_token(tmp_path / "admin.tokens", "site", "push", "--prefix", "pump-")
    guarded = {"admin.tokens": tmp_path / "admin.tokens"}
    with member(server, "one", guarded) as one, member(server, "two", guarded) as two, device(has_engine(one), "pump-1") as client, device(one, "door-1"):
        has_engine(two)
        bearer = {"Authorization": f"Bearer {token}"}
        eventually(lambda: push_with(two, "pump-1", "yes", bearer)[0], 200)
        assert receive(client) == "yes"
        assert push_with(two, "door-1", "no", bearer) == (403, "not_covered")


def test_without_the_engine_local_service_goes_on(server):
    with member(server, "one") as one, member(server, "two", {"cluster.required": "true"}) as two, device(has_engine(one), "a") as client:
        has_engine(two)
        reaches(two, "a")
        server.kill()
        has_said(one, LOST)
        has_said(two, LOST)
        client.send("echo")
        assert receive(client) == "echo"
        assert call(one, "POST", "/v1/devices/a/messages", "local")[0] == 200
        assert receive(client) == "local"
        status, answer = call(two, "POST", "/v1/devices/a/messages", "remote")
        assert (status, answer["reason"]) == (503, "engine_unavailable")
        assert metric(two, "ringgate_engine_up") == 0
        eventually(lambda: metric(two, "ringgate_ready"), 0)
        assert metric(one, "ringgate_ready") == 1
        server.start()
        has_engine(one, 2)
        has_engine(two, 2)
        reaches(two, "a")
        assert call(two, "POST", "/v1/devices/a/messages", "again")[0] == 200
        assert receive(client) == "again"
        eventually(lambda: metric(two, "ringgate_ready"), 1)


def test_a_gate_starts_without_the_engine(server):
    server.kill()
    with member(server, "one") as one, device(one, "a") as client:
        client.send("echo")
        assert receive(client) == "echo"
        assert call(one, "POST", "/v1/devices/b/messages", "x")[0] == 503
        server.start()
        has_engine(one)
        eventually(lambda: call(one, "POST", "/v1/devices/b/messages", "x")[0], 404)


def test_both_sides_of_a_lost_engine_agree_once_it_is_back(pair, server):
    one, two = pair
    server.kill()
    for gate in pair:
        has_said(gate, LOST)
    with device(one, "both") as older, device(two, "both") as newer:
        server.start()
        assert wait_until_closed(older) == (4409, "replaced")
        eventually(lambda: call(one, "POST", "/v1/devices/both/messages", "to the newer")[0], 200)
        assert receive(newer) == "to the newer"


def test_a_gate_that_is_killed_is_forgotten(server):
    with member(server, "one") as one, member(server, "two") as two:
        has_engine(one)
        has_engine(two)
        client = device(one, "gone")
        reaches(two, "gone")
        one.kill()
        eventually(lambda: call(two, "POST", "/v1/devices/gone/messages", "x")[0], 404)
        with device(two, "gone") as again:
            assert call(two, "POST", "/v1/devices/gone/messages", "here")[0] == 200
            assert receive(again) == "here"
        client.close()


def test_gates_reach_each_other_over_several_servers(tmp_path):
    servers = nats.server_cluster(tmp_path, 3)
    with contextlib.ExitStack() as stack:
        for each in servers:
            stack.enter_context(each)
        gates = [has_engine(stack.enter_context(member(each, f"gate-{number}"))) for number, each in enumerate(servers)]
        clients = [stack.enter_context(device(gate, f"d-{number}")) for number, gate in enumerate(gates)]
        for gate in gates:
            for number, client in enumerate(clients):
                eventually(lambda gate=gate, number=number: call(gate, "POST", f"/v1/devices/d-{number}/messages", "hi")[0], 200)
                assert receive(client) == "hi"


def test_a_message_that_the_engine_does_not_take(server):
    large = {"limits.max_message": "4MiB"}
    with member(server, "one", large) as one, member(server, "two", large) as two, device(has_engine(one), "big") as client:
        has_engine(two)
        reaches(two, "big")
        assert push_with(two, "big", "x" * (2 * 1024 * 1024), {}) == (413, "too_large")
        assert push_with(two, "big", "x" * (1000 * 1000), {})[0] == 200
        assert len(receive(client)) == 1000 * 1000


def test_two_gates_of_one_name_are_told_of(server):
    with member(server, "same") as one, member(server, "same") as two:
        for gate in (has_engine(one), has_engine(two)):
            has_said(gate, NAMESAKE)
        for gate in (one, two):
            gate.kill()  # an error in the log is no clean end


def test_files_that_cannot_be_read_end_the_start(tmp_path):
    for key in ("ca", "credentials", "password_file"):
        more = ["--set", "cluster.user=u"] if key == "password_file" else []
        done = run_ringgate("serve", "--set", "cluster.engine=nats", "--set", f"cluster.{key}={tmp_path}/none", *more)
        assert done.returncode == 78 and f"cluster.{key}" in done.stderr and "none" in done.stderr, done
    assert run_ringgate("check-config", "--set", "cluster.cert=/c").returncode == 78


def test_a_refused_login_is_tried_again(tmp_path):
    """libnats gives up for good at a second refusal."""
    (tmp_path / "password").write_text("right")
    login = {"cluster.user": "u", "cluster.password_file": tmp_path / "password"}
    server = nats.NatsServer(tmp_path, ["--user", "u", "--pass", "wrong"])
    with server, member(server, "one", login) as one, device(one, "a"):
        has_said(one, NOT_THERE)
        assert call(one, "POST", "/v1/devices/b/messages", "x")[0] == 503
        server.kill()
        server.arguments[-1] = "right"
        server.start()
        has_engine(one)
        server.kill()
        server.arguments[-1] = "wrong"
        server.start()
        has_said(one, NOT_THERE, 2)  # given up, and begun anew
        server.kill()
        server.arguments[-1] = "right"
        server.start()
        has_engine(one, 2)
        eventually(lambda: call(one, "POST", "/v1/devices/b/messages", "x")[0], 404)


def test_servers_that_say_nothing_hold_nothing_up(tmp_path):
    with contextlib.ExitStack() as stack:
        mute = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(8)]
        urls = ",".join(f"nats://127.0.0.1:{each.getsockname()[1]}" for each in mute)
        with Gate({"cluster.engine": "nats", "cluster.servers": urls}, warnings_allowed=True) as gate, device(gate, "a") as client:
            began = time.monotonic()
            assert call(gate, "POST", "/v1/devices/b/messages", "x")[0] == 503
            client.send("echo")
            assert receive(client) == "echo"
            assert time.monotonic() - began < 1 * PATIENCE
            client.close()
            began = time.monotonic()
            gate.stop()
            assert time.monotonic() - began < 2 * PATIENCE


def test_what_is_meant_for_tls_is_never_said_in_clear(tmp_path):
    (tmp_path / "password").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        settings = {"cluster.servers": f"tls://127.0.0.1:{port}", "cluster.user": "u", "cluster.password_file": tmp_path / "password", "cluster.engine": "nats"}
        with Gate(settings, warnings_allowed=True):
            connection, _ = stranger.accept()
            with connection:
                connection.sendall(b'INFO {"server_id":"x","version":"2.9.10","proto":1,"max_payload":1048576,"headers":true}\r\n')
                connection.settimeout(10 * PATIENCE)
                said = b""
                with contextlib.suppress(ConnectionResetError):
                    said = connection.recv(4096)
                assert b"CONNECT" not in said and b"secret" not in said


def test_a_stopped_engine_leaves_an_outcome_unknown(server):
    soon = {"cluster.timeout": "250ms"}
    with member(server, "one", soon) as one, member(server, "two", soon) as two, device(has_engine(one), "a"):
        has_engine(two)
        reaches(two, "a")
        server.pause()
        began = time.monotonic()
        status, answer = call(two, "POST", "/v1/devices/a/messages", "x")
        assert (status, answer["reason"]) == (504, "unknown_outcome")
        assert time.monotonic() - began < 5 * PATIENCE
        server.resume()
        eventually(lambda: call(two, "POST", "/v1/devices/a/messages", "y")[0], 200)
