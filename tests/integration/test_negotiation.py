"""permessage-deflate and subprotocols as real clients negotiate them: every mode a client has, every byte back, pushes intact."""

import contextlib
import hashlib
import itertools
import random

import pytest

from support.curl import curl, metric, push
from support.gate import Gate
from support.negotiation import COMMANDS, Client, check_answer, parameters, session

EDGES = [0, 1, 2, 125, 126, 255, 256, 257, 4095, 4096, 20_001, 65_535, 65_536, 100_000, 1024 * 1024]
FEW = [0, 300, 32_768, 70_000]

# Paths with a policy each. min_size: every message that has a byte is compressed.
ROUTES = {
    "/plain": {"deflate.mode": "off"},
    "/takeover": {"deflate.mode": "on", "deflate.context_takeover": "true", "deflate.min_size": "1B"},
    "/forgetful": {"deflate.mode": "on", "deflate.min_size": "1B"},
    "/narrow": {"deflate.mode": "on", "deflate.context_takeover": "true", "deflate.window_bits": "9", "deflate.min_size": "1B"},
    "/default": {"deflate.mode": "on"},
    "/chat": {"subprotocols": "v3,v2,v1", "deflate.mode": "on"},
}
SETTINGS = {"limits.send_queue": "16MiB"}
for _number, (_path, _policy) in enumerate(ROUTES.items()):
    SETTINGS[f"route.{_number}.path"] = _path
    SETTINGS.update({f"route.{_number}.{key}": value for key, value in _policy.items()})

# What the client programs can offer. gorilla has the one offer without takeover; zlib has no deflating window of 8 bits.
TAKEOVERS = [{**({"server_no_context_takeover": True} if server else {}), **({"client_no_context_takeover": True} if client else {})}
             for server, client in itertools.product((False, True), repeat=2)]
WINDOWS = [{"server_max_window_bits": bits} for bits in range(8, 16)] + [{"client_max_window_bits": bits} for bits in (True, *range(9, 16))]
GORILLAS = {"server_no_context_takeover": True, "client_no_context_takeover": True}
COMPRESSING = [path for path, policy in ROUTES.items() if policy["deflate.mode"] == "on"]


@pytest.fixture(scope="module", params=[1, 2], ids=["1 shard", "2 shards"])
def gate(request):
    with Gate(SETTINGS, shards=request.param) as running:
        yield running


def offers_of(client):
    return [GORILLAS] if client == "gorilla" else [*TAKEOVERS, *WINDOWS]


def deflated(gate, stage):
    """Bytes of what the gate has compressed, before (payload) or after (wire)."""
    return metric(gate, "ringgate_deflate_bytes_total", dir="out", stage=stage)


def modes_of(client, full):
    """(offer, path, sizes): each offer on every path that compresses; of the sample, on two of them and with fewer sizes."""
    for i, offer in enumerate(offers_of(client)):
        paths = COMPRESSING if full else [COMPRESSING[0], COMPRESSING[1 + i % (len(COMPRESSING) - 1)]]
        for path in paths:
            yield offer, path, EDGES if full or (path == COMPRESSING[0] and i < len(TAKEOVERS)) else FEW


@pytest.mark.parametrize("client", COMMANDS)
def test_every_mode_of_a_client_brings_every_byte_back(gate, client, request):
    sessions = [session(gate.device_url(f"{client}-{i}", path), offer, sizes=sizes)
                for i, (offer, path, sizes) in enumerate(modes_of(client, request.config.getoption("--full")))]
    with Client(client, sessions) as program:
        for each, verdict in program.verdicts():
            answer = parameters(verdict["extensions"])
            assert answer is not None, (each["offer"], "was not agreed to")
            check_answer(each["offer"], answer)


@pytest.mark.parametrize("client", COMMANDS)
def test_routes_decide_what_is_agreed_to(gate, client):
    offer = offers_of(client)[0]
    wanted = {"/plain": None, "/takeover": set(), "/forgetful": {"server_no_context_takeover", "client_no_context_takeover"}}
    sessions = [session(gate.device_url(f"{client}-r", path), offer, sizes=[10]) for path in wanted]
    sessions.append(session(gate.device_url(f"{client}-r", "/takeover"), None, sizes=[10]))
    with Client(client, sessions) as program:
        answers = [parameters(verdict["extensions"]) for _, verdict in program.verdicts()]
    assert answers[0] is None and answers[3] is None
    for answer, path in zip(answers[1:3], ("/takeover", "/forgetful")):
        assert set(answer) >= wanted[path] if client == "gorilla" else set(answer) == wanted[path]


@pytest.mark.parametrize("client", COMMANDS)
def test_what_compresses_well_is_short_on_the_wire(gate, client):
    before = {stage: deflated(gate, stage) for stage in ("payload", "wire")}
    with Client(client, [session(gate.device_url(f"{client}-s", "/takeover"), offers_of(client)[0], sizes=[100_000])]) as program:
        list(program.verdicts())
    after = {stage: deflated(gate, stage) for stage in ("payload", "wire")}
    payload, wire = after["payload"] - before["payload"], after["wire"] - before["wire"]
    # The text repeats itself every 90 bytes. The binary does so every 20,000, which not every compressor looks back: what did
    # not become shorter was sent as it is, and is not counted.
    assert payload >= 100_000 and wire < payload / 5, (payload, wire)


@pytest.mark.parametrize("client", COMMANDS)
def test_the_gate_prefers_among_subprotocols_and_names_none_unasked(gate, client):
    wanted = [(["v1", "v2"], "v2"), (["v1", "v3", "x"], "v3"), (["v1"], "v1"), ([], None)]
    if client != "ws":  # which takes an answer without a subprotocol for a failure
        wanted.append((["x", "V1"], None))
    sessions = [session(gate.device_url(f"{client}-p", "/chat"), None, subprotocols, [5]) for subprotocols, _ in wanted]
    if client != "ws":
        sessions.append(session(gate.device_url(f"{client}-p", "/plain"), None, ["v1"], [5]))
        wanted.append((["v1"], None))
    with Client(client, sessions) as program:
        assert [verdict["protocol"] for _, verdict in program.verdicts()] == [answer for _, answer in wanted]


# -- Pushes


def pushes():
    """(type, body): short, long, random, and long enough for every window to have rolled over."""
    noise = random.Random(1).randbytes
    yield "text", b""
    yield "text", b"short"
    yield "text", "aé€😀".encode() * 10_000
    yield "binary", noise(20_000) * 5
    yield "binary", noise(1024 * 1024)
    yield "text", b'{"temperature":21.5,"humidity":40}' * 30_000


MEDIA_TYPES = {"text": "text/plain", "binary": "application/octet-stream"}


def test_pushes_and_broadcasts_reach_compressing_devices_intact(gate):
    offers = {"ws": {"client_max_window_bits": True}, "websockets": {"server_max_window_bits": 9}, "gorilla": GORILLAS}
    fleet = [(client, path, offers[client]) for client in COMMANDS for path in ("/takeover", "/forgetful", "/narrow")]
    fleet += [("websockets", "/plain", None), ("ws", "/takeover", {"server_max_window_bits": 8})]
    messages = list(pushes())
    with contextlib.ExitStack() as stack:
        programs = []
        for i, (client, path, offer) in enumerate(fleet):
            each = session(gate.device_url(f"fleet-{i}", path), offer, sizes=[100], awaited=2 * len(messages))
            programs.append(stack.enter_context(Client(client, [each])))
        for program in programs:
            program.wait_until_ready()
        for kind, body in messages:
            for i in range(len(fleet)):
                assert push(gate, f"fleet-{i}", body, MEDIA_TYPES[kind]).status == 200
            spread = curl(gate.admin_url("/v1/broadcast"), "-H", f"Content-Type: {MEDIA_TYPES[kind]}", body=body).json
            assert (spread["matched"], spread["delivered"]) == (len(fleet), len(fleet)), spread
        wanted = [[kind, hashlib.sha256(body).hexdigest()] for kind, body in messages for _ in range(2)]
        for program in programs:
            for each, verdict in program.verdicts():
                assert verdict["received"] == wanted, (each["url"], each["offer"], verdict)
