"""A gate of a hundred lines that can be told to be wrong: the differential has to find it out, and must have nothing to say
against it otherwise. It knows just enough of the admin port for the cases of test_differential.py.

Faults: `last_length`, of two Content-Lengths the last one counts; `bodyless_get`, the body of a GET is taken for the next request;
`answers_swapped`, a pipelined request is answered before the one in front of it.
"""

import contextlib
import json
import re
import socketserver
import threading

from differential.bases import DEVICES
from websockets.sync.server import serve


class WrongGate:
    def __init__(self, fault=None):
        self.fault = fault
        self.records = []  # a real gate's log
        self.devices = {}
        self.arrived = threading.Condition()

    def __enter__(self):
        gate = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError, ValueError, KeyError):  # of requests it does not know: it hangs up
                    AdminConnection(gate, self.rfile, self.wfile).serve()

        socketserver.ThreadingTCPServer.daemon_threads = True
        self._admin = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._device_server = serve(self._serve_device, "127.0.0.1", 0, compression=None)
        for server in (self._admin, self._device_server):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.admin_address = self._admin.server_address
        self.device_address = self._device_server.socket.getsockname()
        return self

    def __exit__(self, *_):
        self._admin.shutdown()
        self._admin.server_close()
        self._device_server.shutdown()

    def _serve_device(self, connection):
        device_id = connection.request.path.partition("deviceId=")[2]
        self.records.append({"msg": "device connected", "device_id": device_id})
        with self.arrived:
            self.devices[device_id] = connection
            self.arrived.notify_all()
        for _ in connection:
            pass


    def await_devices(self):
        """A device that has seen its 101 may not be in the table yet. A lane connects all of them before its first case."""
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.devices) >= len(DEVICES), timeout=10)


class AdminConnection:
    def __init__(self, gate, source, sink):
        self.gate, self.source, self.sink = gate, source, sink

    def serve(self):
        owed = []
        while (head := self._read_head()) is not None:
            status, payload, closes = self._answer(*head)
            body = json.dumps(payload).encode()
            ending = b"Connection: close\r\n" if closes else b""
            owed.append(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), ending) + body)
            if self.gate.fault == "answers_swapped" and len(owed) == 1 and not closes:
                continue
            self.sink.write(b"".join(reversed(owed)))
            owed.clear()
            if closes:
                return

    def _read_head(self):
        line = self.source.readline().split()
        if len(line) != 3:
            return None
        fields = {}
        while (field := self.source.readline().strip()) != b"":
            name, _, value = field.partition(b":")
            name = name.lower()
            if name == b"content-length" and name in fields and self.gate.fault != "last_length":
                fields[b"bad"] = b""
            fields[name] = value.strip()
        return line[0], line[1].partition(b"?")[0].decode(), fields

    def _read_body(self, method, fields):
        if method == b"GET" and self.gate.fault == "bodyless_get":
            return b""
        if fields.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(self.source.readline(), 16):
                body += self.source.read(size)
                self.source.readline()
            self.source.readline()
            return body
        return self.source.read(int(fields.get(b"content-length", 0)))

    def _answer(self, method, path, fields):
        """Status, body, and whether the connection ends."""
        closes = fields.get(b"connection") == b"close"
        if b"bad" in fields:
            return 400, {}, True
        body = self._read_body(method, fields)
        device = re.fullmatch("/v1/devices/([^/]+)(/messages)?", path)
        if method == b"GET":
            return 200, {"device_id": device[1]} if device else {}, closes
        self.gate.await_devices()
        for device_id in [device[1]] if device else list(self.gate.devices):
            self.gate.devices[device_id].send(body, text=True)
        return 200, {"device_id": device[1]} if device else {"delivered": len(self.gate.devices)}, closes
