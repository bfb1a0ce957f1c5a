"""Large pushes that leave without a copy: to a device whose address is not on loopback, though it is on this machine."""

import socket

import pytest

from support.curl import curl, metric
from support.gate import Gate
from support.raw_peer import BINARY, connect_device

LARGE = 200_000


def own_address():
    """An IPv4 address of this machine outside 127.0.0.0/8; None if it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def uncopied(gate):
    return metric(gate, "ringgate_zero_copy_sends_total")


def push(gate, device_id, payload):
    url = f"http://{gate.admin}/v1/devices/{device_id}/messages"
    return curl(url, "-H", "Content-Type: application/octet-stream", body=payload).status


@pytest.mark.parametrize("direct", ["auto", "off"])
def test_large_pushes_to_other_addresses_go_uncopied_and_arrive_whole(direct):
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address outside loopback")
    settings = {"ring.direct_descriptors": direct}
    with Gate(settings, listen=f"{address}:0") as gate:
        features = next(record for record in gate.records if record["msg"] == "ring features")
        if "zero_copy_sends" in features["without"]:
            pytest.skip("this kernel has no zero-copy sends")
        peer = connect_device(gate, "far")
        for number in range(40):
            size = LARGE if number % 2 == 0 else 100
            payload = bytes((number + i) % 251 for i in range(size))
            assert push(gate, "far", payload) == 200
            frame = peer.read_frame()
            assert (frame.opcode, frame.payload) == (BINARY, payload)
        peer.close_normally()
        assert uncopied(gate) >= 20


    with Gate(settings) as gate:
        peer = connect_device(gate, "near")
        assert push(gate, "near", bytes(LARGE)) == 200
        assert peer.read_frame().payload == bytes(LARGE)
        peer.close_normally()
        assert uncopied(gate) == 0
