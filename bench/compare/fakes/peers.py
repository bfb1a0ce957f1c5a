"""Stands in for bench/peers in the tests: servers that accept and do nothing, one that is not built, one that dies."""

import dataclasses
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    label: str
    kind: str = "rival"
    protocol: str = "websocket"
    reason: str | None = None
    mode: str = "serve"
    has_tls: bool = False

    def command(self, port, tls=()):
        assert all(pathlib.Path(file).exists() for file in tls)
        return [sys.executable, str(HERE / "server.py"), self.mode, str(port), self.name]

    def version(self):
        return "1.0"

    def missing(self):
        return self.reason

    def environment(self):
        return {"GOMAXPROCS": "1"}


PEERS = {
    peer.name: peer
    for peer in (
        Peer("raw_uring", "raw TCP echo, io_uring", "ceiling", "raw"),
        Peer("raw_epoll", "raw TCP echo, epoll", "ceiling", "raw"),
        Peer("gorilla", "gorilla/websocket (Go)", has_tls=True),
        Peer("gws", "gws (Go)"),
        Peer("beast", "Boost.Beast (C++)"),
        Peer("ws", "ws (Node.js)"),
        Peer("fastwebsockets", "fastwebsockets (Rust)", mode="die"),
        Peer("libwebsockets", "libwebsockets (C)", reason="not built; run tools/bench peers libwebsockets"),
    )
}
