"""The admin port while the process has no descriptor left: a real EMFILE, by more silent devices than its limit allows."""

import subprocess

import pytest

from support import gate as gates
from support.curl import curl
from support.raw_peer import RawPeer, connect_device

LIMIT = 700  # with three shards: each alone would not reach it


@pytest.fixture(name="limited")
def limited_binary(tmp_path, monkeypatch):
    """A gate that may have few descriptors from its start on: accepts that are armed already keep the limit they were armed with."""
    script = tmp_path / "limited"
    script.write_text(f'#!/bin/sh\nulimit -n {LIMIT}\nexec {gates.BINARY} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(gates, "BINARY", str(script))


def answers(gate):
    """The status of a request on a connection of its own; 0 if none comes within two seconds."""
    command = ["curl", "--silent", "--noproxy", "*", "--max-time", str(2 * gates.PATIENCE), "--output", "/dev/null",
               "--write-out", "%{http_code}", gate.admin_url("/healthz")]
    return int(subprocess.run(command, capture_output=True, text=True, check=False).stdout)


# UndefinedBehaviorSanitizer asks by a pipe whether it may read an object, and takes EMFILE for no.
@pytest.mark.skipif(any(kind in gates.BINARY for kind in ("fuzz", "asan")), reason="the sanitizer's own check needs descriptors")
@pytest.mark.usefixtures("limited")
def test_the_admin_port_answers_while_descriptors_have_run_out():
    settings = {"ring.direct_descriptors": "off", "limits.max_connections": 100, "limits.handshake_timeout": "1m"}
    with gates.Gate(settings, shards=3, warnings_allowed=True) as gate:
        silent = [RawPeer(gate.device_address) for _ in range(LIMIT)]  # more than fit
        assert [answers(gate) for _ in range(20)] == [200] * 20
        for peer in silent:
            peer.reset()
        with connect_device(gate, "late") as peer:
            peer.close_normally()
        assert curl(gate.admin_url("/healthz")).status == 200
