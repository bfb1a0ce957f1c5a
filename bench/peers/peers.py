"""The servers that ringgate is compared with: what they are called, how each is started, and whether it is there.

Rivals are WebSocket libraries of others, ceilings are ours and echo plain TCP. `tools/bench peers` builds them (build.py) into
build/peers/NAME; check.py proves that they echo. Standard library only. All run on one core, listen on 127.0.0.1, echo on any
path with the type kept, do not compress, do not log, and end on SIGTERM.
"""

import contextlib
import dataclasses
import pathlib
import socket
import subprocess
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build" / "peers"
START_SECONDS_MAX = 10.0
END_SECONDS_MAX = 5.0
PRELOAD = "preload.so"  # in a peer's build folder, if it needs one


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    label: str  # for tables
    kind: str = "rival"  # or "ceiling"
    protocol: str = "websocket"  # or "raw": every byte comes back
    launcher: tuple = ()  # what runs `program`, if it does not run itself
    program: str = "server"  # below the peer's build folder
    extra_environment: tuple = ()  # pairs
    has_tls: bool = False  # takes CERTIFICATE and KEY behind the port

    @property
    def folder(self):
        return BUILD / self.name

    def command(self, port: int, tls: tuple = ()) -> list[str]:
        """`tls`: the files of a certificate and its key, for a peer that has TLS."""
        return [*self.launcher, str(self.folder / self.program), str(port), *map(str, tls)]

    def environment(self) -> dict[str, str]:
        """What the server's environment has beside the caller's."""
        environment = dict(self.extra_environment)
        if (self.folder / PRELOAD).exists():
            environment["LD_PRELOAD"] = str(self.folder / PRELOAD)
        return environment

    def version(self) -> str:
        """Of the library, and of the language where it matters; '' if it is not built."""
        return _read(self.folder / "version")

    def missing(self) -> str | None:
        """Why the peer cannot run; None if it can."""
        if (self.folder / "ready").exists():
            return None
        return _read(self.folder / "failed") or f"not built; run tools/bench peers {self.name}"


GO = (("GOMAXPROCS", "1"), ("GOGC", "400"))

PEERS: dict[str, Peer] = {peer.name: peer for peer in (
    Peer("raw_epoll", "raw TCP echo, epoll", kind="ceiling", protocol="raw"),
    Peer("raw_uring", "raw TCP echo, io_uring", kind="ceiling", protocol="raw"),
    Peer("gorilla", "gorilla/websocket (Go)", extra_environment=GO, has_tls=True),
    Peer("gws", "lxzan/gws (Go)", extra_environment=GO),
    Peer("uwebsockets_js", "uWebSockets.js (Node.js)", launcher=("node",), program="server.js", has_tls=True),
    Peer("ws", "ws (Node.js)", launcher=("node",), program="server.js"),
    Peer("bun", "Bun (JavaScript)", launcher=(str(BUILD / "bun/node_modules/@oven/bun-linux-x64/bin/bun"),), program="server.js"),
    Peer("fastwebsockets", "fastwebsockets (Rust)", has_tls=True),
    Peer("sockudo_ws", "sockudo-ws (Rust)"),
    Peer("tokio_tungstenite", "tokio-tungstenite (Rust)"),
    Peer("beast", "Boost.Beast (C++)"),
    Peer("libwebsockets", "libwebsockets (C)"),
)}


def _read(path):
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DidNotStart(Exception):
    pass


@contextlib.contextmanager
def running(peer, environment, log):
    """Starts the peer on a free port and yields (process, port); ends it by SIGTERM, and fails if it does not end."""
    port = free_port()
    with open(log, "ab") as output:
        process = subprocess.Popen(peer.command(port), env={**environment, **peer.environment()}, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=output)
    try:
        _wait_until_listening(process, port, log)
        yield process, port
        if process.poll() is not None:
            raise DidNotStart(f"ended by itself with {process.returncode}; see {log}")
        process.terminate()
        process.wait(END_SECONDS_MAX)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_until_listening(process, port, log):
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except OSError as error:
            if process.poll() is not None:
                lines = [line for line in pathlib.Path(log).read_text(errors="replace").splitlines() if line.strip()]
                raise DidNotStart(f"ended with {process.returncode}: {lines[-1] if lines else 'no message'}") from error
            if time.monotonic() > deadline:
                raise DidNotStart(f"does not listen after {START_SECONDS_MAX:.0f} s; see {log}") from error
        time.sleep(0.02)
