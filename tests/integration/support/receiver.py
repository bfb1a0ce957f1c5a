"""A backend for webhooks: an HTTP server that keeps what it was sent, checks signatures, and answers as a test tells it."""

import collections
import contextlib
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

from support.curl import curl
from support.gate import PATIENCE

Request = collections.namedtuple("Request", "method path headers body at")


def signature_fits(request, key, tolerance=300):
    """Whether one of the signatures of a request is that of `key`, and fresh."""
    parts = [part.partition("=") for part in request.headers.get("Ringgate-Signature", "").split(",")]
    stamp = next((value for name, _, value in parts if name == "t"), "0")
    wanted = hmac.new(key, stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(stamp)) < tolerance
    return fresh and any(name == "v1" and hmac.compare_digest(value, wanted) for name, _, value in parts)


def event_of(request):
    """The members of a CloudEvent in binary mode."""
    return {name[3:].lower(): value for name, value in request.headers.items() if name.lower().startswith("ce-")}


class Receiver:
    """answer: called for each POST with the Request; returns a status, or (status, fields, body). agreement: fields of the answer to
    OPTIONS, or None: it is answered 405. Use it as a context manager."""

    def __init__(self, answer=lambda request: 204, agreement=(("WebHook-Allowed-Origin", "*"),), port=0):
        self.answer = answer
        self.agreement = agreement
        self.requests = []  # in the order in which they came; OPTIONS too
        self._changed = threading.Condition()
        self._sockets = set()  # of connections, which outlive the listener unless they are shut down
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                receiver._sockets.add(self.connection)

            def log_message(self, *_):
                pass

            def reply(self, status, fields=(), body=b""):
                self.send_response(status)
                for name, value in fields:
                    self.send_header(name, value)
                if status >= 200 and status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def take(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.command, self.path, self.headers, body, time.monotonic())
                with receiver._changed:
                    receiver.requests.append(request)
                    receiver._changed.notify_all()
                return request

            def do_OPTIONS(self):
                self.take()
                self.reply(*((405,) if receiver.agreement is None else (200, receiver.agreement)))

            def do_POST(self):
                answer = receiver.answer(self.take())
                if answer == "hang up":
                    self.close_connection = True
                    return
                self.reply(*((answer,) if isinstance(answer, int) else answer))

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):  # the gate may end while it is answered
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self):
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def posts(self, kind=None):
        """The POSTs so far, of one type of event if `kind` names it."""
        return [request for request in self.requests if request.method == "POST" and kind in (None, request.headers.get("ce-type"))]

    def wait(self, done, timeout=10.0):
        """Waits until `done(self)` is true; asked after each request and from time to time."""
        deadline = time.monotonic() + timeout * PATIENCE
        with self._changed:
            while not done(self):
                assert time.monotonic() < deadline, f"not in {timeout} s; {len(self.requests)} requests: {self.requests[-5:]}"
                self._changed.wait(0.05)


class RawReceiver:
    """Answers each request with the bytes that `answer` returns for its method. Use it as a context manager."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []  # (method, time)
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/hook"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as file:
            while first := file.readline():
                fields = {}
                while line := file.readline().strip():
                    name, _, value = line.partition(b":")
                    fields[name.lower()] = value.strip()
                file.read(int(fields.get(b"content-length", 0)))
                method = first.split()[0].decode()
                with self._changed:
                    self.requests.append((method, time.monotonic()))
                    self._changed.notify_all()
                connection.sendall(self.answer(method))

    def methods(self):
        return [method for method, _ in self.requests]

    def wait(self, done, timeout=10.0):
        """Waits until `done(self)` is true; asked after each request."""
        with self._changed:
            assert self._changed.wait_for(lambda: done(self), timeout * PATIENCE), self.methods()


def metric(gate, name):
    """The value of a metric, named with its labels as the page shows them; 0 if it is not there."""
    for line in curl(gate.admin_url("/metrics")).body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def wait_for_metric(gate, name, value, timeout=10.0):
    deadline = time.monotonic() + timeout * PATIENCE
    while (found := metric(gate, name)) != value:
        assert time.monotonic() < deadline, f"{name} is {found}, not {value}"
        time.sleep(0.01)


def verdict(status=200, **members):
    """An answer of a connect hook."""
    return status, [("Content-Type", "application/json")], json.dumps(members).encode()
