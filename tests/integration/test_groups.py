"""Groups with real clients on several shards: whoever joins is reached, by whatever way it joined, and nobody else."""

import contextlib
import hashlib
import http.client
import json

import pytest
import websockets.sync.client

from support.gate import PATIENCE, Gate


def call(gate, method, path, body=None):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "text/plain"} if body is not None else {})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None


def device(gate, device_id, path="/ws", **fields):
    return websockets.sync.client.connect(gate.device_url(device_id, path), additional_headers=fields)


def receive(client):
    return client.recv(timeout=10 * PATIENCE)


def hears_nothing_but(client, gate, device_id, expected):
    """Whatever was sent before a marker has come before it."""
    assert call(gate, "POST", f"/v1/devices/{device_id}/messages", "marker")[0] == 200
    received = []
    while (message := receive(client)) != "marker":
        received.append(message)
    assert received == expected


@pytest.fixture
def gate():
    with Gate({"route.0.path": "/ws", "route.1.path": "/pumps", "route.1.groups": "pumps,site-7"}, shards=3) as gate:
        yield gate


def test_a_message_reaches_members_on_every_shard(gate):
    with contextlib.ExitStack() as stack:
        pumps = {f"pump-{i}": stack.enter_context(device(gate, f"pump-{i}", "/pumps")) for i in range(12)}
        others = {f"meter-{i}": stack.enter_context(device(gate, f"meter-{i}")) for i in range(6)}
        assert call(gate, "PUT", "/v1/groups/site-7/devices/meter-0") == (
            200, {"status": "joined", "group": "site-7", "device_id": "meter-0", "sticky": False, "online": True})
        assert call(gate, "POST", "/v1/groups/site-7/messages", "to the site") == (
            200, {"matched": 13, "delivered": 13, "refused": 0})
        assert call(gate, "POST", "/v1/groups/pumps/messages", "to pumps")[1]["matched"] == 12
        assert call(gate, "POST", "/v1/broadcast?prefix=meter-&route=/ws", "to meters")[1]["matched"] == 6
        assert call(gate, "GET", "/v1/groups/site-7") == (200, {"group": "site-7", "devices": 13})
        for device_id, client in pumps.items():
            hears_nothing_but(client, gate, device_id, ["to the site", "to pumps"])
        for device_id, client in others.items():
            hears_nothing_but(client, gate, device_id, (["to the site"] if device_id == "meter-0" else []) + ["to meters"])
        assert call(gate, "GET", "/v1/devices/pump-3")[1]["groups"] == ["pumps", "site-7"]
    with device(gate, "meter-0"):
        assert call(gate, "GET", "/v1/devices/meter-0")[1]["groups"] == []


def test_a_lasting_membership_outlives_the_connection(gate):
    assert call(gate, "PUT", "/v1/groups/fleet/devices/truck?sticky=true")[1]["online"] is False
    for _ in range(3):
        with device(gate, "truck") as client:
            assert call(gate, "POST", "/v1/groups/fleet/messages", "hello")[1]["delivered"] == 1
            assert receive(client) == "hello"
    assert call(gate, "DELETE", "/v1/groups/fleet/devices/truck")[0] == 204
    with device(gate, "truck"):
        assert call(gate, "GET", "/v1/groups/fleet")[1]["devices"] == 0
    assert call(gate, "DELETE", "/v1/groups/fleet/devices/truck")[0] == 404


def test_the_group_of_a_credential_counts(tmp_path):
    tokens = tmp_path / "devices"
    tokens.write_text(f"sha256:{hashlib.sha256(b'secret').hexdigest()} group=fleet name=fleet\n")
    tokens.chmod(0o600)
    with (Gate({"auth.token.tokens": str(tokens), "route.0.path": "/ws", "route.0.auth": "token"}, shards=2) as gate,
          device(gate, "truck-1", Authorization="Bearer secret") as one, device(gate, "truck-2", Authorization="Bearer secret") as two):
        assert call(gate, "POST", "/v1/groups/fleet/messages", "hello")[1] == {"matched": 2, "delivered": 2, "refused": 0}
        assert receive(one) == receive(two) == "hello"
        assert call(gate, "DELETE", "/v1/groups/fleet/devices/truck-1")[0] == 204
        assert call(gate, "POST", "/v1/groups/fleet/messages", "again")[1]["matched"] == 1
        assert call(gate, "GET", "/v1/devices/truck-1")[1]["groups"] == []


def test_ceilings_are_answered(tmp_path):
    with (Gate({"route.0.path": "/ws", "limits.sticky_memberships": 2}) as gate, device(gate, "a")):
        for group in ("one", "two"):
            assert call(gate, "PUT", f"/v1/groups/{group}/devices/b?sticky=true")[0] == 200
        status, problem = call(gate, "PUT", "/v1/groups/three/devices/b?sticky=true")
        assert (status, problem["reason"]) == (503, "groups_full")
        for i in range(128):
            assert call(gate, "PUT", f"/v1/groups/g{i}/devices/a")[0] == 200
        status, problem = call(gate, "PUT", "/v1/groups/one-more/devices/a")
        assert (status, problem["reason"]) == (503, "groups_full")
