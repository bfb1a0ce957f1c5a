"""What a connection's bytes say, read by parsers that are not ours: h11 for HTTP, the package websockets for frames.

Where h11 and the RFCs part ways is in licences.py, rule by rule. Invariant: nothing here looks at what the gate did.
"""

import dataclasses

import h11
from websockets.frames import OP_BINARY, OP_CONT, OP_TEXT
from websockets.protocol import Protocol, Side, State

from . import licences

EVENT_BYTES_MAX = 1 << 20  # for h11, so that only the gate's ceilings are reached


@dataclasses.dataclass(frozen=True)
class ReadRequest:
    method: bytes
    target: bytes
    version: bytes
    fields: tuple  # (lower-case name, value)
    body: bytes
    raw: bytes
    end: int = 0  # how many bytes of the connection are read with it

    @property
    def closes(self):
        """RFC 9112 section 9.3: nothing is read behind it."""
        return self.version == b"1.0" or b"close" in self.tokens(b"connection")

    def values(self, name):
        return [value for field, value in self.fields if field == name]

    def tokens(self, name):
        """The members of a list-valued field, in lower case."""
        return [member.strip(b" \t").lower() for value in self.values(name) for member in value.split(b",") if member.strip(b" \t")]


@dataclasses.dataclass(frozen=True)
class Reading:
    requests: tuple
    end: str  # boundary: between two requests | incomplete: within one | error: what follows is no request
    rest: bytes  # what is no whole request
    rewrites: frozenset = frozenset()  # names of the rules of licences.py that were needed

    @property
    def methods(self):
        """Those of the requests, and of what is none: they tell whether an answer has a body."""
        return [request.method for request in self.requests] + [self.rest.split(b" ", 1)[0]]


def _read_request(data):
    """One request at the front, or `incomplete`, or `error: why`."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=EVENT_BYTES_MAX)
    connection.receive_data(data)
    head, body = None, []
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
            elif event is h11.NEED_DATA:
                return "incomplete", 0
            else:
                return f"error: {event!r}", 0
    except h11.RemoteProtocolError as error:
        return f"error: {error}", 0
    taken = len(data) - len(connection.trailing_data[0])
    fields = tuple((bytes(name), bytes(value)) for name, value in head.headers)
    request = ReadRequest(head.method, head.target, head.http_version, fields, b"".join(body), data[:taken])
    return request, taken


def read_requests(data):
    """All requests of a connection, in order, up to what is none."""
    bytes_count, requests, rewrites = len(data), [], set()
    while data:
        readable, names = licences.rewrite(data)
        rewrites |= names
        if not readable:
            break
        request, taken = _read_request(readable)
        if isinstance(request, str):
            return Reading(tuple(requests), request.split(":")[0], data, frozenset(rewrites))
        data = readable[taken:]
        requests.append(dataclasses.replace(request, end=bytes_count - len(data)))
    return Reading(tuple(requests), "boundary", b"", frozenset(rewrites))


# -- Answers


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    fields: tuple
    body: bytes

    @property
    def closes(self):
        return any(name == b"connection" and b"close" in value.lower() for name, value in self.fields)


def read_answers(data, methods):
    """The final answers of a connection, in order, each to the request whose method stands in its place; and what is left over.

    A 101 is the last one: what follows it is no HTTP. 100 (Continue) is passed over.
    """
    answers = []
    while data:
        method = methods[len(answers)] if len(answers) < len(methods) else b"GET"
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=EVENT_BYTES_MAX)
        asked = [("Host", "x"), ("Upgrade", "websocket"), ("Connection", "upgrade")]
        connection.send(h11.Request(method="HEAD" if method == b"HEAD" else "GET", target="/", headers=asked))
        connection.send(h11.EndOfMessage())
        connection.receive_data(data)
        head, body = None, []
        try:
            event = connection.next_event()
            while not isinstance(event, h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    return answers, data
                if isinstance(event, (h11.Response, h11.InformationalResponse)):
                    head = event
                if event is h11.PAUSED or head.status_code == 101:
                    answers.append(Answer(101, tuple(head.headers), b""))
                    return answers, connection.trailing_data[0]
                if isinstance(event, h11.Data):
                    body.append(bytes(event.data))
                event = connection.next_event()
        except h11.RemoteProtocolError:
            return answers, data
        answers.append(Answer(head.status_code, tuple(head.headers), b"".join(body)))
        data = connection.trailing_data[0]
    return answers, b""


# -- Frames


def _messages(frames):
    """Joins fragments; stops at a text that is no UTF-8."""
    kind, parts = None, []
    for frame in frames:
        if frame.opcode in (OP_TEXT, OP_BINARY):
            kind, parts = frame.opcode, [bytes(frame.data)]
        elif frame.opcode == OP_CONT:
            parts.append(bytes(frame.data))
        if frame.opcode in (OP_TEXT, OP_BINARY, OP_CONT) and frame.fin:
            payload = b"".join(parts)
            if kind == OP_TEXT:
                try:
                    payload.decode()
                except UnicodeDecodeError:
                    return
            yield ("text" if kind == OP_TEXT else "binary", payload)


def read_messages(data, from_client):
    """The messages that one end of a WebSocket sent, up to its Close, to a frame that is none, or to the end."""
    protocol = Protocol(Side.SERVER if from_client else Side.CLIENT, state=State.OPEN, max_size=None)
    protocol.receive_data(licences.well_formed_frames(data))
    return list(_messages(protocol.events_received()))
