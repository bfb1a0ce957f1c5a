"""Limits on sources, ids and rates, on the real clock: each with its answer, its log line and its metric."""

import hashlib
import json
import os
import signal
import socket
import ssl
import time
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.certificates import Root
from support.curl import curl
from support.gate import PATIENCE, SLOWNESS, Gate
from support.raw_peer import CLOSE, TEXT, RawPeer, connect_device, encode_frame, upgrade_request


def metric(gate, series):
    body = curl(gate.admin_url("/metrics")).body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in body.splitlines() if line.startswith(f"ringgate_{series}"))


def ask(gate, device_id, source=None):
    """One opening handshake; the peer stays connected if it was accepted."""
    peer = RawPeer(gate.device_address, source=source)
    return peer, peer.request(upgrade_request(f"/ws?deviceId={device_id}"))


def expect_refused(gate, device_id, status, reason, seconds=None, source=None):
    peer, response = ask(gate, device_id, source)
    with peer:
        assert response.status == status, response
        assert json.loads(response.body)["reason"] == reason
        after = int(response.fields["retry-after"])
        if seconds is not None:
            assert seconds - 2 * SLOWNESS <= after <= seconds, response.fields
        peer.expect_end()
    return after


def test_a_source_has_no_more_connections_than_it_may():
    with Gate({"limits.connections_per_prefix": 2}, shards=2) as gate:
        first, second = connect_device(gate, "a"), connect_device(gate, "b")
        expect_refused(gate, "c", 429, "source_limit")
        elsewhere, response = ask(gate, "c", source="127.0.0.2")
        assert response.status == 101
        first.close_normally()
        deadline = time.monotonic() + 5 * PATIENCE
        while (answer := ask(gate, "d"))[1].status == 429:
            answer[0].socket.close()
            assert time.monotonic() < deadline, "the place was not given back"
        assert metric(gate, 'handshakes_refused_total{reason="source_limit"}') >= 1
        for peer in (second, elsewhere, answer[0]):
            peer.socket.close()


def test_a_source_makes_no_more_handshakes_than_it_may():
    with Gate({"limits.handshakes_per_prefix": 3}) as gate:
        for number in range(3):
            peer, response = ask(gate, f"a{number}")
            assert response.status == 101
            peer.close_normally()
        expect_refused(gate, "b", 429, "handshake_rate", seconds=20)
        peer, response = ask(gate, "b", source="127.0.0.2")
        assert response.status == 101
        peer.close_normally()


def test_the_gate_takes_no_more_handshakes_than_it_may():
    with Gate({"limits.accept_rate": 1}, shards=2) as gate:
        peers = []
        statuses = []
        for number in range(6):
            peer, response = ask(gate, f"a{number}")
            peers.append(peer)
            statuses.append(response.status)
            if response.status != 101:
                assert response.status == 503 and response.fields["retry-after"] == "1"
        assert statuses[0] == 101 and 503 in statuses
        for peer in peers:
            peer.socket.close()
        time.sleep(1.1)  # the pace itself is what is tested
        peer, response = ask(gate, "later")
        assert response.status == 101
        peer.close_normally()


def test_a_device_that_connects_too_often_is_banned():
    """The default: more than 15 times a minute. Others at its address are served, and who has the id keeps it."""
    with Gate({"limits.flap_connects": None}, shards=2, warnings_allowed=True) as gate:
        for _ in range(14):
            with connect(gate.device_url("a")) as client:
                client.send("x")
                assert client.recv() == "x"
        with connect(gate.device_url("a")) as owner:
            for _ in range(3):
                expect_refused(gate, "a", 429, "flapping", seconds=300)
                owner.send("still here")
                assert owner.recv() == "still here"
            with connect(gate.device_url("b")) as other:
                other.send("x")
                assert other.recv() == "x"
        warning = gate.wait_for_log("device connects too often", device_id="a")
        assert warning["banned_s"] == 300 and warning["level"] == "warning"
        assert metric(gate, "flap_bans_total") == 1
        assert metric(gate, 'handshakes_refused_total{reason="flapping"}') == 3


def test_a_ban_ends():
    with Gate({"limits.flap_connects": 1, "limits.flap_ban": "1s"}, warnings_allowed=True) as gate:
        connect_device(gate, "a").close_normally()
        assert expect_refused(gate, "a", 429, "flapping") == 1
        deadline = time.monotonic() + 5 * PATIENCE
        while (answer := ask(gate, "a"))[1].status == 429:
            answer[0].socket.close()
            assert time.monotonic() < deadline
        answer[0].close_normally()


def test_messages_beyond_the_rate_wait():
    """Real clients notice nothing but the pace: all comes back, in order."""
    with Gate({"limits.message_rate": 50, "limits.rate_burst": "100ms"}) as gate:
        with connect(gate.device_url("a")) as client:
            started = time.monotonic()
            for number in range(105):
                client.send(str(number))
            assert [client.recv(timeout=10 * PATIENCE) for _ in range(105)] == [str(number) for number in range(105)]
            seconds = time.monotonic() - started
        assert seconds >= 1.95, f"105 messages in {seconds:.2f} s at 50 a second"
        assert seconds <= 2.6 + 2 * SLOWNESS
        assert metric(gate, 'rate_limited_total{policy="pause"}') >= 1


def test_a_device_beyond_its_rate_is_closed_if_set_to():
    with Gate({"limits.message_rate": 10, "limits.rate_policy": "close"}) as gate:
        with connect(gate.device_url("a")) as client, pytest.raises(ConnectionClosed) as ended:
            for _ in range(100):
                client.send("x")
            while True:
                client.recv(timeout=5 * PATIENCE)
        assert ended.value.rcvd.code == 4429 and ended.value.rcvd.reason == "too many messages"
        line = gate.wait_for_log("device disconnected", device_id="a")
        assert line["code"] == 4429
        assert metric(gate, 'rate_limited_total{policy="close"}') == 1


def test_bytes_beyond_the_rate_wait():
    with Gate({"limits.byte_rate": "64KiB"}) as gate:
        with connect(gate.device_url("a")) as client:
            started = time.monotonic()
            for _ in range(12):
                client.send(b"x" * 16_000)
            for _ in range(12):
                assert len(client.recv(timeout=20 * PATIENCE)) == 16_000
            client.send("after the debt")
            assert client.recv(timeout=20 * PATIENCE) == "after the debt"
            seconds = time.monotonic() - started
        assert seconds >= 1.85, f"192 KB in {seconds:.2f} s at 64 KiB a second"


def test_a_connection_ends_with_its_lifetime():
    with Gate({"route.0.max_lifetime": "2s"}) as gate:
        with connect(gate.device_url("a")) as client, pytest.raises(ConnectionClosed) as ended:
            started = time.monotonic()
            client.recv(timeout=10 * PATIENCE)
        assert ended.value.rcvd.code == 4440
        assert 1.7 <= time.monotonic() - started <= 2.3 + SLOWNESS
        assert metric(gate, "lifetimes_ended_total") == 1


def test_limits_are_read_again(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text("[limits]\nflap_connects = 'off'\n")
    with Gate({"limits.flap_connects": None}, arguments=["-c", str(file)], warnings_allowed=True) as gate:
        for _ in range(20):
            connect_device(gate, "a").close_normally()
        file.write_text("[limits]\nflap_connects = 1\nmessage_rate = 5\nrate_policy = 'close'\nconnections_per_prefix = 1\n")
        gate.signal(signal.SIGHUP)
        gate.wait_for_log("reloaded")
        with connect_device(gate, "b") as peer:
            expect_refused(gate, "c", 429, "source_limit")
            peer.send(b"".join(encode_frame(TEXT, b"x") for _ in range(6)))
            frames = [peer.read_frame() for _ in range(6)]
            assert [frame.opcode for frame in frames] == [TEXT] * 5 + [CLOSE] and frames[5].close_code == 4429
            peer.expect_end()
        expect_refused(gate, "b", 429, "flapping", source="127.0.0.2")


# -- TLS

def shake_hands(address, context, source="127.0.0.1", first=b""):
    """A TLS connection, or None if it was reset."""
    plain = socket.create_connection(address, timeout=5 * PATIENCE, source_address=(source, 0))
    try:
        plain.sendall(first)
        return context.wrap_socket(plain, server_hostname="localhost")
    except (ConnectionError, ssl.SSLEOFError):
        plain.close()
        return None


def tls_metric(gate, context, result):
    with urllib.request.urlopen(gate.admin_url("/metrics"), context=context) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("ringgate_tls_handshakes_total") and f'result="{result}"' in line:
                return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no TLS handshakes with {result}")


@pytest.fixture(name="secure", scope="module")
def certificate_and_trust(tmp_path_factory):
    root = Root(tmp_path_factory.mktemp("root"))
    return root.issue("gate"), ssl.create_default_context(cafile=root.file)


def test_a_source_begins_no_more_tls_handshakes_than_it_may(secure):
    certificate, trust = secure
    with Gate({"limits.handshakes_per_prefix": 4}, shards=2, tls=certificate) as gate:
        peers = [shake_hands(gate.device_address, trust) for _ in range(12)]
        assert [peer is not None for peer in peers] == [True] * 4 + [False] * 8
        refused = gate.wait_for_log("TLS handshake refused", reason="handshake_rate")
        assert refused["remote"].startswith("127.0.0.1:") and refused["level"] == "info"
        assert len([record for record in gate.records if record["msg"] == "TLS handshake refused"]) >= 5
        assert shake_hands(gate.device_address, trust, "127.0.0.2") is not None, "another source"
        # The request is not counted again: all four may still become devices.
        for number, peer in enumerate(peers[:4]):
            peer.sendall(upgrade_request(f"/ws?deviceId=a{number}"))
            assert peer.recv(1000).startswith(b"HTTP/1.1 101 ")
        assert tls_metric(gate, trust, "limited") == 8
        assert tls_metric(gate, trust, "established") >= 5  # and those of this test's own questions


def test_log_lines_about_refused_tls_handshakes_are_few(secure):
    certificate, trust = secure
    with Gate({"limits.handshakes_per_prefix": 1}, tls=certificate) as gate:
        assert shake_hands(gate.device_address, trust) is not None
        began = time.monotonic()
        for _ in range(60):
            assert shake_hands(gate.device_address, trust) is None
        seconds = time.monotonic() - began
        assert tls_metric(gate, trust, "limited") == 60
        lines = [record for record in gate.records if record["msg"] == "TLS handshake refused"]
        assert 5 <= len(lines) <= 5 * (int(seconds) + 2), (len(lines), seconds)


def test_behind_a_proxy_header_tls_handshakes_count_for_the_client(secure):
    certificate, trust = secure
    settings = {"limits.handshakes_per_prefix": 2, "listener.0.trusted_proxies": "127.0.0.1", "listener.0.proxy_protocol": "v1"}
    with Gate(settings, shards=2, tls=certificate) as gate:
        for client, expected in (("192.0.2.1", [True, True, False]), ("192.0.2.2", [True, True, False])):
            header = f"PROXY TCP4 {client} 127.0.0.1 1000 443\r\n".encode()
            assert [shake_hands(gate.device_address, trust, first=header) is not None for _ in range(3)] == expected
            assert gate.wait_for_log("TLS handshake refused")["remote"] == f"{client}:1000"


def test_a_trusted_proxy_that_speaks_tls_is_judged_by_its_requests(secure):
    certificate, trust = secure
    settings = {"limits.handshakes_per_prefix": 2, "listener.0.trusted_proxies": "127.0.0.1"}
    with Gate(settings, shards=2, tls=certificate) as gate:
        def answer_to(client, device_id):
            with shake_hands(gate.device_address, trust) as peer:
                peer.sendall(upgrade_request(f"/ws?deviceId={device_id}", f"X-Forwarded-For: {client}"))
                return peer.recv(1000)[9:12]

        for client in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
            assert [answer_to(client, f"d{number}") for number in range(3)] == [b"101", b"101", b"429"]
        # From elsewhere the field is not believed, and the handshake counts for its own address.
        assert [shake_hands(gate.device_address, trust, "127.0.0.2") is not None for _ in range(3)] == [True, True, False]


def test_what_a_refused_tls_handshake_costs(secure):
    """Beside those of sources that may: the refusal comes before OpenSSL, so the gate's own time shows it."""
    certificate, trust = secure

    def seconds_of(gate, source, count):
        def used():
            fields = open(f"/proc/{gate.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        before = used()
        for _ in range(count):
            if (peer := shake_hands(gate.device_address, trust, source)) is not None:
                peer.close()
        return used() - before

    with Gate({"limits.handshakes_per_prefix": 1}, tls=certificate) as gate:
        assert shake_hands(gate.device_address, trust, "127.0.0.9") is not None
        refused = seconds_of(gate, "127.0.0.9", 2000)
        assert tls_metric(gate, trust, "limited") == 2000
    with Gate(tls=certificate) as gate:
        full = seconds_of(gate, "127.0.0.9", 2000)
    print(f"core time of 2000 handshakes: {full:.2f} s, refused {refused:.2f} s")
    assert refused < full / 2


# -- Over all shards

def test_wrong_credentials_are_counted_for_the_gate_not_for_a_shard(tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"sha256:{hashlib.sha256(b'good').hexdigest()} group=all name=a\n")
    file.chmod(0o600)
    settings = {"limits.auth_failures": 8, "auth.token.tokens": str(file), "route.0.path": "/ws", "route.0.auth": "token"}
    with Gate(settings, shards=4) as gate:
        statuses = []
        for number in range(40):
            with RawPeer(gate.device_address) as peer:
                statuses.append(peer.request(upgrade_request(f"/ws?deviceId=a{number}", "Authorization: Bearer wrong")).status)
        assert statuses == [401] * 8 + [429] * 32


def test_peers_of_unix_sockets_are_no_source(tmp_path):
    with Gate({"limits.connections_per_prefix": 1, "limits.handshakes_per_prefix": 1}, listen=f"unix:{tmp_path}/devices.sock") as gate:
        peers = [RawPeer(gate.device_address) for _ in range(4)]
        assert [peer.request(upgrade_request(f"/ws?deviceId=a{number}")).status for number, peer in enumerate(peers)] == [101] * 4
        for peer in peers:
            peer.close_normally()
