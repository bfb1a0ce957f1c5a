"""Webhooks: what devices say and do reaches a backend as CloudEvents, in order, and what does not is counted."""

import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import pytest
import websockets.sync.client
from cloudevents.core.bindings import http as cloudevents_http

from support.curl import curl
from support.gate import REPOSITORY, Gate, run_ringgate
from support.raw_peer import CLOSE, TEXT, connect_device
from support.receiver import RawReceiver, Receiver, event_of, metric, signature_fits, wait_for_metric

KEYS = (b"a" * 40, b"b" * 40)


def settings_of(receiver, **more):
    """Settings of a gate whose route /ws sends messages to `receiver`."""
    return {"webhook.0.name": "backend", "webhook.0.url": receiver.url, "webhook.0.allow_local": "true", "webhook.0.retry_min": "20ms",
            "webhook.0.retry_max": "100ms", "route.0.handler": "drop", "route.0.upstream": "webhook:backend",
            **{f"webhook.0.{key}": value for key, value in more.items()}}


def connect(gate, device="d", **options):
    return websockets.sync.client.connect(gate.device_url(device), **options)


def books(gate):
    """taken, delivered, queued, and drops by reason; the first is the sum of the others."""
    def events(outcome):
        return metric(gate, f'ringgate_webhook_events_total{{webhook="backend",outcome="{outcome}"}}')
    drops = {reason: metric(gate, f'ringgate_webhook_dropped_total{{webhook="backend",reason="{reason}"}}')
             for reason in ("queue", "attempts", "age", "refused", "stopped", "ended", "overwritten", "memory")}
    return events("taken"), events("delivered"), metric(gate, 'ringgate_webhook_queued_messages{webhook="backend"}'), drops


def wait_for_books(gate, taken):
    """Waits until the webhook has taken so many and nothing is queued; returns delivered and drops."""
    wait_for_metric(gate, 'ringgate_webhook_events_total{webhook="backend",outcome="taken"}', taken, timeout=30)
    wait_for_metric(gate, 'ringgate_webhook_queued_messages{webhook="backend"}', 0, timeout=30)
    found_taken, delivered, _, drops = books(gate)
    assert found_taken == delivered + sum(drops.values())
    wait_for_metric(gate, 'ringgate_books_difference{book="webhooks"}', 0)
    return delivered, drops


def messages(receiver, device=None):
    return [request for request in receiver.posts("device.message") if device in (None, event_of(request)["subject"])]


def gaps(receiver):
    return sum(json.loads(request.body)["missed"] for request in receiver.posts("gap"))


def test_a_message_is_a_signed_cloud_event(tmp_path):
    files = []
    for index, key in enumerate(KEYS):
        files.append(str(tmp_path / f"key{index}"))
        pathlib.Path(files[-1]).write_bytes(key)
        os.chmod(files[-1], 0o600)
    with Receiver() as receiver, Gate(settings_of(receiver, secret_files=",".join(files))) as gate, connect(gate, "sensor-7") as device:
        device.send("21.5 °C")
        device.send(b"\x00\xff")
        receiver.wait(lambda r: len(messages(r)) == 2)
        text, binary = messages(receiver)
        options = receiver.requests[0]
    assert "WebHook-Request-Rate" not in options.headers  # any rate; the field is a whole number (section 4.1.4)
    assert options.method == "OPTIONS" and options.headers["WebHook-Request-Origin"] == text.headers["WebHook-Request-Origin"]
    assert text.body == "21.5 °C".encode() and text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert binary.body == b"\x00\xff" and binary.headers["Content-Type"] == "application/octet-stream"
    event = event_of(text)
    assert event["specversion"] == "1.0" and event["type"] == "device.message" and event["subject"] == "sensor-7" and event["route"] == "/ws"
    assert event["source"] == "//" + text.headers["WebHook-Request-Origin"] and len(event["conn"]) == 16 and event["epoch"].isdigit()
    assert int(event_of(binary)["seq"]) > int(event["seq"]) and event_of(binary)["id"] != event["id"]
    for key in KEYS:
        assert signature_fits(text, key) and signature_fits(binary, key)
    assert not signature_fits(text, b"c" * 40)


def test_comings_and_goings_are_sent_if_they_are_asked_for():
    with Receiver() as receiver, Gate(settings_of(receiver, events="device.connected,device.disconnected")) as gate:
        with connect(gate):
            pass
        receiver.wait(lambda r: len(r.posts()) == 2)
        come, gone = receiver.posts()
    assert event_of(come)["type"] == "device.connected" and json.loads(come.body)["device"] == "d"
    assert event_of(gone)["type"] == "device.disconnected" and json.loads(gone.body)["code"] == 1000


def test_the_trace_of_a_handshake_is_told():
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    header = f"00-{trace}-{parent}-01"
    with Receiver() as receiver, Gate(settings_of(receiver, events="device.connected,device.disconnected")) as gate:
        with connect(gate, "traced", additional_headers={"traceparent": header}) as device:
            device.send("x")
            receiver.wait(lambda r: len(r.posts()) == 2)
        with connect(gate, "plain", additional_headers={"traceparent": header.upper()}):
            pass
        receiver.wait(lambda r: len(r.posts()) == 5)
        record = gate.wait_for_log("device connected", device_id="traced")
    [come, plain] = receiver.posts("device.connected")
    assert event_of(come)["traceparent"] == header and json.loads(come.body)["traceparent"] == header
    assert (record["trace_id"], record["parent_id"]) == (trace, parent)
    assert all("traceparent" not in event_of(request) for request in receiver.posts() if request is not come)
    assert "traceparent" not in json.loads(plain.body)


def test_requests_have_their_durations_counted():
    with Receiver(lambda _: time.sleep(0.05) or 204) as receiver, Gate(settings_of(receiver, lanes="1")) as gate, connect(gate) as device:
        for _ in range(4):
            device.send("x")
        wait_for_books(gate, 4)
        name = "ringgate_webhook_request_duration_seconds"
        assert metric(gate, f'{name}_count{{webhook="backend"}}') == 4
        assert metric(gate, f'{name}_sum{{webhook="backend"}}') >= 0.2


def test_the_sdks_take_our_events():
    with Receiver() as receiver:
        with Gate(settings_of(receiver, events="device.connected")) as gate, connect(gate, "a:b~") as device:
            device.send("text")
            device.send(b"\x01\x02")
            receiver.wait(lambda r: len(r.posts()) == 3)
        binary_mode = receiver.posts()
    with Receiver() as receiver:
        with Gate(settings_of(receiver, events="device.connected", batch="10")) as gate, connect(gate) as device:
            device.send("text")
            device.send(b"\x01\x02")
            wait_for_books(gate, 3)
        batches = receiver.posts()
    for request in binary_mode:
        event = cloudevents_http.from_binary_event(cloudevents_http.HTTPMessage(headers=dict(request.headers), body=request.body))
        assert event.get_type() == event_of(request)["type"] and event.get_id() == event_of(request)["id"]
    lines = "".join(json.dumps({"headers": {name.lower(): value for name, value in request.headers.items()}, "body": request.body.decode("latin-1")}) + "\n"
                    for request in [*binary_mode, *batches])
    done = subprocess.run(["node", str(REPOSITORY / "tests/integration/clients/node/cloudevents.js")], input=lines, capture_output=True, text=True,
                          env={**os.environ, "NODE_PATH": str(REPOSITORY / "build/clients/node/node_modules")}, check=False)
    assert done.returncode == 0, done.stderr
    taken = [event["type"] for line in done.stdout.splitlines() for event in json.loads(line)]
    assert collections.Counter(taken) == {"device.connected": 2, "device.message": 4}


@pytest.mark.parametrize("content_type, body, wanted", [
    ("text/plain", b"hello", "hello"), ("application/json; charset=utf-8", b'{"a":1}', '{"a":1}'),
    ("Text/Plain", b"hello", "hello"), ("APPLICATION/JSON\t;charset=utf-8", b"{}", "{}"),
    ("application/octet-stream", b"\x00\x01", b"\x00\x01")])
def test_the_answer_is_sent_to_the_connection_that_asked(content_type, body, wanted):
    with Receiver(lambda _: (200, [("Content-Type", content_type)], body)) as receiver, Gate(settings_of(receiver), shards=2) as gate:
        with connect(gate, "a") as device, connect(gate, "b") as other:
            device.send("?")
            assert device.recv(10) == wanted
            with pytest.raises(TimeoutError):
                other.recv(0.1)


def test_answers_are_counted_by_what_came_of_them():
    release = threading.Event()
    answer = (200, [("Content-Type", "text/plain")], b"answer")
    with Receiver(lambda request: (request.body == b"late" and release.wait(20), answer)[1]) as receiver, Gate(settings_of(receiver)) as gate:
        with connect(gate) as device:
            device.send("in time")
            assert device.recv(10) == "answer"
            device.send("late")
            receiver.wait(lambda r: len(messages(r)) == 2)
        wait_for_metric(gate, 'ringgate_connections{listener="devices",state="open"}', 0)
        release.set()
        wait_for_metric(gate, 'ringgate_webhook_replies_total{webhook="backend",result="lost"}', 1)
        wait_for_metric(gate, 'ringgate_webhook_replies_total{webhook="backend",result="sent"}', 1)


def test_an_answer_without_a_body_sends_nothing():
    answers = iter([204, 200, (202, [("Content-Type", "text/plain")], b"no"), (200, [("Content-Type", "image/png")], b"no"),
                    (200, [("Content-Type", "text/plain")], b"yes")])
    with Receiver(lambda _: next(answers)) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate, connect(gate) as device:
        for _ in range(5):
            device.send("?")
        assert device.recv(10) == "yes"


def test_each_device_is_in_order_while_the_receiver_fails():
    chances = random.Random(7)
    lock = threading.Lock()

    def answer(_):
        with lock:
            return chances.choice([204, 204, 500, 503, "hang up", 302])

    with Receiver(answer) as receiver, Gate(settings_of(receiver, max_attempts="1000"), shards=2, warnings_allowed=True) as gate:
        devices = [connect(gate, f"d{index}") for index in range(20)]
        for number in range(20):
            for device in devices:
                device.send(str(number))
        delivered, drops = wait_for_books(gate, 400)
        for device in devices:
            device.close()
    assert delivered == 400 and not sum(drops.values())
    for index in range(20):
        ids = collections.OrderedDict()  # without what was tried again
        for request in messages(receiver, f"d{index}"):
            ids.setdefault(event_of(request)["id"], request.body)
        assert list(ids.values()) == [str(number).encode() for number in range(20)]


def test_what_the_queue_has_no_room_for_is_counted_and_announced():
    release = threading.Event()
    with Receiver(lambda _: release.wait(60) and 204) as receiver:
        with Gate(settings_of(receiver, lanes="4", queue_messages="50", timeout="30s"), warnings_allowed=True) as gate:
            devices = [connect(gate, f"d{index}") for index in range(10)]
            for number in range(30):
                for device in devices:
                    device.send(str(number))
            wait_for_metric(gate, 'ringgate_webhook_events_total{webhook="backend",outcome="taken"}', 300)
            release.set()
            delivered, drops = wait_for_books(gate, 300)
            receiver.wait(lambda r: gaps(r) == 250)
            for device in devices:
                device.close()
    assert delivered == 50 and drops["queue"] == 250
    assert len(messages(receiver)) == 50


def test_gone_stops_the_webhook_until_a_reload(tmp_path):
    answers = {"status": 410}
    with Receiver(lambda _: answers["status"]) as receiver:
        with Gate(settings_of(receiver), warnings_allowed=True) as gate, connect(gate) as device:
            device.send("1")
            gate.wait_for_log("webhook is gone (410): nothing is sent to it until a reload")
            device.send("2")
            _, drops = wait_for_books(gate, 2)
            assert drops["stopped"] == 2 and len(messages(receiver)) == 1
            answers["status"] = 204
            gate.signal(1)
            gate.wait_for_log("webhook starts again")
            device.send("3")
            receiver.wait(lambda r: [request.body for request in messages(r)] == [b"1", b"3"])
            receiver.wait(lambda r: gaps(r) == 2)
            gate.records[:] = [record for record in gate.records if record["level"] != "error"]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(form):
    answers = iter([429])

    def answer(_):
        status = next(answers, 204)
        later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2.5))
        return status if status == 204 else (status, [("Retry-After", "2" if form == "seconds" else later)], b"")

    with Receiver(answer) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate, connect(gate) as device:
        device.send("1")
        receiver.wait(lambda r: len(messages(r)) == 1)
        device.send("2")
        receiver.wait(lambda r: len(messages(r)) == 3)
        first, again, _ = messages(receiver)
        assert event_of(first)["id"] == event_of(again)["id"] and again.at - first.at >= (1.9 if form == "seconds" else 1.4)


@pytest.mark.parametrize("validation", ["warn", "required"])
def test_retry_after_is_obeyed_where_the_receiver_is_asked(validation):
    """CloudEvents HTTP 1.1 Web Hooks, section 2.2. Neither an event nor the next question comes before."""
    answers = iter([b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n"])
    with RawReceiver(lambda _: next(answers, b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        with Gate(settings_of(receiver, validation=validation), warnings_allowed=True) as gate, connect(gate) as device:
            device.send("1")
            receiver.wait(lambda r: len(r.requests) == 3)
    (_, refused_at), (_, asked_again_at), _ = receiver.requests
    assert receiver.methods() == ["OPTIONS", "OPTIONS", "POST"] and asked_again_at - refused_at >= 0.95


@pytest.mark.parametrize("consent", [
    b"HTTP/1.1 103 Early Hints\r\nWebHook-Allowed-Origin: *\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nWebHook-Allowed-Origin: *\r\n\r\n"])
def test_only_the_head_of_the_final_answer_agrees(consent):
    with RawReceiver(lambda method: consent if method == "OPTIONS" else b"HTTP/1.1 204 No Content\r\n\r\n") as receiver:
        with Gate(settings_of(receiver, validation="required", flush="0s"), warnings_allowed=True) as gate, connect(gate) as device:
            device.send("1")
            receiver.wait(lambda r: len(r.requests) == 4)
    assert set(receiver.methods()) == {"OPTIONS"}


def test_an_interim_answer_does_not_hide_the_final_one():
    answers = {"OPTIONS": b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n",
               "POST": b"HTTP/1.1 103 Early Hints\r\nContent-Type: image/png\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Type: image/png\r\n\r\n"}
    with RawReceiver(answers.get) as receiver:
        with Gate(settings_of(receiver, validation="required")) as gate, connect(gate) as device:
            device.send("1")
            assert device.recv(10) == "hi"


@pytest.mark.parametrize("batch", ["1", "2"])
def test_an_event_whose_answer_is_too_long_is_delivered(batch):
    with Receiver(lambda _: (200, [("Content-Type", "text/plain")], b"x" * (256 * 1024 + 1))) as receiver:
        with Gate(settings_of(receiver, batch=batch), warnings_allowed=True) as gate, connect(gate) as device:
            device.send("once")
            delivered, drops = wait_for_books(gate, 1)
            assert metric(gate, 'ringgate_webhook_replies_total{webhook="backend",result="refused"}') == (batch == "1")
            assert metric(gate, 'ringgate_webhook_replies_total{webhook="backend",result="sent"}') == 0
    assert delivered == 1 and not sum(drops.values()) and len(receiver.posts()) == 1


def test_what_will_never_be_right_is_not_tried_again():
    answers = iter([415, 422, 400, 413])
    def answer(request):
        return next(answers, 204) if event_of(request)["type"] == "device.message" else 204  # an announcement takes none of them

    with Receiver(answer) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate, connect(gate) as device:
        for number in range(5):
            device.send(str(number))
        delivered, drops = wait_for_books(gate, 5)
    assert delivered == 1 and drops["refused"] == 4


def test_attempts_end():
    with Receiver(lambda _: 500) as receiver, Gate(settings_of(receiver, max_attempts="3"), warnings_allowed=True) as gate, connect(gate) as device:
        device.send("1")
        _, drops = wait_for_books(gate, 1)
        assert drops["attempts"] == 1 and len(messages(receiver)) == 3


def test_nothing_is_sent_before_the_receiver_agrees():
    with Receiver(agreement=None) as receiver, Gate(settings_of(receiver, validation="required"), warnings_allowed=True) as gate, connect(gate) as device:
        device.send("1")
        receiver.wait(lambda r: len(r.requests) >= 3)
        assert receiver.posts() == []
        receiver.agreement = [("WebHook-Allowed-Origin", receiver.requests[0].headers["WebHook-Request-Origin"])]
        receiver.wait(lambda r: len(messages(r)) == 1)


def test_the_receivers_rate_is_kept():
    agreement = [("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", "600")]  # one in 100 ms
    with Receiver(agreement=agreement) as receiver, Gate(settings_of(receiver)) as gate, connect(gate) as device:
        for number in range(8):
            device.send(str(number))
        receiver.wait(lambda r: len(messages(r)) == 8)
        at = [request.at for request in messages(receiver)]
    assert at[-1] - at[0] >= 0.65


def test_a_receiver_that_comes_back_gets_what_waited():
    with Receiver() as receiver:
        port = receiver.port
        gate = Gate(settings_of(receiver, max_attempts="1000"), warnings_allowed=True).__enter__()
        device = connect(gate)
        device.send("before")
        receiver.wait(lambda r: len(messages(r)) == 1)
    device.send("while it is away")
    gate.wait_for_log("webhook fails")
    with Receiver(port=port) as receiver:
        receiver.wait(lambda r: len(messages(r)) == 1)
        device.close()
        gate.stop()


def test_the_end_sends_what_is_queued():
    with Receiver(lambda _: time.sleep(0.02) or 204) as receiver:
        with Gate(settings_of(receiver, events="device.disconnected", lanes="1")) as gate:
            device = connect(gate)
            for number in range(20):
                device.send(str(number))
            wait_for_metric(gate, 'ringgate_webhook_events_total{webhook="backend",outcome="taken"}', 20)
        assert [request.body for request in messages(receiver)] == [str(number).encode() for number in range(20)]
        assert len(receiver.posts("device.disconnected")) == 1


def test_a_token_in_the_url_is_sent_and_not_shown(tmp_path):
    """CloudEvents HTTP 1.1 Web Hooks, section 3.2: an access token may stand in the URL."""
    file = tmp_path / "gate.toml"
    with Receiver() as receiver:
        def write(token):
            file.write_text(f'[[listener]]\nbind = "127.0.0.1:0"\n[[webhook]]\nname = "backend"\nallow_local = true\nurl = "{receiver.url}?access_token={token}"\n'
                            '[[route]]\npath = "/ws"\nauth = ["none"]\nhandler = "drop"\nupstream = ["webhook:backend"]\n')
        write("first-secret")
        with Gate(listen=None, arguments=["--config", str(file)]) as gate:
            write("second-secret")
            answer = curl(gate.admin_url("/v1/reload"), "-X", "POST").body.decode()
            gate.wait_for_log("setting changed", key="webhook.0.url")
            receiver.wait(lambda r: len(r.requests) == 2)
            assert [request.path for request in receiver.requests] == ["/hook?access_token=first-secret", "/hook?access_token=second-secret"]
            shown = json.dumps(gate.records) + answer + run_ringgate("print-config", "--config", str(file)).stdout
    assert "-secret" not in shown and shown.count(f"{receiver.url}?...") == 5


def test_the_last_events_reach_the_webhook():
    lost = 0
    rounds = 10
    for _ in range(rounds):
        with Receiver() as receiver:
            with Gate(settings_of(receiver, events="device.disconnected", validation="off"), shards=1) as gate:
                peer = connect_device(gate, "d")
                peer.send_frame(TEXT, b"first")
                receiver.wait(lambda r: len(messages(r)) == 1)
                gate.signal(signal.SIGTERM)
                peer.send_frame(CLOSE, peer.read_frame().payload[:2])
                gate.wait()
            lost += not receiver.posts("device.disconnected")
    assert lost == 0, f"{lost} of {rounds}"


def test_a_second_signal_ends_the_flush():
    release = threading.Event()
    with Receiver(lambda request: release.wait(60) and 204) as receiver:
        try:
            with Gate(settings_of(receiver, validation="off", flush="30s", timeout="40s"), warnings_allowed=True) as gate:
                with connect(gate) as device:
                    device.send("x")
                    receiver.wait(lambda r: len(messages(r)) == 1)
                gate.signal(signal.SIGTERM)
                with pytest.raises(subprocess.TimeoutExpired):
                    gate.process.wait(1.0)
                gate.signal(signal.SIGTERM)
                assert gate.wait(5.0) == 0
        finally:
            release.set()


def test_the_end_of_a_gate_touches_no_freed_memory(monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.perturb=165")  # glibc fills what is freed
    with Receiver() as receiver, Gate(settings_of(receiver, validation="off")) as gate:
        gate.stop()


def test_what_lies_in_a_ring_behind_a_patient_webhook_outlives_the_drain():
    release = threading.Event()
    settings = {"route.0.on_overflow": "pause", "events.log": "1MiB", "events.ring": "128KiB", "route.0.limits.max_message": "32KiB",
                "route.1.path": "/loud", "route.1.handler": "drop", "route.1.upstream": "events", "route.1.limits.max_message": "32KiB"}
    with Receiver(lambda request: release.wait(60) and 204) as receiver:
        more = settings_of(receiver, validation="off", flush="60s", timeout="50s", queue_bytes="64KiB", events="device.disconnected")
        with Gate({**more, **settings}, warnings_allowed=True) as gate:
            peer, loud = connect_device(gate, "talker"), connect_device(gate, "loud", path="/loud")
            for _ in range(4):  # more than the webhook has room for
                peer.send_frame(TEXT, b"x" * 30000)
            for _ in range(300):
                if metric(gate, "ringgate_events_ring_bytes") > 20_000:
                    break
                loud.send_frame(TEXT, b"y" * 9000)
            in_ring = metric(gate, "ringgate_events_ring_bytes")
            assert 20_000 < in_ring < 100_000, in_ring
            gate.signal(signal.SIGTERM)
            gate.wait_for_log("draining")
            peer.socket.close()
            loud.socket.close()
            with pytest.raises(subprocess.TimeoutExpired):  # it waits for the receiver
                gate.process.wait(1.0)
            release.set()
            gate.wait(60)
        gone = {event_of(request)["subject"] for request in receiver.posts("device.disconnected")}
        assert gone == {"talker", "loud"} or receiver.posts("gap"), gone


RELOADED = """
[[webhook]]
name = "backend"
url = "{url}"
allow_local = true
validation = "off"
lanes = 1
retry_min = "1s"
retry_max = "1s"
batch = {batch}
[[route]]
path = "/ws"
handler = "drop"
upstream = ["webhook:backend"]
"""


def reload_to(gate, file, text=RELOADED, **settings):
    file.write_text(text.format(**settings))
    gate.signal(signal.SIGHUP)
    gate.wait_for_log("reloaded")


def test_an_old_receivers_410_does_not_stop_the_new_one(tmp_path):
    release = threading.Event()
    file = tmp_path / "gate.toml"
    with Receiver(lambda _: release.wait(20) and 410) as old, Receiver() as new:
        file.write_text(RELOADED.format(url=old.url, batch=1))
        with Gate(arguments=["--config", str(file)], warnings_allowed=True) as gate, connect(gate, "d") as device:
            device.send("one")
            old.wait(lambda r: len(messages(r)) == 1)
            reload_to(gate, file, url=new.url, batch=1)
            release.set()
            device.send("two")
            new.wait(lambda r: len(messages(r)) == 2)
            assert [request.body for request in messages(new)] == [b"one", b"two"]


def test_a_batch_that_is_tried_again_survives_a_reload_to_single_events(tmp_path):
    fails, hold = threading.Event(), threading.Event()
    file = tmp_path / "gate.toml"

    def answer(request):
        if b"zero" in request.body:
            hold.wait(20)
            return 204
        return 204 if fails.is_set() else 500

    with Receiver(answer) as receiver:
        file.write_text(RELOADED.format(url=receiver.url, batch=10))
        with Gate(arguments=["--config", str(file)], warnings_allowed=True) as gate, connect(gate, "d") as device:
            device.send("zero")
            receiver.wait(lambda r: len(r.posts()) == 1)
            for word in ("one", "two", "three"):
                device.send(word)
            wait_for_metric(gate, 'ringgate_webhook_events_total{webhook="backend",outcome="taken"}', 4)
            hold.set()
            receiver.wait(lambda r: len(r.posts()) >= 2)
            reload_to(gate, file, url=receiver.url, batch=1)
            fails.set()
            wait_for_metric(gate, 'ringgate_webhook_events_total{webhook="backend",outcome="delivered"}', 4)
            assert all(word in receiver.posts()[-1].body for word in (b"one", b"two", b"three"))
            device.send("alone")
            receiver.wait(lambda r: len(messages(r)) == 1)
