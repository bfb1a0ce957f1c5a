"""What happens when a device connects whose id is online: the policies of a route, with real clients on several shards."""

import contextlib
import http.client
import json
import time

import pytest
import websockets.sync.client

from support.gate import PATIENCE, Gate
from support.raw_peer import RawPeer, upgrade_request


def ask(gate, target):
    """The answer to an opening handshake: its status, and the reason of a refusal."""
    with RawPeer(gate.device_address) as peer:
        peer.send(upgrade_request(target))
        response = peer.read_response()
        return response.status, json.loads(response.body)["reason"] if response.status != 101 else None


def call(gate, method, path, body=None):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "text/plain"} if body is not None else {})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None


def device(gate, device_id, path="/ws"):
    return websockets.sync.client.connect(gate.device_url(device_id, path))


def receive(client):
    return client.recv(timeout=10 * PATIENCE)


def close_code(client):
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        receive(client)
    return closed.value.rcvd.code


def push(gate, device_id, text):
    return call(gate, "POST", f"/v1/devices/{device_id}/messages", text)


def wait_for(condition):
    deadline = time.monotonic() + 10 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(name="gate", scope="module")
def one_gate():
    with Gate({"route.0.path": "/ws", "route.0.duplicate": "allow", "route.0.max_per_device": "3", "route.1.path": "/one",
               "route.2.path": "/first", "route.2.duplicate": "reject"}, shards=3) as running:
        yield running


def test_reject_keeps_the_older_connection():
    with Gate({"route.0.duplicate": "reject"}, shards=2) as gate, device(gate, "one") as older:
        for _ in range(8):
            assert ask(gate, "/ws?deviceId=one") == (409, "device_online")
        older.send("still here")
        assert older.recv() == "still here"
        older.close()
        deadline = time.monotonic() + 5 * PATIENCE
        while ask(gate, "/ws?deviceId=one") != (101, None):
            assert time.monotonic() < deadline


def test_a_push_reaches_every_connection_and_the_answer_lists_each(gate):
    with device(gate, "many") as one, device(gate, "many") as two, device(gate, "many") as three:
        status, answer = push(gate, "many", "to all")
        assert status == 200 and answer["status"] == "delivered"
        assert [part["status"] for part in answer["connections"]] == ["delivered"] * 3
        assert len({part["conn"] for part in answer["connections"]}) == 3
        assert [receive(client) for client in (one, two, three)] == ["to all"] * 3
        assert ask(gate, "/ws?deviceId=many") == (409, "device_connections")
        three.close()  # the newest: an older one becomes the owner
        wait_for(lambda: len(push(gate, "many", "still")[1]["connections"]) == 2)
        assert "still" in (receive(one), receive(two))
        two.close()
        wait_for(lambda: "connections" not in push(gate, "many", "alone")[1])
        assert call(gate, "GET", "/v1/devices/many")[0] == 200
        one.close()
        wait_for(lambda: push(gate, "many", "nobody")[0] == 404)


def test_deleting_a_device_closes_every_connection(gate):
    with device(gate, "gone") as one, device(gate, "gone") as two, device(gate, "gone") as three:
        assert call(gate, "DELETE", "/v1/devices/gone?code=4005")[0] == 204
        assert [close_code(client) for client in (one, two, three)] == [4005] * 3
    assert call(gate, "DELETE", "/v1/devices/gone")[0] == 404


def test_the_route_of_the_newer_connection_decides(gate):
    with device(gate, "mixed") as one, device(gate, "mixed") as two:
        assert ask(gate, "/first?deviceId=mixed") == (409, "device_online")
        with device(gate, "mixed", "/one") as only:
            assert [close_code(client) for client in (one, two)] == [4409] * 2
            assert "connections" not in push(gate, "mixed", "just you")[1]
            assert receive(only) == "just you"
            with device(gate, "mixed") as beside:
                assert len(push(gate, "mixed", "both")[1]["connections"]) == 2
                assert (receive(only), receive(beside)) == ("both", "both")


def test_a_broadcast_reaches_every_connection(gate):
    with device(gate, "b") as one, device(gate, "b") as two:
        status, answer = call(gate, "POST", "/v1/broadcast", "hello")
        assert status == 200 and answer["delivered"] >= 2
        assert (receive(one), receive(two)) == ("hello", "hello")


def test_books_balance_after_a_storm(gate):
    """Many connections of few ids come and go on all shards; afterwards the map holds nobody."""
    for _ in range(30):
        with contextlib.ExitStack() as stack:
            for i in range(9):
                stack.enter_context(device(gate, f"storm-{i % 3}"))
    wait_for(lambda: all(push(gate, f"storm-{i}", "x")[0] == 404 for i in range(3)))
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        assert "ringgate_device_index_entries 0" in connection.getresponse().read().decode()
