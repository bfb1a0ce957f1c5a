"""Echo through three real clients: every byte and the message's type come back, whatever the size, the fragments and the ring."""

import itertools

from support import echo_plan
from support.gate import RING_FEATURES, Gate

RINGS = {"all features": {}, **{f"without {name}": {f"ring.{name}": "off"} for name in RING_FEATURES},
         "no feature": {f"ring.{name}": "off" for name in RING_FEATURES}}


def in_sample(shards, ring, client):
    """The sample: every client on the full ring and on the barest, and every single feature masked once."""
    return ring == "all features" or (ring == "no feature" and shards == 1) or (client == "ws" and shards == 2)


def pytest_generate_tests(metafunc):
    full = metafunc.config.getoption("--full")
    matrix = itertools.product((1, 2), RINGS, echo_plan.COMMANDS)
    chosen = [cell for cell in matrix if full or in_sample(*cell)]
    metafunc.parametrize("shards, ring, client", chosen, ids=[f"{s} shards, {r}, {c}" for s, r, c in chosen])


def test_every_message_comes_back(shards, ring, client, request):
    full = request.config.getoption("--full")
    sizes = echo_plan.WHOLE if full or (ring == "all features" and shards == 2) else echo_plan.SAMPLE
    with Gate({**echo_plan.SETTINGS, **RINGS[ring]}, shards) as gate:
        echo_plan.run_client(client, gate.device_url(f"echo-{client}"), sizes)
