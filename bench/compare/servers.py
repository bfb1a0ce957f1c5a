"""The servers of a comparison: what they are, how one is started on its core, and that it is surely ended.

A contestant is a description and costs nothing; `running` is the process. Not here: what is done to a server.
Invariant: whatever leaves the `with` block, the process that it started, and the group it leads, is gone.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
GATE_BINARY = pathlib.Path(os.environ.get("RINGGATE_BINARY", REPOSITORY / "build/release/ringgate"))
RESULTS = pathlib.Path(os.environ.get("BENCH_RESULTS", REPOSITORY / "build/results"))
START_SECONDS_MAX = 15
STOP_SECONDS_MAX = 8
SERVER_CPU = 0
LOAD_CPU = 1


class ServerFailed(Exception):
    """A server that did not start, or died while it was measured."""


@functools.cache
def knows_setting(binary, setting):
    with contextlib.suppress(OSError):
        asked = subprocess.run([binary, "check-config", "--set", setting], capture_output=True, timeout=10, check=False)
        return asked.returncode == 0
    return False


@dataclasses.dataclass(frozen=True)
class Gate:
    """ringgate itself. Its rivals write no log, so neither does it below warnings."""

    name: str = "ringgate"
    binary: pathlib.Path = GATE_BINARY
    label: str = "ringgate"
    shards: int = 1
    cpus: str = str(SERVER_CPU)
    settings: tuple[str, ...] = ()
    tls: tuple[str, ...] = ()  # the files of a certificate and its key
    kind = "gate"
    protocol = "websocket"

    def command(self, port, admin_port):
        command = [
            str(self.binary),
            "serve",
            "--shards",
            str(self.shards),
            "--cpus",
            self.cpus,
            "--log-level",
            "warning",
            "--listen",
            f"127.0.0.1:{port}",
            "--admin",
            f"127.0.0.1:{admin_port}",
        ]
        secured = [f"listener.0.tls.{what}={file}" for what, file in zip(("cert", "key"), self.tls, strict=False)]
        for setting in (*self.usual_settings(), *self.settings, *secured):
            command += ["--set", setting]
        return command

    def usual_settings(self):
        """Rounds connect the same devices again and again. A binary from before that limit does not know its key."""
        unlimited = "limits.flap_connects=off"
        return (unlimited,) if knows_setting(self.binary, unlimited) else ()

    def environment(self):
        return {}

    def version(self):
        answer = subprocess.run([self.binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
        return (answer.stdout.strip().splitlines() or ["unknown"])[0]

    def missing(self):
        return None if os.access(self.binary, os.X_OK) else f"{self.binary} is not built; run tools/build release"


class PeerServer:
    """A server of bench/peers, seen as a contestant."""

    cpus = str(SERVER_CPU)

    def __init__(self, peer, tls=()):
        self._peer, self.tls = peer, tls
        self.name, self.label, self.kind, self.protocol = peer.name, peer.label, peer.kind, peer.protocol

    def command(self, port, _admin_port):
        return [str(part) for part in (self._peer.command(port, self.tls) if self.tls else self._peer.command(port))]

    def environment(self):
        return self._peer.environment()

    def version(self):
        try:
            return self._peer.version()
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as fault:
            return f"unknown ({fault})"

    def missing(self):
        return self._peer.missing()


def peers(tls=()):
    """The rivals and ceilings that the repository has, by name, whether built or not; with `tls` those that have TLS."""
    sys.path.insert(0, os.environ.get("BENCH_PEERS", str(REPOSITORY / "bench/peers")))
    try:
        import peers as module  # of bench/peers
    finally:
        del sys.path[0]
    return {name: PeerServer(peer, tls) for name, peer in module.PEERS.items() if not tls or peer.has_tls}


@dataclasses.dataclass
class Running:
    contestant: object
    port: int
    admin_port: int
    process: subprocess.Popen
    log: pathlib.Path

    @property
    def pid(self):
        return self.process.pid

    def last_words(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "nothing in its log"

    def check_alive(self):
        code = self.process.poll()
        if code is not None:
            raise ServerFailed(f"{self.contestant.name} ended with {code}: {self.last_words()}")


def free_ports(count):
    """Ports of 127.0.0.1 that nobody holds at this moment, and below those that the kernel gives to outgoing connections: one of
    the load's could take it before the server does."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(max(1024, lowest - 16384), lowest))
    random.shuffle(candidates)
    with contextlib.ExitStack() as held:
        ports = []
        for port in candidates:
            with contextlib.suppress(OSError):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise ServerFailed(f"no {count} ports below {lowest} are free; raise net.ipv4.ip_local_port_range")


@contextlib.contextmanager
def running(contestant, log):
    """Starts the contestant on its CPUs, waits until it accepts, and ends it whatever happens."""
    port, admin_port = free_ports(2)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [shutil.which("taskset") or "taskset", "-c", contestant.cpus, *contestant.command(port, admin_port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**_inherited(), **contestant.environment()},
        )
    _share_autogroup(process.pid)
    try:
        server = Running(contestant, port, admin_port, process, log)
        _wait_until_accepting(server)
        yield server
    finally:
        _end(process)


def _share_autogroup(pid):
    """The server leads a session, which the scheduler weighs as one. It gets the weight of ours, if somebody changed that."""
    with contextlib.suppress(OSError, IndexError):
        nice = pathlib.Path("/proc/self/autogroup").read_text().split()[-1]
        if nice != "0":
            pathlib.Path(f"/proc/{pid}/autogroup").write_text(nice)


def _inherited():
    """Our own environment without settings of the gate: what is measured is what the report says."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGGATE_")}


def _wait_until_accepting(server):
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        server.check_alive()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=1):
            return
        if time.monotonic() > deadline:
            raise ServerFailed(f"{server.contestant.name} did not listen within {START_SECONDS_MAX} s: {server.last_words()}")
        time.sleep(0.02)


def _end(process):
    """Asks the process to end, then makes the group that it leads."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS_MAX)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS_MAX)
