"""The quality of devices' links: with real sockets, over TLS and a Unix socket, without features of the ring; with a device whose kernel drops
what it is sent, so that the gate's kernel sends again; and with a gate that may open no descriptor more."""

import contextlib
import ctypes
import os
import resource
import socket
import ssl
import time

import pytest
from test_unix_sockets import RINGS, UnixGate
from websockets.sync.client import connect, unix_connect

from support.certificates import Root
from support.curl import curl, metric
from support.gate import PATIENCE, Gate
from support.raw_peer import connect_device

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # asm-generic/socket.h
MEMBERS = {"rtt_us", "rttvar_us", "min_rtt_us", "retransmits", "retransmitted_bytes", "lost", "unacked", "unsent_bytes", "delivery_rate", "cwnd", "mss"}


def device_of(gate, device_id, link="true"):
    return curl(gate.admin_url(f"/v1/devices/{device_id}?link={link}")).json


def push(gate, device_id, payload):
    assert curl(gate.admin_url(f"/v1/devices/{device_id}/messages"), "-H", "Content-Type: text/plain", body=payload).status == 200


def eventually(is_so):
    deadline = time.monotonic() + 10 * PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextlib.contextmanager
def deaf(peer):
    """The peer's kernel drops all that arrives, as a network does that has failed: a filter that keeps no byte of any packet."""
    keep_nothing = (ctypes.c_uint16 * 4)(0x06, 0, 0, 0)  # struct sock_filter: BPF_RET | BPF_K, 0
    program = (ctypes.c_uint64 * 2)(1, ctypes.addressof(keep_nothing))  # struct sock_fprog
    peer.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
    try:
        yield
    finally:
        peer.socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


@pytest.mark.parametrize("ring", RINGS)
def test_the_link_of_a_device_is_told_on_demand(ring):
    with Gate(RINGS[ring], shards=2) as gate, connect(gate.device_url("d")) as client:
        client.send("hello")
        assert client.recv() == "hello"
        for _ in range(20):  # on either shard
            link = device_of(gate, "d")["link"]
            assert set(link) == MEMBERS
            assert 0 < link["rtt_us"] < 10_000_000
            assert link["cwnd"] > 0 and link["mss"] >= 500
            assert link["retransmits"] == link["unsent_bytes"] == 0
        assert "link" not in curl(gate.admin_url("/v1/devices/d")).json
        assert "link" not in device_of(gate, "d", "false")
        for query in ("link=yes", "link=", "link=true&link=false"):
            curl(gate.admin_url(f"/v1/devices/d?{query}")).problem(400, "bad_parameters")
        curl(gate.admin_url("/v1/devices/nobody?link=true")).problem(404, "unknown_device")
        assert metric(gate, "ringgate_link_readings_total", result="read") == 20
        assert metric(gate, "ringgate_link_readings_total", result="failed") == 0


def test_what_is_sent_again_is_counted_and_ranks_the_device():
    with Gate(shards=2) as gate, contextlib.ExitStack() as stack:
        for number in range(40):
            stack.enter_context(connect(gate.device_url(f"well-{number}")))
        peer = stack.enter_context(connect_device(gate, "poor"))
        assert curl(gate.admin_url("/v1/devices?sort=retransmits")).json == {"matched": 41, "read": 41, "devices": []}
        with deaf(peer):
            push(gate, "poor", b"x" * 2000)
            eventually(lambda: device_of(gate, "poor")["link"]["retransmits"] > 1)
            link = device_of(gate, "poor")["link"]
            assert link["retransmitted_bytes"] > 0 and link["unacked"] > 0
            ranking = curl(gate.admin_url("/v1/devices?sort=retransmits")).json
            assert (ranking["matched"], ranking["read"]) == (41, 41)
            assert [one["device_id"] for one in ranking["devices"]] == ["poor"]
            assert ranking["devices"][0]["link"]["retransmits"] >= link["retransmits"]
            assert curl(gate.admin_url("/v1/devices?sort=retransmits&prefix=well-")).json == {"matched": 40, "read": 40, "devices": []}
        assert peer.read_frame().payload == b"x" * 2000


def test_over_tls_the_link_is_told_too(tmp_path):
    root = Root(tmp_path)
    certificate = root.issue("gate")
    with Gate({"listener.0.tls.cert": certificate.certificate, "listener.0.tls.key": certificate.key}) as gate:
        context = ssl.create_default_context(cafile=root.file)
        with connect(f"wss://localhost:{gate.devices.rpartition(':')[2]}/ws?deviceId=t", ssl=context):
            assert device_of(gate, "t")["link"]["rtt_us"] > 0


@pytest.mark.parametrize("ring", RINGS)
def test_on_a_unix_socket_there_is_no_link(tmp_path, ring):
    with UnixGate(tmp_path, RINGS[ring]) as gate, unix_connect(gate.device_address, "ws://gate/ws?deviceId=u"):
        device = gate.ask("/v1/devices/u?link=true").json
        assert device["link"] is None and device["link_reason"] == "unix_socket"
        assert gate.ask("/v1/devices?sort=retransmits").json == {"matched": 1, "read": 0, "devices": []}


def test_without_a_descriptor_to_be_had_the_reason_is_told_and_none_is_lost():
    with Gate() as gate, connect(gate.device_url("d")) as client:
        folder = f"/proc/{gate.process.pid}/fd"
        device_of(gate, "d")
        before = set(os.listdir(folder))
        limits = resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE)
        lowest_free = next(number for number in range(len(before) + 1) if str(number) not in before)
        resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
        device = device_of(gate, "d")
        if device["link"] is None:  # else the ring has no direct descriptors here, and needs none
            assert device["link_reason"] == "no_descriptors"
            assert curl(gate.admin_url("/v1/devices?sort=retransmits")).json == {"matched": 1, "read": 0, "devices": []}
        resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, limits)
        assert device_of(gate, "d")["link"]["rtt_us"] > 0
        for _ in range(20):
            curl(gate.admin_url("/v1/devices?sort=retransmits"))
        eventually(lambda: len(os.listdir(folder)) <= len(before))
        client.send("still here")
        assert client.recv() == "still here"
