"""Deadlines on the real clock, set short: who is silent, slow or idle is ended, in time and with the right code."""

import time

import pytest

from support.curl import curl, push
from support.gate import PATIENCE, SLOWNESS, Gate
from support.raw_peer import CLOSE, PING, PONG, TEXT, RawPeer, close_payload, connect_device, upgrade_request

LATE = 0.4 * SLOWNESS  # seconds a deadline may be late: timer ticks and a busy machine


def seconds_until_end(peer, wanted):
    """Reads until the gate ends the stream, which must be `wanted` seconds from now; returns what was read."""
    started, data = time.monotonic(), peer.held
    peer.socket.settimeout(wanted + 5 * PATIENCE)
    try:
        while more := peer.socket.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    seconds = time.monotonic() - started
    assert wanted - 0.1 <= seconds <= wanted + LATE, f"ended after {seconds:.2f} s instead of {wanted} s"
    return data


@pytest.fixture(scope="module")
def hasty():
    with Gate({"limits.handshake_timeout": "600ms"}, shards=2) as gate:
        yield gate


@pytest.mark.parametrize("data", [b"", upgrade_request("/ws?deviceId=a")[:-1], b"GET /ws"])
def test_handshake_that_stops(hasty, data):
    with RawPeer(hasty.device_address) as peer:
        peer.send(data)
        answer = seconds_until_end(peer, 0.6)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 "), answer


def test_handshake_that_trickles(hasty):
    """The deadline is for the whole handshake: a byte now and then does not move it."""
    with RawPeer(hasty.device_address) as peer:
        seconds = peer.trickle(upgrade_request("/ws?deviceId=a"), 0.05)
        assert 0.5 <= seconds <= 0.6 + LATE
        assert peer.read_response().status == 408


def test_admin_request_that_trickles(hasty):
    with RawPeer(hasty.admin_address) as peer:
        assert peer.request(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
        seconds = peer.trickle(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200, 0.05)
        assert 0.5 <= seconds <= 0.6 + LATE
        assert peer.read_response().status == 408


def test_slow_handshakes_do_not_disturb_others(hasty):
    slow = [RawPeer(hasty.device_address) for _ in range(200)]
    for peer in slow:
        peer.send(b"GET /ws?deviceId=a HTTP/1.1\r\nHost: gate")
    with connect_device(hasty, "brisk") as peer:
        for _ in range(100):
            started = time.monotonic()
            peer.send_frame(TEXT, b"x")
            peer.read_frame()
            assert time.monotonic() - started < 0.25 * SLOWNESS
        peer.close_normally()
    for peer in slow:
        peer.socket.close()


def test_device_that_answers_no_ping():
    settings = {"limits.ping_interval": "300ms", "limits.pong_timeout": "300ms", "limits.close_timeout": "300ms"}
    with Gate(settings) as gate, connect_device(gate, "mute") as peer:
        started = time.monotonic()
        assert peer.read_frame().opcode == PING
        frame = peer.read_frame()
        seconds = time.monotonic() - started
        assert (frame.opcode, frame.close_code) == (CLOSE, 4408), frame
        assert 0.5 <= seconds <= 0.6 + LATE
        assert gate.wait_for_log("device disconnected", device_id="mute")["code"] == 4408


def test_device_that_answers_pings_lives_on():
    settings = {"limits.ping_interval": "200ms", "limits.pong_timeout": "200ms"}
    with Gate(settings) as gate, connect_device(gate, "alive") as peer:
        for _ in range(6):
            ping = peer.read_frame()
            assert ping.opcode == PING
            peer.send_frame(PONG, ping.payload)
        peer.close_normally()


def test_idle_device():
    settings = {"limits.idle_timeout": "600ms", "limits.ping_interval": "200ms", "limits.pong_timeout": "200ms"}
    with Gate(settings) as gate, connect_device(gate, "idle") as peer:
        peer.send_frame(TEXT, b"x")
        started = time.monotonic()
        frame = peer.read_frame()
        while frame.opcode != CLOSE:  # pings and pongs are no data: they do not keep an idle device
            if frame.opcode == PING:
                peer.send_frame(PONG, frame.payload)
            frame = peer.read_frame()
        assert frame.close_code == 4408 and frame.payload[2:] == b"idle"
        assert 0.5 <= time.monotonic() - started <= 0.6 + LATE


def test_device_that_does_not_read():
    settings = {"limits.send_timeout": "500ms", "limits.close_timeout": "300ms", "limits.send_queue": "64KiB",
                "limits.ping_interval": "off"}
    with Gate(settings) as gate, connect_device(gate, "slow", receive_buffer_bytes=4096):
        statuses = [200]
        while statuses[-1] == 200 and len(statuses) < 400:
            statuses.append(push(gate, "slow", b"x" * 60_000).status)
        assert statuses[-1] in (404, 429), statuses
        line = gate.wait_for_log("device disconnected", device_id="slow", timeout=3.0)
        assert line["code"] == 4430
        push(gate, "slow", b"x").problem(404, "unknown_device")


def test_peer_that_never_closes_tcp():
    with Gate({"limits.close_timeout": "500ms"}) as gate, connect_device(gate, "lingering") as peer:
        assert curl(gate.admin_url("/v1/devices/lingering"), "-X", "DELETE").status == 204
        peer.expect_close(4000)
        seconds_until_end(peer, 0.5)


def test_peer_that_sends_close_is_closed_at_once():
    with Gate() as gate, connect_device(gate, "leaving") as peer:
        peer.send_frame(CLOSE, close_payload(1000))
        peer.expect_close(1000)
        assert peer.expect_end() < 1.0 * SLOWNESS
