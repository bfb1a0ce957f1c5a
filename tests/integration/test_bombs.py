"""Compressed messages that inflate to far more than they weigh: refused at the first byte over, at the price of the ceiling."""

import os
import pathlib
import threading
import zlib

import pytest

from support.gate import Gate
from support.raw_peer import BINARY, CLOSE, CONTINUATION, PING, connect_device, encode_frame

MIB = 1024 * 1024
CEILING = 16 * MIB
SETTINGS = {"route.0.deflate.mode": "on", "limits.max_message": "16MiB", "limits.inflate_cpu": 100, "limits.ping_interval": "off"}
RSV1 = 4

sanitized = pytest.mark.skipif("release" not in os.environ.get("RINGGATE_BINARY", "release"),
                               reason="a sanitizer's own memory drowns what is measured")


def deflated(data, context=None):
    compressor = context or zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def peak_memory_bytes(gate):
    status = pathlib.Path(f"/proc/{gate.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def compressing_device(gate, device_id):
    peer = connect_device(gate, device_id, "Sec-WebSocket-Extensions: permessage-deflate", timeout=20)
    peer.may_be_compressed = True
    return peer


@sanitized
def test_a_bomb_costs_no_more_memory_than_its_ceiling():
    with Gate(SETTINGS) as gate:
        with compressing_device(gate, "good") as peer:  # what compression needs once is there
            peer.send(encode_frame(BINARY, deflated(bytes(MIB)), rsv=RSV1))
            assert peer.read_frame().opcode == BINARY
        before = peak_memory_bytes(gate)
        bomb = deflated(bytes(CEILING + 1))
        assert CEILING / len(bomb) > 1000
        for round_number in range(5):
            with compressing_device(gate, f"bomber-{round_number}") as peer:
                peer.send(encode_frame(BINARY, bomb, rsv=RSV1))
                peer.expect_close(1009)
        growth = peak_memory_bytes(gate) - before
        print(f"5 bombs of {len(bomb)} bytes, ratio {(CEILING + 1) // len(bomb)}: peak memory grew by {growth} bytes")
        assert growth <= CEILING + 64 * 1024 + len(bomb)


def many(frames, data):
    """The run, and how many messages are in it."""
    return frames * (data // len(frames)), data // len(frames)


@sanitized
@pytest.mark.parametrize("run, messages", [
    many(encode_frame(BINARY, deflated(b"a" * 250), rsv=RSV1), 256 * 1024),  # replies that are not worth compressing
    many(encode_frame(BINARY, b"x") + encode_frame(PING), 512 * 1024),  # replies that cannot be written in place
], ids=["compressed", "plain with pings"])
def test_many_small_replies_in_one_turn_take_memory_in_proportion(run, messages):
    with Gate({"route.0.deflate.mode": "on"}) as gate, compressing_device(gate, "busy") as peer:
        before = peak_memory_bytes(gate)
        sender = threading.Thread(target=peer.send, args=(run,))
        sender.start()
        echoed = 0
        while echoed < messages:
            echoed += peer.read_frame().opcode == BINARY
        sender.join()
        growth = peak_memory_bytes(gate) - before
        print(f"{echoed} replies: peak memory grew by {growth} bytes")
        assert growth < 32 * MIB


def test_a_bomb_in_a_hundred_fragments_is_a_bomb():
    with Gate(SETTINGS) as gate, compressing_device(gate, "bomber") as peer:
        bomb = deflated(bytes(CEILING + 1))
        step = len(bomb) // 99
        pieces = [bomb[at:at + step] for at in range(0, len(bomb), step)]
        for number, piece in enumerate(pieces):
            first, last = number == 0, number == len(pieces) - 1
            peer.send(encode_frame(BINARY if first else CONTINUATION, piece, fin=last, rsv=RSV1 if first else 0))
        peer.expect_close(1009)


def test_a_bomb_after_a_thousand_good_messages_is_a_bomb():
    with Gate({**SETTINGS, "route.0.deflate.context_takeover": "true"}) as gate, compressing_device(gate, "bomber") as peer:
        context = zlib.compressobj(9, zlib.DEFLATED, -15)
        for number in range(1000):
            peer.send(encode_frame(BINARY, deflated(b"message %d" % number, context), rsv=RSV1))
            assert peer.read_frame().opcode == BINARY
        peer.send(encode_frame(BINARY, deflated(bytes(CEILING + 1), context), rsv=RSV1))
        peer.expect_close(1009)


def test_a_device_that_inflates_without_end_is_closed():
    with Gate({**SETTINGS, "limits.inflate_cpu": 5}) as gate, compressing_device(gate, "burner") as peer:
        bomb = deflated(bytes(CEILING))  # each under the ceiling
        for _ in range(100):
            peer.send(encode_frame(BINARY, bomb, rsv=RSV1))
            frame = peer.read_frame()
            if frame.opcode == CLOSE:
                break
        assert frame.opcode == CLOSE and frame.close_code == 1008
