"""Memory of an idle connection: growth of the server's RSS and of the kernel's slabs, the client's half taken off.

The kernel does not say whose its slabs are. So as many bare pairs of sockets are measured too, under the name BARE; half of their
growth is the client's share, since the client here (holder.py) is made of bare sockets.
"""

import contextlib
import dataclasses
import pathlib
import selectors
import subprocess
import sys
import time

import rounds
import servers

CONNECTIONS = 15000
# Echo a message each and go before anything is counted: code that is read in and buffers that are touched for the first time are no connection's.
WARM_UP_CONNECTIONS = 64
BARE = "bare_pairs"
SETTLE_SECONDS = 1.5
# A server that moves silent connections to something smaller has done so by then; the gate's pings come later.
COLD_SECONDS = 15
HOLDER = pathlib.Path(__file__).parent / "holder.py"
OPENING_SECONDS_MAX = 120


class HolderFailed(Exception):
    pass


# Over TLS the holder has forgotten its keys when pings come, so nobody would answer them.
WITHOUT_PINGS = "limits.ping_interval=off"


def measure(contestant, scratch, connections=CONNECTIONS):
    record = {"began": rounds.now(), "error": "", "marks": []}
    if contestant.kind == "gate" and getattr(contestant, "tls", ()):
        contestant = dataclasses.replace(contestant, settings=(*contestant.settings, WITHOUT_PINGS))
    try:
        with servers.running(contestant, scratch / f"{contestant.name}.log") as server:
            record["idle"] = _grown(server, contestant, connections)
            server.check_alive()
    except (servers.ServerFailed, HolderFailed, OSError) as fault:
        record["error"] = str(fault)
    return record


def _grown(server, contestant, connections):
    warm_up = min(WARM_UP_CONNECTIONS, connections)
    protocol = "tls" if getattr(contestant, "tls", ()) else contestant.protocol
    with holder("warm", server.port, warm_up, protocol) as client:
        client.expect(f"holding {warm_up}", OPENING_SECONDS_MAX)
    time.sleep(SETTLE_SECONDS)
    rss_before, slab_before = rss_bytes(server.pid), slab_bytes()
    with holder("connect", server.port, connections, protocol) as client:
        client.expect(f"holding {connections}", OPENING_SECONDS_MAX)
        time.sleep(SETTLE_SECONDS)
        found = _per_connection("hot", connections, rss_bytes(server.pid) - rss_before, slab_bytes() - slab_before)
        if contestant.kind == "gate":
            time.sleep(COLD_SECONDS)
            found |= _per_connection("cold", connections, rss_bytes(server.pid) - rss_before, slab_bytes() - slab_before)
        client.tell("still there?")
        client.expect(f"open {connections}", 10)
        return {**found, "connections": connections, "rss_before_bytes": rss_before}


def _per_connection(state, connections, rss, slab):
    return {f"{state}_user_bytes": rss / connections, f"{state}_slab_bytes": slab / connections}


def measure_bare(connections=CONNECTIONS):
    """As many pairs of sockets that belong to processes that do nothing else."""
    record = {"began": rounds.now(), "error": "", "marks": []}
    try:
        with holder("accept", connections) as far:
            port = far.expect("port ", 10).split()[1]
            time.sleep(SETTLE_SECONDS)
            before = slab_bytes()
            with holder("connect", port, connections, "raw") as near:
                near.expect(f"holding {connections}", OPENING_SECONDS_MAX)
                far.expect(f"holding {connections}", OPENING_SECONDS_MAX)
                time.sleep(SETTLE_SECONDS)
                record["idle"] = {"connections": connections, "hot_slab_bytes": (slab_bytes() - before) / connections}
    except (HolderFailed, OSError) as fault:
        record["error"] = str(fault)
    return record


class Holder:
    """Talks with a holder.py, line by line, each with a deadline."""

    def __init__(self, process):
        self._process = process
        self._selector = selectors.DefaultSelector()
        self._selector.register(process.stdout, selectors.EVENT_READ)

    def expect(self, beginning, seconds):
        line = self._process.stdout.readline().strip() if self._selector.select(seconds) else f"nothing within {seconds} s"
        if not line.startswith(beginning):
            self._process.kill()
            raise HolderFailed(f"wanted '{beginning.strip()}', got '{line}' {self._process.stderr.read()[-300:].strip()}".strip())
        return line

    def tell(self, text):
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()


@contextlib.contextmanager
def holder(*arguments):
    process = subprocess.Popen(
        [sys.executable, HOLDER, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Holder(process)
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired, BrokenPipeError, ValueError):
            process.communicate(timeout=10)
        process.kill()
        process.wait()


def rss_bytes(pid):
    return _kilobytes(f"/proc/{pid}/status", "VmRSS:") * 1024


def slab_bytes():
    return _kilobytes("/proc/meminfo", "Slab:") * 1024


def _kilobytes(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise OSError(f"{path} has no {name}")
