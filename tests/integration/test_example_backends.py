"""The backends of docs/examples/clients: pushes with receipts, and a webhook receiver that believes only what is signed."""

import base64
import hashlib
import hmac
import http.client
import json
import subprocess
import sys
import time

import pytest
from test_example_devices import BUILT, EXAMPLES, Program
from websockets.sync.client import connect

from support.curl import metric
from support.gate import PATIENCE, Gate

COMMANDS = {
    "python": [sys.executable, str(EXAMPLES / "python/backend.py")],
    "node": ["node", str(EXAMPLES / "node/backend.js")],
    "go": [str(BUILT / "backend_go")],
}
SECRET = b"a secret that only the gate and its backend know"


@pytest.fixture(params=COMMANDS)
def command(request):
    return COMMANDS[request.param]


def test_a_push_says_what_became_of_it(command, gate):
    with connect(gate.device_url("told")) as device:
        done = subprocess.run([*command, "push", gate.admin_url(""), "told", "grüße"], capture_output=True, text=True, timeout=30 * PATIENCE, check=True)
        status, told = done.stdout.split(" ", 1)
        assert status == "200", done.stdout
        assert "told" in told
        assert device.recv(10 * PATIENCE) == "grüße"
    done = subprocess.run([*command, "push", gate.admin_url(""), "nobody", "x"], capture_output=True, text=True, timeout=30 * PATIENCE, check=True)
    assert done.stdout.startswith("404 ") and "unknown_device" in done.stdout


def test_a_backend_hears_what_devices_say(command):
    with Gate({"route.0.upstream": "events"}) as gate, Program([*command, "events", gate.admin_url("/v1/events?type=device.message")]) as backend:
        deadline = time.monotonic() + 20 * PATIENCE
        while metric(gate, "ringgate_event_readers") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with connect(gate.device_url("pump-7")) as device:
            for text in ("one", "zwei\n\u00fc", "{\"volts\": 231}"):
                device.send(text)
                event = json.loads(backend.next()[1])
                assert (event["type"], event["device"], event["text"]) == ("device.message", "pump-7", text)


def backend_of_the_readme(gate):
    """Its only Python, with this gate's address in place of the usual one."""
    block = (EXAMPLES.parents[2] / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert block.count("http://127.0.0.1:8081") == 1
    assert len(block.splitlines()) <= 10
    return block.replace("http://127.0.0.1:8081", gate.admin_url(""))


def test_the_backend_of_the_readme_answers_devices():
    with Gate({"route.0.upstream": "events"}) as gate, Program([sys.executable, "-u", "-c", backend_of_the_readme(gate)]) as backend:
        deadline = time.monotonic() + 20 * PATIENCE
        while metric(gate, "ringgate_event_readers") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(2):  # a device that is gone before its answer does not end the backend
            with connect(gate.device_url("abc123")) as device:
                device.send(b"no text")
                device.send("grüße")
                assert {device.recv(10 * PATIENCE) for _ in range(3)} == {b"no text", "grüße", "heard: grüße"}
                assert backend.next()[1] == "abc123 grüße ponged"
        with connect(gate.device_url("hasty")) as device:
            device.send("bye")
        assert backend.next()[1].startswith("hasty ")


def signature(body, at, secret=SECRET):
    return f"t={at},v1=" + hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def send(port, body, signed, ident="1", kind="ringgate.device.message", method="POST"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * PATIENCE)
    headers = {"ce-id": ident, "ce-type": kind, "ce-subject": "pump-7", "ce-specversion": "1.0", "WebHook-Request-Origin": "gate.example"}
    connection.request(method, "/", body, headers | ({"Ringgate-Signature": signed} if signed is not None else {}))
    reply = connection.getresponse()
    told = reply.read()
    connection.close()
    return reply.status, told, reply.headers


@pytest.mark.parametrize("given", [SECRET.decode(), "whsec_" + base64.b64encode(SECRET).decode()], ids=["text", "whsec"])
def test_a_webhook_receiver_believes_only_what_is_signed(command, given):
    with Program([*command, "webhook", "0", given]) as receiver:
        port = int(receiver.next()[1].removeprefix("listening "))
        now = int(time.time())
        assert send(port, b"", None, method="OPTIONS")[2]["WebHook-Allowed-Origin"] == "gate.example"
        body = json.dumps({"volts": 231}).encode()
        good = signature(body, now)
        assert send(port, body, good)[:2] == (200, f"got {len(body)} bytes".encode())
        assert receiver.next()[1] == f"ringgate.device.message pump-7 {body.decode()}"
        assert send(port, body, good)[0] == 204  # the same event once more
        assert send(port, body, good, ident="2", kind="ringgate.device.connected")[0] == 204
        assert receiver.next()[1].startswith("ringgate.device.connected pump-7")
        other = signature(body, now, b"another secret")
        assert send(port, body, f"{other},{good.partition(',')[2]}", ident="3")[0] == 200  # two keys while one replaces the other
        receiver.next()
        foreign = [None, "", "nonsense", other, signature(body + b" ", now), signature(body, now - 3600), signature(body, now + 3600),
                   good.replace(f"t={now}", f"t={now + 1}"), f"t={now},v1=", f"t={now},v1=zz", good.replace("v1=", "v0="), f"t={now},{good}",
                   good[:-1], good + "0", f"v1={good.rpartition('=')[2]}"]
        assert {send(port, body, signed, ident="4")[0] for signed in foreign} == {401}
        assert receiver.lines.empty()


@pytest.mark.parametrize("arguments", [[], ["push"], ["nonsense"]])
def test_the_go_backend_says_how_it_is_used(arguments):
    done = subprocess.run([*COMMANDS["go"], *arguments], capture_output=True, text=True, timeout=30 * PATIENCE, check=False)
    assert done.returncode == 64 and "usage: backend events URL" in done.stderr
