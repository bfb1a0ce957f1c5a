"""The admin port while the process has no descriptor left: a real EMFILE, by a limit that is lowered under a running gate."""

import resource

import pytest

from support.curl import curl
from support.gate import Gate
from support.raw_peer import RawPeer, connect_device


def open_descriptors(gate):
    lines = curl(gate.admin_url("/metrics")).body.decode().splitlines()
    return int(float(next(line for line in lines if line.startswith("process_open_fds ")).split()[1]))


@pytest.mark.parametrize("shards", [1, 2])
def test_the_admin_port_answers_while_descriptors_have_run_out(shards):
    with Gate({"ring.direct_descriptors": "off"}, shards=shards, warnings_allowed=True) as gate:
        before = resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE)
        limit = open_descriptors(gate) + 4
        resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        waiting = [RawPeer(gate.device_address) for _ in range(20)]  # more than fit; none says a word
        for _ in range(10):
            assert curl(gate.admin_url("/healthz")).status == 200
        resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, before)
        for peer in waiting:
            peer.reset()
        with connect_device(gate, "late") as peer:
            peer.close_normally()
        assert curl(gate.admin_url("/healthz")).status == 200
