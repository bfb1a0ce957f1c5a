"""Receivers that fail, and settings that cannot be used: no lane stops, and the log says what is wrong."""

import json
import signal
import subprocess
import threading
import time

import pytest
from test_webhooks import KEYS, RELOADED, connect, gaps, messages, reload_to, settings_of, wait_for_books

from support.gate import PATIENCE, Gate, run_ringgate
from support.receiver import Receiver, event_of, wait_for_metric


def flags_of(**more):
    settings = {"name": "backend", "url": "https://backend.example.org/", **more}
    return [word for key, value in settings.items() for word in ("--set", f"webhook.0.{key}={value}")]


@pytest.mark.parametrize("command", ["check-config", "serve"])
@pytest.mark.parametrize("key", ["secret_files", "ca"])
@pytest.mark.parametrize("content", [None, "nonsense"])
def test_files_that_cannot_be_used_are_named_at_the_start(tmp_path, command, key, content):
    file = tmp_path / "a-file"
    if content is not None:
        file.write_text(content)
    ended = run_ringgate(command, *flags_of(**{key: file}), "--listen", "127.0.0.1:0", "--admin", "off", "--set", "route.0.auth=none")
    assert ended.returncode == 78
    [line] = ended.stderr.splitlines()
    assert "webhook backend" in line and "a-file" in line and f"correct webhook.{key}" in line


def test_check_config_warns_of_a_webhook_key_that_everybody_may_read(tmp_path):
    key = tmp_path / "key"
    key.write_bytes(KEYS[0])
    key.chmod(0o644)
    ended = run_ringgate("check-config", *flags_of(secret_files=key))
    assert ended.returncode == 0 and "can be read by every user" in ended.stderr


IDLE = {"route.0.on_overflow": "pause", "route.0.connect_hook_failure": "allow", "webhook.0.name": "backend",
        "webhook.0.url": "http://127.0.0.1:9/"}
IDLE_KEYS = ["webhook.0.url", "webhook.0.events", "route.0.on_overflow", "route.0.connect_hook_failure"]


def test_settings_that_do_nothing_are_warned_of(tmp_path):
    ended = run_ringgate("check-config", *(word for key, value in IDLE.items() for word in ("--set", f"{key}={value}")))
    lines = ended.stderr.splitlines()
    assert ended.returncode == 0 and [line.split(" ")[2] for line in lines] == IDLE_KEYS, lines
    assert lines[0] == ("ringgate: warning: webhook.0.url does nothing: the address is loopback or link-local, so each request to it is refused; "
                        "set webhook.0.allow_local = true, if that is meant")
    file = tmp_path / "gate.toml"
    file.write_text('[[route]]\npath = "/ws"\non_overflow = "pause"\n')
    with Gate({**IDLE, "route.0.on_overflow": None}, arguments=["--config", str(file)], warnings_allowed=True) as gate:
        warned = [record for record in gate.records if record["msg"] == "setting does nothing"]
        assert [record["key"] for record in warned] == IDLE_KEYS and all(record["level"] == "warning" for record in warned)
        assert (warned[2]["cause"], warned[2]["remedy"]) == ("the route has no upstream that could overflow",
                                                             "give upstream, or leave on_overflow out")
        file.write_text('[[route]]\npath = "/ws"\non_overflow = "pause"\nupstream = ["webhook:backend"]\n')
        before = len(gate.records)
        gate.signal(signal.SIGHUP)
        gate.wait_for_log("reloaded")
        assert [record["key"] for record in gate.records[before:] if record["msg"] == "setting does nothing"] == ["webhook.0.url",
                                                                                                              "route.0.connect_hook_failure"]


def test_an_announcement_that_the_receiver_cannot_take_does_not_stop_a_lane():
    """A receiver that expects a subject answers 500 to a gap. Later events arrive, and then its number, announced now and then."""
    takes_gaps = threading.Event()

    def answer(request):
        if event_of(request)["type"] == "gap":
            return 204 if takes_gaps.is_set() else 500
        return 422 if request.body == b"bad" else 204

    with Receiver(answer) as receiver, Gate(settings_of(receiver, lanes="1", max_attempts="3"), warnings_allowed=True) as gate, connect(gate) as device:
        device.send("bad")
        gate.wait_for_log("webhook does not take the announcement of a gap: it is announced again once an event arrives", missed=1)
        assert len(receiver.posts("gap")) == 3
        device.send("good")
        receiver.wait(lambda r: messages(r)[-1].body == b"good" and len(r.posts("gap")) == 4)  # one attempt now
        device.send("better")
        receiver.wait(lambda r: messages(r)[-1].body == b"better")
        takes_gaps.set()
        device.send("best")
        receiver.wait(lambda r: sum(request.body == b"best" for request in messages(r)) == 1)
        gate.wait_for_log("webhook delivers again")
        wait_for_metric(gate, 'ringgate_webhook_requests_total{webhook="backend",status="2xx"}', 4)  # three events and the gap
        assert json.loads(receiver.posts("gap")[-1].body)["missed"] == 1
        wait_for_books(gate, 4)
        failures = [record["cause"] for record in gate.records if record["msg"] == "webhook fails"]
    assert failures == ["status 500"]


def test_the_log_tells_of_events_that_a_webhook_gave_up():
    answer = {True: 204, False: 500}
    with Receiver(lambda request: answer["subject" not in event_of(request)]) as receiver:
        with Gate(settings_of(receiver, max_attempts="2"), warnings_allowed=True) as gate, connect(gate) as device:
            device.send("lost")
            gate.wait_for_log("webhook gave up events", webhook="backend", reason="attempts", dropped=1)


def test_one_lane_that_fails_is_not_said_to_deliver_again():
    """Of two devices in different lanes one has an event that is never taken: the webhook fails once, until it is given up."""
    release = threading.Event()

    def answer(request):
        return 500 if request.body == b"poison" and not release.is_set() else 204

    with Receiver(answer) as receiver, Gate(settings_of(receiver, lanes="64", max_attempts="1000"), warnings_allowed=True) as gate:
        devices = [connect(gate, f"d{index}") for index in range(10)]
        devices[0].send("poison")
        gate.wait_for_log("webhook fails", cause="status 500")
        for device in devices[1:]:
            device.send("good")
        receiver.wait(lambda r: sum(request.body == b"good" for request in messages(r)) >= 1)
        tries = len(messages(receiver, "d0"))
        receiver.wait(lambda r: len(messages(r, "d0")) > tries + 3)
        assert not [record for record in gate.records if record["msg"] == "webhook delivers again"]
        release.set()
        gate.wait_for_log("webhook delivers again")
        wait_for_books(gate, 10)
        for device in devices:
            device.close()
        assert len([record for record in gate.records if record["msg"] == "webhook fails"]) == 1


def lines_of_the_webhook(gate):
    """Waits until there is one, which may come before that of the listeners."""
    deadline = time.monotonic() + 10 * PATIENCE
    while not (said := [record for record in gate.records if record.get("webhook") == "backend"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return said


def test_a_receiver_that_was_not_reached_is_not_said_to_disagree():
    with Receiver() as receiver:
        url = receiver.url
    with Gate({"webhook.0.name": "backend", "webhook.0.url": url, "webhook.0.allow_local": "true"}, warnings_allowed=True) as gate:
        [said] = lines_of_the_webhook(gate)
        assert said["msg"] == "webhook was not reached to be asked whether it may be sent to" and said["cause"] == "no connection"
    with Receiver(agreement=None) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate:
        assert [(record["msg"], record["status"], record["cause"]) for record in lines_of_the_webhook(gate)] == [("webhook does not agree to be sent to", 405, "status 405")]


def test_the_end_waits_for_the_announcement_of_a_gap():
    release = threading.Event()
    with Receiver(lambda _: release.wait(60) and 204) as receiver:
        settings = settings_of(receiver, validation="off", lanes="1", queue_messages="1", timeout="40s", flush="30s")
        with Gate(settings, warnings_allowed=True) as gate:
            with connect(gate) as device:
                device.send("kept")
                receiver.wait(lambda r: len(messages(r)) == 1)
                device.send("lost")
                wait_for_metric(gate, 'ringgate_webhook_dropped_total{webhook="backend",reason="queue"}', 1)
            gate.signal(signal.SIGTERM)
            gate.wait_for_log("draining")
            with pytest.raises(subprocess.TimeoutExpired):  # it waits for the receiver
                gate.process.wait(0.5)
            release.set()
            assert gate.wait() == 0
    assert gaps(receiver) == 1


def test_the_end_does_not_wait_for_an_announcement_that_nobody_takes():
    """It was given up, so it comes after an event, and no event comes any more."""
    def answer(request):
        return 500 if event_of(request)["type"] == "gap" else 422

    with Receiver(answer) as receiver:
        with Gate(settings_of(receiver, validation="off", lanes="1", max_attempts="2", flush="60s"), warnings_allowed=True) as gate:
            with connect(gate) as device:
                device.send("bad")
                gate.wait_for_log("webhook does not take the announcement of a gap: it is announced again once an event arrives", missed=1)
            gate.signal(signal.SIGTERM)
            assert gate.wait(10.0) == 0  # less than the flush


@pytest.mark.parametrize("answer", [(429, [("Retry-After", "3600")], b""), (503, [("Retry-After", "3600")], b""), 500], ids=["429", "503", "500"])
@pytest.mark.parametrize("answers", ["before the reload", "behind the reload"])
def test_a_new_receiver_begins_fresh(tmp_path, answer, answers):
    """What the old one asked for, and how often it failed, is nothing to the new one."""
    release = threading.Event()
    file = tmp_path / "gate.toml"
    waits_long = RELOADED.replace('"1s"', '"1h"')
    with Receiver(lambda _: release.wait(20) and answer) as old, Receiver() as new:
        file.write_text(waits_long.format(url=old.url, batch=1))
        with Gate(arguments=["--config", str(file)], warnings_allowed=True) as gate, connect(gate, "d") as device:
            device.send("one")
            old.wait(lambda r: len(messages(r)) == 1)
            if answers == "before the reload":
                release.set()
                gate.wait_for_log("webhook fails")
            reload_to(gate, file, text=waits_long, url=new.url, batch=1)
            release.set()
            device.send("two")
            new.wait(lambda r: [request.body for request in messages(r)] == [b"one", b"two"])


def test_the_rate_of_an_old_receiver_does_not_hold_the_new_one_up(tmp_path):
    file = tmp_path / "gate.toml"
    asked = RELOADED.replace('"off"', '"warn"')
    agreement = [("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", "1")]  # a minute
    with Receiver(agreement=agreement) as old, Receiver() as new:
        file.write_text(asked.format(url=old.url, batch=1))
        with Gate(arguments=["--config", str(file)], warnings_allowed=True) as gate, connect(gate, "d") as device:
            device.send("one")
            old.wait(lambda r: len(messages(r)) == 1)
            for text in (asked, RELOADED):  # the second asks nobody
                reload_to(gate, file, text=text, url=new.url, batch=1)
            device.send("two")
            device.send("three")
            new.wait(lambda r: len(messages(r)) == 2, timeout=5.0)
