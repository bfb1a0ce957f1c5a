"""What misled a newcomer to backends: settings that start and do nothing, options that are taken and ignored, log lines without the cause."""

import json
import time

import pytest
import websockets.sync.client
from websockets.exceptions import InvalidStatus

from support.curl import curl
from support.gate import Gate, run_ringgate
from support.raw_peer import TEXT, connect_device
from support.receiver import Receiver, event_of, wait_for_metric

WEBHOOK = {"webhook.0.name": "backend", "webhook.0.url": "https://backend.example.org/"}


def flags(settings):
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def settings_of(receiver, **more):
    return {"webhook.0.name": "backend", "webhook.0.url": receiver.url, "webhook.0.allow_local": "true", "webhook.0.lanes": "1",
            "webhook.0.retry_min": "10ms", "webhook.0.retry_max": "20ms", "webhook.0.max_attempts": "3", "route.0.handler": "drop",
            "route.0.upstream": "webhook:backend", **more}


@pytest.mark.parametrize("key", ["secret_files", "ca"])
def test_check_config_opens_the_files_of_webhooks(tmp_path, key):
    ended = run_ringgate("check-config", *flags({**WEBHOOK, f"webhook.0.{key}": tmp_path / "absent"}))
    assert ended.returncode == 78 and "absent" in ended.stderr


def test_check_config_warns_of_a_webhook_key_that_everybody_may_read(tmp_path):
    key = tmp_path / "key"
    key.write_bytes(b"a" * 40)
    key.chmod(0o644)
    ended = run_ringgate("check-config", *flags({**WEBHOOK, "webhook.0.secret_files": key}))
    assert "can be read by every user" in ended.stdout + ended.stderr


@pytest.mark.parametrize("settings", [
    pytest.param({**WEBHOOK, "webhook.0.url": "http://127.0.0.1:9/"}, id="a loopback receiver without allow_local"),
    pytest.param({"route.0.on_overflow": "pause"}, id="on_overflow without upstream"),
])
def test_settings_that_can_do_nothing_are_named(settings):
    ended = run_ringgate("check-config", *flags(settings))
    assert ended.returncode == 78 and ";" in ended.stderr


@pytest.mark.parametrize("query", ["ttl=5", "wiat=ponged"])
def test_a_push_with_a_parameter_that_is_not_known_is_refused(query):
    with Gate() as gate, connect_device(gate, "d"):
        answer = curl(gate.admin_url(f"/v1/devices/d/messages?{query}"), "-H", "Content-Type: text/plain", body=b"x")
        assert answer.status == 400


@pytest.mark.parametrize("option", [{"wait": "ponged"}, {"ttl": 0}, {"idempotency_key": "k"}, {"if_match": "0000000000000001"}])
def test_a_push_over_the_stream_does_not_ignore_an_option(option):
    with Gate() as gate, connect_device(gate, "d"), websockets.sync.client.connect(
            f"ws://{gate.admin}/v1/stream", subprotocols=["ringgate.v1"], compression=None, proxy=None) as stream:
        stream.send(json.dumps({"type": "push", "id": "m", "device": "d", **option}).encode() + b"\nx")
        result = json.loads(stream.recv(10).partition(b"\n")[0])
        assert result["status"] != "delivered" or "reached" in result


def test_an_announcement_that_the_receiver_cannot_take_does_not_stop_a_lane():
    """A receiver that expects a subject answers 500 to a gap. Its later events arrive nevertheless."""
    def answer(request):
        event = event_of(request)
        return 500 if "subject" not in event else 422 if request.body == b"bad" else 204

    with Receiver(answer) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate, connect_device(gate, "d") as device:
        device.send_frame(TEXT, b"bad")
        receiver.wait(lambda r: len(r.posts("gap")) > 5)  # more than max_attempts
        device.send_frame(TEXT, b"good")
        receiver.wait(lambda r: any(request.body == b"good" for request in r.requests), timeout=3)


def test_the_log_tells_of_events_that_a_webhook_gave_up():
    with Receiver(lambda request: 204 if "subject" not in event_of(request) else 500) as receiver:
        with Gate(settings_of(receiver), warnings_allowed=True) as gate, connect_device(gate, "d") as device:
            device.send_frame(TEXT, b"lost")
            wait_for_metric(gate, 'ringgate_webhook_dropped_total{webhook="backend",reason="attempts"}', 1)
            time.sleep(0.2)  # a line that is not there has no event to wait for
            assert any("dropped" in record for record in gate.records if record.get("webhook") == "backend")


def hooked(receiver):
    return {**settings_of(receiver), "route.0.upstream": None, "route.0.connect_hook": "backend"}


def refused(gate):
    with pytest.raises(InvalidStatus):
        websockets.sync.client.connect(gate.device_url("d")).close()


def test_the_log_names_status_and_device_of_a_hook_without_verdict():
    with Receiver(lambda _: 404) as receiver, Gate(hooked(receiver), warnings_allowed=True) as gate:
        refused(gate)
        record = gate.wait_for_log("a connect hook gave no verdict")
        assert record.get("status") == 404 and record.get("device_id") == "d"


def test_the_log_names_the_webhook_whose_verdict_cannot_be_used():
    answer = (200, [("Content-Type", "application/json")], b'{"device_id":"a b"}')
    with Receiver(lambda _: answer) as receiver, Gate(hooked(receiver), warnings_allowed=True) as gate:
        try:
            refused(gate)
            said = next(record for record in gate.records if record["level"] == "error")
            assert said.get("webhook") == "backend"
        finally:
            gate.kill()  # the line is an error, which a clean log has not


def test_a_receiver_that_was_not_reached_is_not_said_to_disagree():
    with Receiver() as receiver:
        url = receiver.url
    with Gate({"webhook.0.name": "backend", "webhook.0.url": url, "webhook.0.allow_local": "true"}, warnings_allowed=True) as gate:
        deadline = time.monotonic() + 10
        while not any(record.get("webhook") == "backend" for record in gate.records) and time.monotonic() < deadline:
            time.sleep(0.01)
        said = [record["msg"] for record in gate.records if record.get("webhook") == "backend"]
        assert said and not any("does not agree" in text for text in said)


@pytest.mark.parametrize("query", ["type=device.conected", "typ=device.connected", "route=/nowhere"])
def test_a_filter_of_events_that_is_wrong_is_said_to_be(query):
    with Gate() as gate:
        answer = curl(gate.admin_url(f"/v1/events?{query}"), "-m", "3")
        assert answer.status == 400
        detail = json.loads(answer.body)["detail"]
        assert "Times are like" not in detail and query.partition("=")[0] in detail


def test_since_does_not_move():
    with Gate() as gate, connect_device(gate, "d"):
        seen = set()
        deadline = time.monotonic() + 2.5
        while time.monotonic() < deadline:
            seen.add(json.loads(curl(gate.admin_url("/v1/devices/d")).body)["since"])
        assert len(seen) == 1
