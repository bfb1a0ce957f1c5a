"""/v1/stream: a backend's WebSocket, with events down under credits and pushes up."""

import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from support.curl import curl, metric
from support.gate import PATIENCE, Gate, run_ringgate
from support.raw_peer import BINARY, PING, PONG, TEXT, RawPeer, connect_device

UPSTREAM = {"route.0.upstream": "events"}


@pytest.fixture(scope="module")
def gate():
    with Gate(settings=UPSTREAM, shards=2) as running:
        yield running


def open_stream(gate, query="", subprotocols=("ringgate.v1",), **how):
    url = f"ws://{gate.admin}/v1/stream{query}"
    return connect(url, subprotocols=list(subprotocols), compression=None, proxy=None, max_size=None, open_timeout=10 * PATIENCE, **how)


def send(stream, payload=b"", **members):
    stream.send(json.dumps(members).encode() + b"\n" + payload)


def receive(stream, timeout=10.0):
    """The object of the next message, with its payload as the member `payload`, and its size."""
    message = stream.recv(timeout=timeout * PATIENCE)
    line, _, payload = message.partition(b"\n")
    return {**json.loads(line), "payload": payload, "size": len(message)}


def refused(gate, query="", subprotocols=("ringgate.v1",), **how):
    with pytest.raises(InvalidStatus) as caught:
        open_stream(gate, query, subprotocols, **how).close()
    response = caught.value.response
    return response.status_code, json.loads(response.body)["reason"]


def test_events_need_credits_and_payloads_are_raw(gate):
    with open_stream(gate, "?device=raw") as stream:
        assert stream.subprotocol == "ringgate.v1"
        with connect_device(gate, "raw") as peer:
            with pytest.raises(TimeoutError):
                stream.recv(timeout=0.05)
            send(stream, type="credit", bytes=1 << 20)
            send(stream, b"fence", type="push", id="f", device="raw")
            assert receive(stream)["status"] == "delivered"
            peer.read_frame()
            peer.send_frame(BINARY, bytes(range(256)))
            peer.send_frame(TEXT, "hé\n".encode())
            first, second = receive(stream), receive(stream)
            assert (first["type"], first["kind"], first["bytes"], first["payload"]) == ("device.message", "binary", 256, bytes(range(256)))
            assert (second["kind"], second["payload"]) == ("text", "hé\n".encode())
            assert "text" not in second and "base64" not in first
            for _ in range(2):
                peer.read_frame()
            peer.close_normally()
        assert receive(stream)["type"] == "device.disconnected"


def test_credits_bound_what_comes(gate):
    with open_stream(gate, "?device=bound&type=device.message") as stream, connect_device(gate, "bound") as peer:
        send(stream, type="credit", bytes=3000)
        send(stream, b"fence", type="push", id="f", device="bound")
        receive(stream)
        peer.read_frame()
        for number in range(20):
            peer.send_frame(TEXT, b"%03d" % number + b"x" * 997)
        got, numbers = 0, []
        while got < 3000:
            event = receive(stream)
            got += event["size"]
            numbers.append(int(event["payload"][:3]))
        with pytest.raises(TimeoutError):
            stream.recv(timeout=0.1)
        while len(numbers) < 20:
            send(stream, type="credit", bytes=got)
            spent, got = got, 0
            while got < spent and len(numbers) < 20:
                event = receive(stream)
                got += event["size"]
                numbers.append(int(event["payload"][:3]))
        assert numbers == list(range(20))
        for _ in range(20):
            peer.read_frame()
        peer.close_normally()


def test_each_push_is_answered_by_its_id(gate):
    peers = {f"push-{i}": connect_device(gate, f"push-{i}") for i in range(8)}
    with open_stream(gate) as stream:
        for number in range(400):
            device = f"push-{number % 10}"  # two of them are not there
            send(stream, b"%d" % number, type="push", id=f"id-{number}", device=device, kind="binary" if number % 2 else "text")
        results = {}
        while len(results) < 400:
            result = receive(stream)
            assert result["type"] == "result" and result["id"] not in results
            results[result["id"]] = result
    for number in range(400):
        device = f"push-{number % 10}"
        result = results[f"id-{number}"]
        assert result["device"] == device
        assert result["status"] == ("delivered" if device in peers else "unknown_device")
    for device, peer in peers.items():
        for number in range(int(device[5:]), 400, 10):
            frame = peer.read_frame()
            assert frame.payload == b"%d" % number and frame.opcode == (BINARY if number % 2 else TEXT)
        peer.close_normally()


@pytest.mark.parametrize("members, status", [
    ({"device": "a b"}, "bad_id"), ({}, "bad_id"), ({"device": "x", "kind": "other"}, "bad_kind"), ({"device": "nobody"}, "unknown_device"),
])
def test_refused_pushes(gate, members, status):
    with open_stream(gate) as stream:
        send(stream, b"x", type="push", id="1", **members)
        assert receive(stream)["status"] == status


LEVELS = ["queued", "sent", "acked", "ponged"]


def result_of(stream, payload=b"x", **members):
    send(stream, payload, type="push", id="r", **members)
    result = receive(stream)
    assert (result["type"], result["id"], result["device"]) == ("result", "r", members["device"])
    return result


@pytest.mark.parametrize("level", LEVELS)
def test_a_push_waits_until_it_has_come_so_far(gate, level):
    with open_stream(gate) as stream, connect(gate.device_url(f"wait-{level}"), proxy=None) as device:
        result = result_of(stream, device=f"wait-{level}", wait=level, timeout="10s")
        assert result["status"] == "delivered" and LEVELS.index(result["reached"]) >= LEVELS.index(level)
        assert result["queued_at"] and (level == "queued" or result[f"{level}_at"] >= result["queued_at"])
        assert "reached" not in result_of(stream, device=f"wait-{level}")
        assert [device.recv(timeout=10 * PATIENCE) for _ in range(2)] == ["x", "x"]


def test_a_push_that_does_not_come_so_far_says_how_far_it_came(gate):
    with open_stream(gate) as stream, connect_device(gate, "mute") as peer:  # answers no pings
        result = result_of(stream, device="mute", wait="ponged", timeout="200ms")
        assert (result["status"], result["reached"]) == ("wait_timeout", "acked")
        assert result["acked_at"] and "ponged_at" not in result
        send(stream, b"x", type="push", id="r", device="mute", wait="ponged", timeout="30s")
        assert [peer.read_frame().opcode for _ in range(3)] == [TEXT, PING, TEXT]  # one ping answers for both
        peer.socket.close()
        assert receive(stream)["status"] == "connection_ended"


def test_a_push_with_an_id_is_sent_once(gate):
    with open_stream(gate) as stream, connect_device(gate, "once") as peer:
        first = result_of(stream, device="once", idempotency_key="k")
        again = result_of(stream, device="once", idempotency_key="k")
        assert again == {**first, "repeated": True, "size": again["size"]}
        assert result_of(stream, b"other", device="once", idempotency_key="k")["status"] == "idempotency_key_reused"
        assert result_of(stream, b"2", device="once", conn=first["conn"])["status"] == "delivered"
        assert result_of(stream, device="once", conn="00000000000000ff")["status"] == "other_connection"
        assert [peer.read_frame().payload for _ in range(2)] == [b"x", b"2"]
        peer.close_normally()


@pytest.mark.parametrize("members, status", [
    ({"ttl": -1}, "bad_ttl"), ({"coalesce_key": "a b"}, "bad_coalesce_key"), ({"idempotency_key": ""}, "bad_idempotency_key"), ({"conn": "a b"}, "bad_if_match"),
    ({"wait": "read"}, "bad_wait"), ({"wait": "sent", "timeout": "5"}, "bad_timeout"), ({"ttl": 0, "coalesce_key": "k"}, "unknown_device"),
])
def test_options_that_are_none(gate, members, status):
    with open_stream(gate) as stream:
        assert result_of(stream, device="nobody", **members)["status"] == status


def test_a_backend_that_gives_no_more_credit_is_cut_and_named():
    with Gate({**UPSTREAM, "events.log": "1MiB", "route.0.handler": "drop"}, warnings_allowed=True) as gate:
        with open_stream(gate) as stream, connect_device(gate, "talker") as peer:
            address = "{}:{}".format(*stream.local_address[:2])
            send(stream, type="credit", bytes=1)
            send(stream, b"fence", type="push", id="f", device="talker")
            assert peer.read_frame().payload == b"fence"
            for _ in range(200):
                peer.send_frame(TEXT, b"x" * 20_000)
            gate.wait_for_log("backend stream ends", level="warning", caller="loopback", remote=address, reason="slow_reader")
            peer.close_normally()


IDS = [7, 0, -7, 2**53, -2**53, "7", "\u00e9\"\\\n\U0001f600", "x" * 128]


@pytest.mark.parametrize("members", [{"device": "nobody"}, {"device": "a/b"}, {"device": "there"}, {"device": "there", "wait": "sent"}])
def test_an_id_comes_back_as_it_was_given(gate, members):
    with open_stream(gate) as stream, connect_device(gate, "there") as peer:
        for number in IDS:
            send(stream, b"x", type="push", id=number, **members)
            result = receive(stream)
            assert result["type"] == "result" and result["id"] == number and type(result["id"]) is type(number)
            if members["device"] == "there":
                peer.read_frame()
        peer.close_normally()


@pytest.mark.parametrize("push_id", ["", "x" * 129, 2**53 + 1, -2**53 - 1, 2.0**53, 2**64, 0.5, True, None, [1], {"a": 1}])
def test_an_id_that_could_not_come_back_is_refused(gate, push_id):
    with open_stream(gate) as stream, pytest.raises(ConnectionClosed) as closed:
        send(stream, b"x", type="push", id=push_id, device="nobody")
        receive(stream)
    said = closed.value.rcvd
    is_text = isinstance(push_id, str)
    assert said.code == 1008
    assert said.reason == ("a push has an id: a text of 1 to 128 bytes, or a whole number" if is_text
                           else "a message begins with a flat JSON object: a type, texts, and whole numbers up to 2^53")


def test_a_push_of_text_that_is_no_utf8(gate):
    with open_stream(gate) as stream:
        send(stream, b"\xff", type="push", id="1", device="x")
        assert receive(stream)["status"] == "invalid_utf8"


@pytest.mark.parametrize("message", [b"", b"{}", b"[1]\n", b'{"type":"other"}\n', b'{"type":"credit"}\n', b'{"type":"credit","bytes":0}\n',
                                     b'{"type":"credit","bytes":-1}\n', b'{"type":"push","device":"a"}\n', b"{\"type\":\"push\"" + b" " * 20000,
                                     b'{"type":"push","type":"credit"}\n'])
def test_messages_that_are_none(gate, message):
    with open_stream(gate) as stream:
        stream.send(message)
        with pytest.raises(ConnectionClosed) as caught:
            stream.recv(timeout=10 * PATIENCE)
        assert caught.value.rcvd.code == 1008


def test_handshakes_that_are_refused(gate):
    assert refused(gate, subprotocols=("other",)) == (400, "subprotocol_missing")
    assert refused(gate, "?type=nothing") == (400, "bad_parameters")
    assert refused(gate, additional_headers={"Last-Event-ID": "x"}) == (400, "bad_event_id")


def test_a_plain_get_is_told_to_upgrade(gate):
    answer = curl(gate.admin_url("/v1/stream"))
    answer.problem(426, "upgrade_required")
    assert answer.fields["upgrade"] == "websocket"


def test_it_resumes(gate):
    with open_stream(gate, "?device=again&type=device.message") as stream, connect_device(gate, "again") as peer:
        send(stream, type="credit", bytes=1 << 20)
        send(stream, b"fence", type="push", id="f", device="again")
        receive(stream)
        peer.read_frame()
        for text in ("one", "two", "three"):
            peer.send_frame(TEXT, text.encode())
        last = receive(stream)["id"]
        with open_stream(gate, "?device=again&type=device.message", additional_headers={"Last-Event-ID": last}) as resumed:
            send(resumed, type="credit", bytes=1 << 20)
            assert [receive(resumed)["payload"] for _ in range(2)] == [b"two", b"three"]
        for _ in range(3):
            peer.read_frame()
        peer.close_normally()


def test_tokens(tmp_path):
    file = tmp_path / "admin.tokens"
    made = {}
    for name, scopes, restriction in (("both", "read,push", []), ("read", "read", []), ("route", "read,push", ["--route", "/ws"]),
                                      ("prefix", "read,push", ["--prefix", "a-"]), ("group", "read,push", ["--group", "g"]), ("admin", "admin", [])):
        done = run_ringgate("token", "admin", "--name", name, "--scopes", scopes, "--append", str(file), *restriction)
        assert done.returncode == 0, done
        made[name] = done.stdout.split()[0]
    with Gate(settings={**UPSTREAM, "admin.tokens": str(file)}) as guarded:
        assert refused(guarded) == (401, "token_missing")
        assert refused(guarded, subprotocols=("ringgate.v1", "ringgate.token.wrong")) == (401, "token_invalid")
        with connect_device(guarded, "a-1") as one, connect_device(guarded, "b-1") as other:
            assert curl(guarded.admin_url("/v1/groups/g/devices/b-1"), "-X", "PUT", "-H", f"Authorization: Bearer {made['admin']}").status == 200
            expected = {"both": ("delivered", "delivered"), "read": ("scope", "scope"), "route": ("delivered", "delivered"),
                        "prefix": ("delivered", "not_covered"), "group": ("not_covered", "delivered")}
            for name, statuses in expected.items():
                with open_stream(guarded, subprotocols=("ringgate.v1", f"ringgate.token.{made[name]}")) as stream:
                    assert stream.subprotocol == "ringgate.v1"
                    for device, status in zip(("a-1", "b-1"), statuses, strict=True):
                        send(stream, b"x", type="push", id=device, device=device)
                        assert receive(stream)["status"] == status, (name, device)
            one.close_normally()
            other.close_normally()


def test_a_drain_closes_it():
    with Gate() as ending, open_stream(ending) as stream:
        ending.signal(15)
        assert receive(stream)["reason"] == "stopping"
        with pytest.raises(ConnectionClosed) as caught:
            stream.recv(timeout=10 * PATIENCE)
        assert caught.value.rcvd.code == 1001
        assert ending.wait() == 0  # a second signal on its way to the end would be a warning
        ending.assert_clean_log()


def test_it_frees_its_place(gate):
    def readers():
        return metric(gate, "ringgate_event_readers")
    before = readers()
    with open_stream(gate) as stream:
        assert readers() == before + 1
        send(stream, type="credit", bytes=1000)
    deadline = time.monotonic() + 10 * PATIENCE
    while readers() != before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stream_that_goes_before_its_answers_leaves_the_gate_alive():
    with Gate(shards=2) as gate:
        peers = [connect_device(gate, f"d{i}") for i in range(8)]
        for _ in range(40):
            stream = open_stream(gate)
            for number in range(200):
                send(stream, b"x", type="push", id=str(number), device=f"d{number % 8}")
            stream.socket.close()
        push = curl(gate.admin_url("/v1/devices/d0/messages?wait=ponged&timeout=1s"), "-H", "Content-Type: text/plain", body=b"alive")
        assert push.status == 504  # nobody reads
        for peer in peers:
            peer.socket.close()


def test_text_that_is_no_utf8_reaches_no_device_by_a_restricted_token(tmp_path):
    file = tmp_path / "admin.tokens"
    done = run_ringgate("token", "admin", "--name", "route", "--scopes", "read,push", "--append", str(file), "--route", "/ws")
    token = done.stdout.split()[0]
    with Gate(settings={"admin.tokens": str(file)}) as gate, connect_device(gate, "d") as peer:
        with open_stream(gate, subprotocols=("ringgate.v1", f"ringgate.token.{token}")) as stream:
            send(stream, b"\xff", type="push", id="1", device="d")
            assert receive(stream)["status"] == "invalid_utf8"
        peer.close_normally()


def test_an_answer_with_upgrade_names_it_in_connection(gate):
    """RFC 9110 section 7.8: a sender of Upgrade MUST also send the connection option `upgrade`, or a proxy passes the field on."""
    with RawPeer(gate.admin_address) as peer:
        answer = peer.request(b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert answer.status == 426 and answer.fields["upgrade"] == "websocket"
    assert "upgrade" in [option.strip().lower() for option in answer.fields["connection"].split(",")], answer.fields["connection"]


def test_a_handshake_that_also_says_close_is_heard(gate):
    """`close` beside `Upgrade` is about what follows the answer (RFC 9112 section 9.6), and that is no HTTP: we said 101, so we read."""
    with RawPeer(gate.admin_address, timeout=1.0) as peer:
        peer.upgrade("/v1/stream", "Sec-WebSocket-Protocol: ringgate.v1", replace={"Host": "127.0.0.1", "Connection": "Upgrade, close"})
        peer.send_frame(PING, b"are you there?")
        frame = peer.read_frame()
        assert frame.opcode == PONG and frame.payload == b"are you there?"


def test_a_line_with_bytes_behind_a_nul_is_no_json(gate):
    """RFC 8259 section 2: no U+0000 outside strings; the JSON library takes it for the end of the text."""
    with open_stream(gate) as stream:
        stream.send(b'{"type":"push","id":"1","device":"nobody"}\0,"device":\n')
        with pytest.raises(ConnectionClosed) as caught:
            stream.recv(timeout=10 * PATIENCE)
        assert caught.value.rcvd.code == 1008
