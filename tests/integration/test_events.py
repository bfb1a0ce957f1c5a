"""GET /v1/events: what devices do and say, as Server-Sent Events and as NDJSON."""

import base64
import contextlib
import re
import subprocess
import threading
import time

import pytest

from support.curl import curl, metric
from support.event_reader import EventReader
from support.gate import PATIENCE, Gate, run_ringgate
from support.raw_peer import BINARY, TEXT, RawPeer, close_payload, connect_device

UPSTREAM = {"route.0.upstream": "events"}
ID = re.compile(r"^[0-9a-f]{16}-[0-9]+$")


@pytest.fixture(scope="module")
def gate():
    with Gate(settings=UPSTREAM, shards=2) as running:
        yield running


def wait_until(condition, timeout=10.0):
    deadline = time.monotonic() + timeout * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def readers(gate):
    return metric(gate, "ringgate_event_readers")


def say(peer, *texts):
    for text in texts:
        peer.send_frame(TEXT, text.encode())
    for text in texts:
        assert peer.read_frame().payload == text.encode()


def test_the_life_of_a_device(gate):
    with EventReader(gate, "?device=life") as stream:
        assert stream.status == 200
        assert stream.fields["content-type"] == "text/event-stream"
        assert stream.fields["cache-control"] == "no-store"
        with connect_device(gate, "life") as peer:
            say(peer, "hé \"quoted\"\n\u0001", "two")
            peer.send_frame(BINARY, bytes(range(256)))
            assert peer.read_frame().payload == bytes(range(256))
            peer.close_normally()
        connected, first, second, binary, disconnected = stream.take(5)
        assert stream.retry == "1000"
    assert connected["type"] == "device.connected" and connected["remote"].startswith("127.0.0.1:")
    assert first["type"] == "device.message" and first["text"] == "hé \"quoted\"\n\u0001"
    assert second["text"] == "two"
    assert base64.b64decode(binary["base64"], validate=True) == bytes(range(256))
    assert disconnected["type"] == "device.disconnected"
    assert disconnected["code"] == 1000 and disconnected["ended_by"] == "device"
    assert disconnected["messages_in"] == 3 and disconnected["messages_out"] == 3
    assert disconnected["bytes_in"] > 256 and disconnected["duration_ms"] >= 0
    events = [connected, first, second, binary, disconnected]
    for event in events:
        assert ID.match(event["id"]) and event["device"] == "life" and event["route"] == "/ws"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
        assert event["conn"] == connected["conn"] and event["epoch"] == connected["epoch"]
        assert abs((int(event["epoch"]) >> 16) / 1000 - time.time()) < 60 * PATIENCE
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})


def test_curl_is_all_that_it_takes(gate):
    with subprocess.Popen(["curl", "-sN", "--noproxy", "*", gate.admin_url("/v1/events?prefix=curled")], stdout=subprocess.PIPE, text=True) as curled:
        assert curled.stdout.readline() == "retry: 1000\n"
        with connect_device(gate, "curled-1") as peer:
            say(peer, "hello")
            peer.close_normally()
        lines = [curled.stdout.readline() for _ in range(1 + 4 * 3)]
        curled.kill()
    assert [line for line in lines if line.startswith("event:")] == [
        "event: device.connected\n", "event: device.message\n", "event: device.disconnected\n"]


def test_ndjson(gate):
    with EventReader(gate, "?device=lines", accept="application/x-ndjson") as stream:
        assert stream.fields["content-type"] == "application/x-ndjson"
        with connect_device(gate, "lines") as peer:
            say(peer, "hello")
            peer.close_normally()
        assert [event["type"] for event in stream.take(3)] == ["device.connected", "device.message", "device.disconnected"]


def test_head_opens_no_stream(gate):
    before = readers(gate)
    answer = curl(gate.admin_url("/v1/events"), "--head")
    assert answer.status == 200 and answer.fields["content-type"] == "text/event-stream"
    assert readers(gate) == before


@pytest.mark.parametrize("query, expected", [
    ("?type=device.message", ["one", "two", "three"]), ("?type=device.message&device=fa&device=fb", ["one", "two"]),
    ("?type=device.message&prefix=fa", ["one"]), ("?prefix=f&type=device.message&device=fc", ["three"]),
    ("?type=device.message&route=/ws", ["one", "two", "three"]), ("?type=device.slow", []), ("?group=nobody", []),
    ("?type=device.message&prefix=%66a", ["one"]),
])
def test_filters(gate, query, expected):
    with EventReader(gate, query) as stream, EventReader(gate, "?device=fd") as fence:
        for device, text in (("fa", "one"), ("fb", "two"), ("fc", "three")):
            with connect_device(gate, device) as peer:
                say(peer, text)
                peer.close_normally()
        with connect_device(gate, "fd") as peer:
            fence.take(1)
            peer.close_normally()
        texts = [event["text"] for event in stream.take(len(expected))]
        assert stream.next(timeout=0.05) is None or query == "?type=device.message&route=/ws"
    assert sorted(texts) == sorted(expected)


@pytest.mark.parametrize("query", ["?type=device.nothing", "?devices=a", "?route=/nowhere", "?device=", "?device=%ff",
                                   "?type", "?" + "&".join(f"device={i}" for i in range(65)), "?prefix=" + "x" * 1025])
def test_bad_filters(gate, query):
    curl(gate.admin_url("/v1/events") + query).problem(400, "bad_parameters")


@pytest.mark.parametrize("value", ["x", "0123456789abcdef", "0123456789abcdef-", "0123456789abcdef-01", "0123456789abcdeg-1"])
def test_bad_last_event_id(gate, value):
    curl(gate.admin_url("/v1/events"), "-H", f"Last-Event-ID: {value}").problem(400, "bad_event_id")


@pytest.mark.parametrize("accept", ["application/json", "text/html, image/*", "text/event-stream;q=0, application/x-ndjson; q=0.0"])
def test_not_acceptable(gate, accept):
    curl(gate.admin_url("/v1/events"), "-H", f"Accept: {accept}").problem(406, "not_acceptable")


def test_a_reader_resumes_behind_its_last_event(gate):
    with EventReader(gate, "?device=back") as stream, connect_device(gate, "back") as peer:
        say(peer, "one", "two", "three")
        last = stream.until(lambda event: event.get("text") == "two")[-1]["id"]
        stream.socket.close()
        say(peer, "four")
        with EventReader(gate, "?device=back", last_id=last) as resumed:
            assert [event["text"] for event in resumed.take(2)] == ["three", "four"]
        peer.close_normally()


def test_an_id_of_another_run_is_followed_by_a_gap(gate):
    with EventReader(gate, "?device=nobody", last_id="0000000000000001-7") as stream:
        gap = stream.next()
        assert gap["type"] == "gap" and gap["reason"] == "restarted" and "missed" not in gap


def test_a_replaced_connection(gate):
    with EventReader(gate, "?device=twice") as stream:
        with connect_device(gate, "twice") as older, connect_device(gate, "twice") as newer:
            assert older.read_frame().close_code == 4409
            older.send_frame(0x8, close_payload(4409))
            events = stream.until(lambda event: event["type"] == "device.disconnected")
            newer.close_normally()
    connects = [event for event in events if event["type"] == "device.connected"]
    replaced = next(event for event in events if event["type"] == "device.replaced")
    disconnected = events[-1]
    assert replaced["conn"] == connects[1]["conn"] and replaced["replaced_conn"] == connects[0]["conn"]
    assert disconnected["conn"] == connects[0]["conn"] and disconnected["code"] == 4409 and disconnected["ended_by"] == "gate"
    assert int(connects[0]["epoch"]) < int(connects[1]["epoch"])


def test_order_per_device_with_many(gate):
    """Twenty devices on two shards, each with 200 messages."""
    with EventReader(gate, "?prefix=many-&type=device.message") as stream:
        peers = [connect_device(gate, f"many-{i}") for i in range(20)]
        for number in range(200):
            for peer in peers:
                peer.send_frame(TEXT, str(number).encode())
        events = stream.take(20 * 200)
        for peer in peers:
            for _ in range(200):
                peer.read_frame()
            peer.close_normally()
    last_id = -1
    texts = {}
    for event in events:
        number = int(event["id"].split("-")[1])
        assert number > last_id
        last_id = number
        texts.setdefault(event["device"], []).append(int(event["text"]))
    assert len(texts) == 20 and all(numbers == list(range(200)) for numbers in texts.values())


def test_the_books_balance(gate):
    with connect_device(gate, "books") as peer:
        say(peer, *[str(i) for i in range(50)])
        peer.close_normally()

    def is_balanced():
        offered, dropped, logged = (metric(gate, f"ringgate_events_{name}_total") for name in ("offered", "dropped", "logged"))
        return offered == dropped + logged and offered > 50
    wait_until(is_balanced)
    assert metric(gate, "ringgate_events_dropped_total") == 0


def test_a_reader_that_leaves_frees_its_place(gate):
    with EventReader(gate):
        wait_until(lambda: readers(gate) >= 1)
    wait_until(lambda: readers(gate) == 0)


def test_places_for_readers_are_limited():
    with Gate(settings={"events.readers": "2"}) as small:
        with EventReader(small), EventReader(small):
            refused = curl(small.admin_url("/v1/events"))
            refused.problem(503, "readers_limit")
            assert refused.fields["retry-after"] == "5"
        wait_until(lambda: readers(small) == 0)
        with EventReader(small) as stream:
            assert stream.status == 200


def test_signs_of_life():
    with Gate(settings={"events.heartbeat": "1s"}) as beating, EventReader(beating) as stream:
        deadline = time.monotonic() + 10 * PATIENCE
        while stream.comments < 2:
            assert stream.next(timeout=0.5) is None and time.monotonic() < deadline


def test_a_drain_ends_the_stream_with_a_reason():
    with Gate() as ending, EventReader(ending) as stream:
        ending.signal(15)
        end = stream.until(lambda event: event["type"] == "end")[-1]
        assert end["reason"] == "stopping"
        assert stream.next() is None and stream.is_over and not stream.is_reset
        assert ending.wait() == 0  # a second signal on its way to the end would be a warning
        ending.assert_clean_log()


def test_a_slow_reader_is_cut_with_a_reason():
    """It takes nothing while more is said than the log holds; then it takes all that is left for it."""
    with Gate(settings={**UPSTREAM, "events.log": "1MiB", "limits.send_timeout": "off"}, warnings_allowed=True) as busy:
        with EventReader(busy, receive_buffer_bytes=4096) as stream, EventReader(busy) as quick, connect_device(busy, "talker") as peer:
            count, text = 400, "x" * 20_000
            seen = 0
            for _ in range(count):
                say(peer, text)
                seen += len(quick.until(lambda event: event["type"] == "device.message"))
            assert seen >= count
            busy.wait_for_log("event reader ends", level="warning", caller="loopback", remote=stream.local_address, reason="slow_reader")
            events = stream.until(lambda event: event["type"] == "end")
            assert events[-1]["reason"] == "slow_reader" and len(events) < count
            assert stream.next() is None and stream.is_over
            assert metric(busy, "ringgate_event_readers_cut_total", reason="slow_reader") == 1
            peer.close_normally()


PATIENT = {**UPSTREAM, "route.0.handler": "drop", "route.0.on_overflow": "pause", "events.log": "1MiB", "events.ring": "128KiB",
           "route.0.limits.max_message": "32KiB", "limits.send_timeout": "off"}


def messages_in(gate):
    return metric(gate, "ringgate_messages_received_total", opcode="text")


def talk(peer, count, text):
    for number in range(count):
        peer.send_frame(TEXT, b"%06d" % number + text)


@pytest.mark.parametrize("count, bytes_count", [(600, 20_000), (40_000, 300)], ids=["large", "small"])
def test_a_route_that_pauses_its_devices_loses_nothing(count, bytes_count):
    """Ten times as much as the log holds is said, while the reader takes nothing for a while."""
    with Gate(settings=PATIENT) as patient, EventReader(patient, "?type=device.message", receive_buffer_bytes=65536) as stream:
        with connect_device(patient, "talker") as peer:
            talker = threading.Thread(target=talk, args=(peer, count, b"x" * bytes_count), daemon=True)
            talker.start()
            talker.join(0.5)
            assert messages_in(patient) < count, "the device was read from although nobody took its events"
            events = stream.take(count)
            talker.join(10 * PATIENCE)
            peer.close_normally()
        assert [int(event["text"][:6]) for event in events] == list(range(count))
        assert metric(patient, "ringgate_events_dropped_total") == 0


def test_devices_that_pause_lose_nothing_beside_others_that_do_not():
    """The others fill the ring and the log as fast as they can; their events may be dropped."""
    settings = {**PATIENT, "route.1.path": "/loud", "route.1.handler": "drop", "route.1.upstream": "events",
                "route.1.limits.max_message": "32KiB"}
    count = 2000
    with Gate(settings=settings) as gate, EventReader(gate, "?type=device.message&route=/ws") as stream:
        with contextlib.ExitStack() as stack:
            loud = [stack.enter_context(connect_device(gate, f"loud{i}", path="/loud")) for i in range(3)]
            peer = stack.enter_context(connect_device(gate, "talker"))
            talkers = [threading.Thread(target=talk, args=(each, 4000, b"x" * 5000), daemon=True) for each in loud]
            talkers.append(threading.Thread(target=talk, args=(peer, count, b"y" * 2000), daemon=True))
            for talker in talkers:
                talker.start()
            events = stream.until(lambda event: event["type"] == "device.message", count)
            for talker in talkers:
                talker.join(20 * PATIENCE)
                assert not talker.is_alive()
        assert [int(event["text"][:6]) for event in events if event["type"] == "device.message"] == list(range(count))


def test_a_reader_that_goes_away_holds_nobody_up():
    """It took nothing, so the devices wait for it; once it is gone they are read."""
    count = 600
    with Gate(settings=PATIENT) as gate, connect_device(gate, "talker") as peer:
        with EventReader(gate, "?type=device.message", receive_buffer_bytes=65536):
            talker = threading.Thread(target=talk, args=(peer, count, b"x" * 20_000), daemon=True)
            talker.start()
            talker.join(0.5)
            assert messages_in(gate) < count
        wait_until(lambda: messages_in(gate) == count)
        peer.close_normally()


def test_a_reader_that_takes_nothing_is_reset():
    with Gate(settings={**UPSTREAM, "limits.send_timeout": "1s"}, warnings_allowed=True) as busy:
        with EventReader(busy, receive_buffer_bytes=4096) as stream, connect_device(busy, "talker") as peer:
            for _ in range(300):
                say(peer, "x" * 20_000)
            busy.wait_for_log("event reader ends", level="warning", caller="loopback", remote=stream.local_address, reason="stalled")
            assert metric(busy, "ringgate_event_readers_cut_total", reason="stalled") == 1
            assert stream.status == 200
            peer.close_normally()


def test_what_was_overwritten_is_a_gap_for_whoever_comes_back():
    with Gate(settings={**UPSTREAM, "events.log": "1MiB"}) as busy:
        with EventReader(busy) as stream, connect_device(busy, "talker") as peer:
            say(peer, "first")
            last = stream.until(lambda event: event["type"] == "device.message")[-1]["id"]
            stream.socket.close()
            for _ in range(200):
                say(peer, "x" * 20_000)
            with EventReader(busy, last_id=last) as resumed:
                gap, after = resumed.take(2)
                assert gap["type"] == "gap" and gap["reason"] == "overwritten"
                assert int(after["id"].split("-")[1]) == int(last.split("-")[1]) + 1 + gap["missed"]
            peer.close_normally()


def test_a_route_that_drops_still_speaks_upstream():
    with Gate(settings={**UPSTREAM, "route.0.handler": "drop"}) as silent, EventReader(silent) as stream:
        with connect_device(silent, "a") as peer:
            peer.send_frame(TEXT, b"hello")
            assert stream.until(lambda event: event["type"] == "device.message")[-1]["text"] == "hello"
            peer.close_normally()
            assert silent.process.poll() is None


def test_events_of_routes_without_sinks_are_no_messages():
    with Gate() as plain, EventReader(plain) as stream, connect_device(plain, "a") as peer:
        say(peer, "hello")
        peer.close_normally()
        assert [event["type"] for event in stream.take(2)] == ["device.connected", "device.disconnected"]


def test_a_large_message_is_whole():
    with Gate(settings=UPSTREAM) as large, EventReader(large) as stream, connect_device(large, "a") as peer:
        text = "aé\"\\€😀\n" * 60_000
        say(peer, text)
        assert stream.until(lambda event: event["type"] == "device.message")[-1]["text"] == text
        peer.close_normally()


def test_tokens_see_what_they_are_for(tmp_path):
    file = tmp_path / "admin.tokens"
    made = {}
    for name, scopes, restriction in (("all", "read", []), ("push", "push", []), ("prefix", "read", ["--prefix", "a-"]),
                                      ("route", "read", ["--route", "/ws"]), ("group", "read", ["--group", "north"]),
                                      ("nowhere", "read", ["--route", "/nowhere"])):
        done = run_ringgate("token", "admin", "--name", name, "--scopes", scopes, "--append", str(file), *restriction)
        assert done.returncode == 0, done
        made[name] = done.stdout.split()[0]
    with Gate(settings={**UPSTREAM, "admin.tokens": str(file)}) as guarded:
        url = guarded.admin_url("/v1/events")
        curl(url).problem(401, "token_missing")
        curl(url, "-H", f"Authorization: Bearer {made['push']}").problem(403, "scope")
        curl(url, "-H", f"Authorization: Bearer {made['nowhere']}").problem(403, "not_covered")
        streams = {name: EventReader(guarded, token=made[name]) for name in ("all", "prefix", "route", "group")}
        for device in ("a-1", "b-1"):
            with connect_device(guarded, device) as peer:
                say(peer, device)
                peer.close_normally()
        assert {event["device"] for event in streams["all"].take(6)} == {"a-1", "b-1"}
        assert {event["device"] for event in streams["route"].take(6)} == {"a-1", "b-1"}
        assert {event["device"] for event in streams["prefix"].take(3)} == {"a-1"}
        assert streams["prefix"].next(timeout=0.05) is None
        assert streams["group"].next(timeout=0.05) is None
        for stream in streams.values():
            stream.socket.close()


def test_settings_that_do_not_fit_are_refused():
    done = run_ringgate("check-config", "--set", "route.0.upstream=events", "--set", "events.ring=64KiB")
    assert done.returncode != 0 and "events.ring" in done.stdout + done.stderr


@pytest.mark.parametrize("accept", [None, "application/x-ndjson"])
@pytest.mark.parametrize("more", ["\xff\xfe", "x" * 4000], ids=["no_utf8", "long"])
def test_a_traceparent_of_a_later_version_is_only_what_we_know_of_it(gate, more, accept):
    """Whatever stands behind the flags (W3C Trace Context section 3.2.3 allows it) is the device's bytes: obs-text is no UTF-8, so one device
    makes each reader of the stream fail, again with each resumption. Events are JSON in UTF-8 (RFC 8259 section 8.1)."""
    value = f"01-{'a' * 32}-{'b' * 16}-01"
    device = f"traced-{len(more)}-{accept is None}"
    with EventReader(gate, f"?device={device}", accept=accept) as stream:
        with RawPeer(gate.device_address) as peer:
            peer.upgrade(f"/ws?deviceId={device}", f"traceparent: {value}-{more}")
        event = stream.take(1)[0]  # UnicodeDecodeError: the line is not UTF-8
    assert len(event.get("traceparent", value)) <= 55, event


@pytest.mark.parametrize("query", ["type=device.conected", "typ=device.connected", "route=/nowhere"])
def test_a_filter_that_is_wrong_is_said_to_be(gate, query):
    answer = curl(gate.admin_url(f"/v1/events?{query}"), "-m", "3")
    detail = answer.problem(400, "bad_parameters")["detail"]
    assert query.partition("=")[0] in detail


def raw_head(gate, request):
    """The status line and the fields of the answer to raw bytes, as they stand on the wire."""
    with RawPeer(gate.admin_address) as peer:
        peer.send(request)
        return peer.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")


def test_head_does_not_tell_a_length_that_get_has_not(gate):
    """RFC 9110 section 8.6: no Content-Length in an answer to HEAD but the one that GET would have had; GET streams, so it has none."""
    lines = raw_head(gate, b"HEAD /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert not [line for line in lines if line.lower().startswith("content-length:")], lines


@pytest.mark.parametrize("accept, expected", [
    ("application/*", "application/x-ndjson"),  # RFC 9110 section 12.5.1: a range that covers one of ours
    ("text/event-stream;q=0, */*", "application/x-ndjson"),  # the most specific range rules
    ('application/json;p="a,application/x-ndjson,b", text/event-stream', "text/event-stream"),  # a comma in a quoted string
    ("text/event-stream, application/x-ndjson;q=0.1", "text/event-stream"),  # weights are preferences
])
def test_what_a_reader_accepts_is_what_it_gets(gate, accept, expected):
    lines = raw_head(gate, b"HEAD /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: " + accept.encode() + b"\r\n\r\n")
    assert lines[0] == "HTTP/1.1 200 OK", lines[0]
    assert f"Content-Type: {expected}" in lines
