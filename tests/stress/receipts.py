#!/usr/bin/env python3
"""Pushes that wait, by the ten thousand, to devices of each kind: what each level said, and whether it was true by what the device saw.

usage: tests/stress/receipts.py [--tries N] [--gate BINARY]
Kinds: `reads` answers pings; `mute` reads, but answers none; `talks` sends all the time and answers; `deaf` does not read.
"""

import argparse
import collections
import json
import pathlib
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEVICES, IN_FLIGHT = 8, 16  # of each kind; requests of one connection


class Device(threading.Thread):
    """Reads frames, notes the texts in their order, and what pings came behind which of them."""

    def __init__(self, address, name, kind):
        super().__init__(daemon=True)
        self.kind, self.seen, self.received = kind, [], b""
        self.socket = socket.socket()
        if kind == "deaf":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(address)
        self.socket.sendall((f"GET /ws?deviceId={name} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.received:
            self.received += self.socket.recv(4096)
        self.received = self.received.partition(b"\r\n\r\n")[2]

    def run(self):
        noise = b"\x82\xfe\x03\xe8" + bytes(4) + bytes(1000)
        while True:
            at, reply, data = 0, b"", self.received
            while len(data) - at >= 2:
                size, head = data[at + 1], 2
                if size == 126:
                    if len(data) - at < 4:
                        break
                    size, head = struct.unpack_from(">H", data, at + 2)[0], 4
                if len(data) - at < head + size:
                    break
                payload = data[at + head : at + head + size]
                if data[at] == 0x81:
                    self.seen.append(payload)
                elif data[at] == 0x89 and self.kind != "mute":
                    reply += bytes((0x8A, 0x80 | size)) + bytes(4) + payload
                at += head + size
            self.received = data[at:]
            if self.kind == "talks":
                reply += noise
            try:
                if reply:
                    self.socket.sendall(reply)
                chunk = self.socket.recv(262_144)
            except OSError:
                return
            if not chunk:
                return
            self.received += chunk


def ask(address, names, level, tries, timeout):
    """The answers to `tries` pushes, by payload, each with the time when it came."""
    answers, numbers = {}, iter(range(tries))
    with selectors.DefaultSelector() as selector:
        def fill(state):
            out = b""
            while len(state["due"]) < IN_FLIGHT and (number := next(numbers, None)) is not None:
                body = f"{level}-{number}".encode()
                state["due"].append((names[number % len(names)], body))
                out += (f"POST /v1/devices/{names[number % len(names)]}/messages?wait={level}&timeout={timeout} HTTP/1.1\r\nHost: localhost\r\n"
                        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
            if out:
                state["socket"].sendall(out)

        for _ in range(4):
            state = {"socket": socket.create_connection(address), "due": collections.deque(), "in": b""}
            fill(state)
            selector.register(state["socket"], selectors.EVENT_READ, state)
        while len(answers) < tries:
            for key, _ in selector.select(timeout=30) or sys.exit("no answer"):
                state = key.data
                state["in"] += state["socket"].recv(1 << 20)
                while True:
                    head, separator, rest = state["in"].partition(b"\r\n\r\n")
                    if not separator:
                        break
                    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                    if len(rest) < size:
                        break
                    name, body = state["due"].popleft()
                    answers[body] = (name, int(head[9:12]), json.loads(rest[:size]))
                    state["in"] = rest[size:]
                fill(state)
    return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--gate", default=str(REPOSITORY / "build/release/src/server/ringgate"))
    arguments = parser.parse_args()
    ports = (18_580, 18_581)
    gate = subprocess.Popen([arguments.gate, "serve", "--listen", f"127.0.0.1:{ports[0]}", "--admin", f"127.0.0.1:{ports[1]}", "--shards", "2",
                             "--set", "limits.flap_connects=off", "--set", "limits.send_timeout=1h", "--log-level", "off"])
    false_answers = 0
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", ports[0])).close()
                break
            except OSError:
                time.sleep(0.05)
        for kind in ("reads", "talks", "mute", "deaf"):
            devices = {f"{kind}-{i}": Device(("127.0.0.1", ports[0]), f"{kind}-{i}", kind) for i in range(DEVICES)}
            for device in devices.values():
                if kind != "deaf":
                    device.start()
            for level in ("sent", "acked", "ponged"):
                hopeless = kind == "deaf" or (kind == "mute" and level == "ponged")
                tries = max(arguments.tries // 100, 1) if hopeless else arguments.tries
                began = time.monotonic()
                answers = ask(("127.0.0.1", ports[1]), list(devices), level, tries, "300ms" if hopeless else "20s")
                took = time.monotonic() - began
                seen = {name: set(device.seen) for name, device in devices.items()}
                time.sleep(0.2)
                seen_later = {name: set(device.seen) for name, device in devices.items()}
                said = collections.Counter((status, answer.get("reached") or answer.get("reason")) for _, status, answer in answers.values())
                for body, (name, _, answer) in answers.items():
                    reached = answer.get("reached")
                    if reached == "ponged" and body not in seen[name]:
                        false_answers += 1  # the device has answered a ping behind a message that it has not read
                    if reached in ("acked", "ponged") and kind != "deaf" and body not in seen_later[name]:
                        false_answers += 1  # acknowledged, and never read by a device that reads
                    if kind == "mute" and reached == "ponged":
                        false_answers += 1
                print(f"{kind:6} {level:7} {tries:7} tries {tries / took:8.0f}/s  {dict(said)}", flush=True)
            for device in devices.values():
                device.socket.close()
        print(f"{false_answers} false answers")
    finally:
        gate.terminate()
        gate.wait()
    return 1 if false_answers else 0


if __name__ == "__main__":
    sys.exit(main())
