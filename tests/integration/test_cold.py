"""Cold devices, whose next bytes a poll awaits: on the real ring, with everything on and with what a poll stands beside masked."""

import time

import pytest

from support.curl import curl, metric
from support.gate import PATIENCE, Gate
from support.raw_peer import TEXT, connect_device

RINGS = {"all features": {}, "one receive at a time": {"ring.multishot_recv": "off"},
         "process descriptors": {"ring.direct_descriptors": "off"},
         "neither": {"ring.multishot_recv": "off", "ring.direct_descriptors": "off"}}


def cold_count(gate):
    return metric(gate, "ringgate_connections_cold")


def wait_for_cold(gate, count):
    deadline = time.monotonic() + 10 * PATIENCE
    while cold_count(gate) != count:
        assert time.monotonic() < deadline, f"{cold_count(gate)} are cold, not {count}"
        time.sleep(0.02)


@pytest.mark.parametrize("ring", RINGS.values(), ids=RINGS)
def test_cold_devices_echo_are_pushed_to_and_end(ring):
    with Gate({"ring.cold_after": "100ms", **ring}) as gate:
        peer = connect_device(gate, "speaks")
        for round_number in range(3):
            wait_for_cold(gate, 1)
            peer.send_frame(TEXT, b"hello %d" % round_number)
            assert peer.read_frame().payload == b"hello %d" % round_number
        wait_for_cold(gate, 1)
        url = f"http://{gate.admin}/v1/devices/speaks/messages"
        assert curl(url, "-H", "Content-Type: text/plain", body=b"pushed").status == 200
        assert peer.read_frame().payload == b"pushed"

        finishes = connect_device(gate, "finishes")
        vanishes = connect_device(gate, "vanishes")
        wait_for_cold(gate, 3)
        finishes.socket.close()
        vanishes.reset()
        for device_id in ("finishes", "vanishes"):
            gate.wait_for_log("device disconnected", device_id=device_id)
        wait_for_cold(gate, 1)
        peer.close_normally()
        wait_for_cold(gate, 0)
