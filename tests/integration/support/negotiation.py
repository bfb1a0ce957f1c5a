"""Sessions of real clients that negotiate: what a client program is given, and what it has to say.

A session is {url, offer, subprotocols, sizes, awaited}: `offer` holds the parameters of permessage-deflate, or is None for no
offer. The client echoes each size as text and as binary, prints `ready` if it awaits pushes, receives as many as it awaits, and
prints {extensions, protocol, echoes, failures, received} as one JSON line; `received` are pairs of type and SHA-256.
"""

import json
import subprocess
import threading

from .echo_plan import CLIENTS, SOURCES
from .gate import PATIENCE, environment

COMMANDS = {
    "ws": ["node", str(SOURCES / "node/negotiation.js")],
    "websockets": [str(CLIENTS / "python/bin/python"), str(SOURCES / "python/negotiation.py")],
    "gorilla": [str(CLIENTS / "gorilla-negotiation")],
}


def session(url, offer=None, subprotocols=(), sizes=(), awaited=0):
    return {"url": url, "offer": offer, "subprotocols": list(subprotocols), "sizes": list(sizes), "awaited": awaited}


class Client:
    """One client program at work on its sessions. Use it as a context manager."""

    def __init__(self, name, sessions):
        self.name = name
        self.sessions = sessions

    def __enter__(self):
        self._process = subprocess.Popen([*COMMANDS[self.name], json.dumps(self.sessions)], stdout=subprocess.PIPE, text=True,
                                         env=environment({"NODE_PATH": str(CLIENTS / "node/node_modules")}))
        self._deadline = threading.Timer(600 * PATIENCE, self._process.kill)
        self._deadline.start()
        return self

    def __exit__(self, *_):
        self._deadline.cancel()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def wait_until_ready(self):
        line = self._process.stdout.readline()
        assert line == "ready\n", f"{self.name} is not ready but says {line!r}"

    def verdict(self):
        """The next session's verdict; asserts that it is clean and whole."""
        line = self._process.stdout.readline()
        assert line, f"{self.name} ended without a verdict, exit code {self._process.wait()}"
        return json.loads(line)

    def verdicts(self):
        for each in self.sessions:
            verdict = self.verdict()
            assert verdict["failures"] == [], (each["url"], each["offer"], verdict)
            assert verdict["echoes"] == 2 * len(each["sizes"]), (each["url"], verdict)
            yield each, verdict


def parameters(extensions):
    """The parameters of the one permessage-deflate in an answer, or None for no extension. A value is a number; none is True."""
    if extensions is None:
        return None
    name, *fields = [part.strip() for part in extensions.split(";")]
    assert name == "permessage-deflate" and "," not in extensions, extensions
    found = {}
    for field in fields:
        key, separator, value = field.partition("=")
        assert key not in found, extensions
        found[key] = int(value) if separator else True
    return found


def check_answer(offer, answer):
    """RFC 7692 section 7.1: what an answer must and must not say to an offer."""
    assert set(answer) <= {"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits"}
    if offer.get("server_no_context_takeover"):
        assert answer.get("server_no_context_takeover") is True, "the server was asked to forget"
    if "server_max_window_bits" in offer:
        assert 8 <= answer["server_max_window_bits"] <= offer["server_max_window_bits"], "the server's window is wider than the client can read"
    if not offer.get("client_max_window_bits"):
        assert "client_max_window_bits" not in answer, "the client did not say that it can do with less"
    elif "client_max_window_bits" in answer:
        widest = 15 if offer["client_max_window_bits"] is True else offer["client_max_window_bits"]
        assert 8 <= answer["client_max_window_bits"] <= widest
