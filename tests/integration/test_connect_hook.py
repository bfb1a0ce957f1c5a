"""Connect hooks: a backend decides about opening handshakes, in time or not."""

import concurrent.futures
import hashlib
import json
import socket
import ssl
import threading
import time

import pytest
import websockets.sync.client

from support.certificates import Root
from support.curl import curl
from support.gate import Gate
from support.receiver import Receiver, event_of, metric, signature_fits, verdict, wait_for_metric

KEY = b"k" * 40


def settings_of(receiver, **more):
    """Settings of a gate whose route /ws asks `receiver`."""
    return {"webhook.0.name": "backend", "webhook.0.url": receiver.url, "webhook.0.allow_local": "true", "webhook.0.validation": "off",
            "route.0.connect_hook": "backend", **{key.replace("__", "."): value for key, value in more.items()}}


def connect(gate, device="d", **options):
    return websockets.sync.client.connect(gate.device_url(device), **options)


def refusal(gate, device="d", **options):
    """The answer to a handshake that must be refused."""
    with pytest.raises(websockets.exceptions.InvalidStatus) as raised:
        connect(gate, device, **options)
    return raised.value.response


def test_the_backend_chooses_what_the_device_is(tmp_path):
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "key").chmod(0o600)
    answer = verdict(device_id="chosen", groups=["red"], subprotocol="v2", message_rate=5)
    with Receiver(lambda _: answer) as receiver:
        settings = settings_of(receiver, **{"webhook.0.secret_files": str(tmp_path / "key"), "route.0.connect_hook_fields": "User-Agent,X-Site"})
        with Gate(settings, shards=2) as gate:
            with websockets.sync.client.connect(gate.device_url("claimed") + "&site=7&access_token=secret", subprotocols=["v1", "v2"],
                                                additional_headers={"X-Site": "north", "X-Other": "no"}) as device:
                assert device.subprotocol == "v2"
                device.send("echo")
                assert device.recv(10) == "echo"
                assert curl(gate.admin_url("/v1/devices/chosen")).status == 200
        [request] = receiver.posts()
    assert signature_fits(request, KEY)
    assert not signature_fits(request, b"x" * 40)
    assert event_of(request)["type"] == "device.connecting" and event_of(request)["subject"] == "claimed"
    assert request.headers["WebHook-Request-Origin"]
    question = json.loads(request.body)
    assert question["device"] == "claimed" and not question["anonymous"] and question["route"] == "/ws"
    assert question["query"] == "deviceId=claimed&site=7", "without the credential"
    assert question["fields"]["X-Site"] == "north" and "X-Other" not in question["fields"]
    assert question["remote"].startswith("127.0.0.1:") and question["tls"] is None and question["subprotocols"] == ["v1", "v2"]


def test_the_backend_refuses():
    answers = {"poor": verdict(403, reason="no_contract", detail="Pay first."), "stranger": 401, "odd": verdict(403, reason="Not a reason")}
    with Receiver(lambda request: answers[event_of(request)["subject"]]) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate:
        poor = refusal(gate, "poor")
        assert poor.status_code == 403 and json.loads(poor.body)["reason"] == "no_contract" and json.loads(poor.body)["detail"] == "Pay first."
        stranger = refusal(gate, "stranger")
        assert stranger.status_code == 401 and "WWW-Authenticate" in stranger.headers
        assert json.loads(refusal(gate, "odd").body)["reason"] == "refused_by_hook"


@pytest.mark.parametrize("answer", [500, 404, 302, (200, [], b"no JSON"), (200, [], b"[]"), (200, [], b"x" * (256 * 1024 + 1)), "hang up"])
def test_no_verdict_is_the_configured_one(answer):
    with Receiver(lambda _: answer) as receiver:
        with Gate(settings_of(receiver), warnings_allowed=True) as gate:
            refused = refusal(gate)
            assert refused.status_code == 503 and json.loads(refused.body)["reason"] == "connect_hook_failed" and refused.headers["Retry-After"]
        with Gate(settings_of(receiver, route__0__connect_hook_failure="allow"), warnings_allowed=True) as gate, connect(gate) as device:
            device.send("hello")
            assert device.recv(10) == "hello"


@pytest.mark.parametrize("failure", ["refuse", "allow"])
@pytest.mark.parametrize("members, because", [
    (b'{"device_id":7}', "device_id is no text"), (b'{"groups":"red"}', "groups is no list of texts"),
    (b'{"message_rate":-1}', "message_rate is no whole number"), (b'{"byte_rate":0.5}', "byte_rate is no whole number"),
    (b'{"expires_at":9223372036854775808}', "expires_at is no whole number of seconds")])
def test_a_value_that_is_not_valid_refuses_whatever_a_failure_does(members, because, failure):
    with Receiver(lambda _: (200, [], members)) as receiver:
        with Gate(settings_of(receiver, route__0__connect_hook_failure=failure), warnings_allowed=True) as gate:
            assert refusal(gate).status_code == 500
            gate.wait_for_log("the verdict of a connect hook cannot be used", webhook="backend", because=because)
            gate.records[:] = [record for record in gate.records if record["level"] != "error"]


@pytest.mark.parametrize("members", [b'{"message_rate":1e3}', b'{"byte_rate":5000.0}', b'{"expires_at":4e9}', b'{"expires_at":9223372036854775807}'])
def test_a_whole_number_may_be_written_in_any_way(members):
    with Receiver(lambda _: (200, [], members)) as receiver, Gate(settings_of(receiver)) as gate, connect(gate) as device:
        device.send("hello")
        assert device.recv(10) == "hello"


@pytest.mark.parametrize("body", [b"x" * (256 * 1024 + 1), b'{"reason":7}'], ids=["too long", "no reason"])
def test_a_refusal_holds_whatever_its_body_is(body):
    with Receiver(lambda _: (403, [], body)) as receiver:
        with Gate(settings_of(receiver, route__0__connect_hook_failure="allow"), warnings_allowed=True) as gate:
            refused = refusal(gate)
    assert refused.status_code == 403 and json.loads(refused.body)["reason"] == "refused_by_hook"


def test_a_slow_backend_is_waited_for_until_the_deadline():
    release = threading.Event()
    with Receiver(lambda _: release.wait(60) and 204 or 204) as receiver:
        settings = settings_of(receiver, webhook__0__timeout="300ms")
        with Gate(settings, warnings_allowed=True) as gate:
            began = time.monotonic()
            assert refusal(gate).status_code == 503
            assert time.monotonic() - began >= 0.29
        release.set()


def test_a_backend_that_is_not_there_or_may_not_be_asked():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with Receiver() as receiver:
            receiver_url = receiver.url
            settings = settings_of(receiver) | {"webhook.0.url": f"http://127.0.0.1:{unused.getsockname()[1]}/"}
            with Gate(settings, warnings_allowed=True) as gate:
                assert refusal(gate).status_code == 503
            for url in (receiver_url, receiver_url.replace("127.0.0.1", "localhost"), receiver_url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
                with Gate(settings_of(receiver) | {"webhook.0.url": url, "webhook.0.allow_local": "false"}, warnings_allowed=True) as gate:
                    assert refusal(gate).status_code == 503
                    gate.wait_for_log("a connect hook gave no verdict", cause="the address is loopback or link-local (allow_local)")
            assert receiver.requests == []


def test_credentials_are_checked_first(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"sha256:{hashlib.sha256(b'good-token-of-device-d').hexdigest()} device=d\n")
    tokens.chmod(0o600)
    with Receiver() as receiver:
        settings = settings_of(receiver) | {"route.0.auth": "token", "auth.token.tokens": str(tokens)}
        with Gate(settings) as gate:
            assert refusal(gate, additional_headers={"Authorization": "Bearer a-wrong-token-of-device-d"}).status_code == 401
            assert receiver.requests == []
            with connect(gate, additional_headers={"Authorization": "Bearer good-token-of-device-d"}):
                assert len(receiver.posts()) == 1
                assert b"good-token" not in receiver.posts()[0].body


def test_the_backend_ends_the_connection_in_time():
    with Receiver(lambda _: verdict(expires_at=int(time.time()) + 1)) as receiver:
        settings = settings_of(receiver) | {"auth.expiry_notice": "off", "auth.expiry_grace": "0s"}
        with Gate(settings) as gate, connect(gate) as device:
            with pytest.raises(websockets.exceptions.ConnectionClosed):
                device.recv(20)
            assert device.close_code == 4401


def test_questions_carry_the_trace_and_have_their_durations_counted():
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with Receiver(lambda _: time.sleep(0.05) or 204) as receiver, Gate(settings_of(receiver)) as gate:
        for fields in ({"traceparent": header}, {}):
            connect(gate, additional_headers=fields).close()
        name = 'ringgate_connect_hook_duration_seconds'
        wait_for_metric(gate, f'{name}_count{{webhook="backend"}}', 2)
        assert metric(gate, f'{name}_sum{{webhook="backend"}}') >= 0.1
        assert metric(gate, 'ringgate_webhook_request_duration_seconds_count{webhook="backend"}') == 0
        assert [event_of(request).get("traceparent") for request in receiver.posts()] == [header, None]


def test_questions_that_find_no_room_are_decided_at_once():
    release = threading.Event()

    def answer(_):
        release.wait(60)
        return 204

    with Receiver(answer) as receiver:
        settings = settings_of(receiver, webhook__0__lanes="1", webhook__0__queue_messages="1")
        with Gate(settings, warnings_allowed=True) as gate, concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(connect, gate, "a")
            receiver.wait(lambda r: len(r.posts()) == 1)
            second = pool.submit(connect, gate, "b")
            wait_for_metric(gate, "ringgate_handshakes_waiting", 2)
            assert refusal(gate, "c").status_code == 503
            release.set()
            for connected in (first, second):
                connected.result(20).close()


def test_a_receiver_with_tls_is_verified(tmp_path):
    root = Root(tmp_path)
    certificate = root.issue("backend")
    with Receiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
        url = f"https://localhost:{receiver.port}/hook"
        with Gate(settings_of(receiver) | {"webhook.0.url": url}, warnings_allowed=True) as gate:
            assert refusal(gate).status_code == 503
            gate.wait_for_log("a connect hook gave no verdict", cause="the certificate is not trusted")
        with Gate(settings_of(receiver) | {"webhook.0.url": url, "webhook.0.ca": root.file}) as gate, connect(gate):
            assert len(receiver.posts()) == 1


def test_the_log_names_status_and_device_of_a_hook_without_verdict():
    with Receiver(lambda _: 404) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate:
        refusal(gate, "sensor-7")
        gate.wait_for_log("a connect hook gave no verdict", webhook="backend", device_id="sensor-7", status=404)


@pytest.mark.parametrize("members", [{"device_id": "a b"}, {"subprotocol": "not-offered"}])
def test_the_log_names_the_webhook_whose_verdict_cannot_be_used(members):
    with Receiver(lambda _: verdict(**members)) as receiver, Gate(settings_of(receiver), warnings_allowed=True) as gate:
        refused = refusal(gate, "sensor-7")
        assert refused.status_code == 500 and json.loads(refused.body)["reason"] == "handler_failed"
        gate.wait_for_log("the verdict of a connect hook cannot be used", webhook="backend", device_id="sensor-7")
        gate.records[:] = [record for record in gate.records if record["level"] != "error"]
