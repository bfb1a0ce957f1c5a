"""A gate that is stopped (SIGSTOP) just after its pings went out, and continued when the deadlines have passed: nobody is blamed."""

import select
import signal
import time

from support.gate import PATIENCE, Gate
from support.raw_peer import PING, PONG, TEXT, RawPeer, connect_device, upgrade_request

DEVICES = 150  # an enter brings some twenty completions


def answer_until_text(peer):
    """The next text; pings before it are answered."""
    while (frame := peer.read_frame()).opcode == PING:
        peer.send_frame(PONG, frame.payload)
    assert frame.opcode == TEXT, frame
    return frame.payload


def echo_all(peers, text):
    for peer in peers:
        peer.send_frame(TEXT, text)
    for peer in peers:
        assert answer_until_text(peer) == text


def wait_readable(peers, timeout=10.0):
    """Until each of them has something to read."""
    waiting = {peer.socket for peer in peers if not peer.held}
    deadline = time.monotonic() + timeout * PATIENCE
    while waiting and time.monotonic() < deadline:
        waiting.difference_update(select.select(list(waiting), [], [], 0.1)[0])
    assert not waiting, f"{len(waiting)} of {len(peers)} got nothing"


def test_devices_that_answered_while_the_gate_was_stopped_are_kept():
    settings = {"limits.ping_interval": "2s", "limits.pong_timeout": "2s", "limits.handshake_timeout": "2s", "ring.cold_after": "1s"}
    with Gate(settings) as gate:
        devices = [connect_device(gate, f"device{number}") for number in range(DEVICES)]
        echo_all(devices, b"from now on silent together")
        wait_readable(devices)  # their pings
        heads = [RawPeer(gate.device_address) for _ in range(DEVICES // 3)]
        requests = [upgrade_request(f"/ws?deviceId=head{number}") for number in range(len(heads))]
        for peer, text in zip(heads, requests):
            peer.send(text[:20])
        echo = connect_device(gate, "witness")  # the gate has read what came before
        gate.signal(signal.SIGSTOP)
        for peer, text in zip(heads, requests):
            peer.send(text[20:])
        for peer in devices:
            frame = peer.read_frame()
            assert frame.opcode == PING, frame
            peer.send_frame(PONG, frame.payload)
        time.sleep(2.5)  # what the test is about: deadlines pass while the gate is stopped
        gate.signal(signal.SIGCONT)
        for peer in heads:
            assert peer.read_response().status == 101
        echo_all([*devices, echo], b"still there?")
        for peer in [*devices, *heads, echo]:
            peer.socket.close()
