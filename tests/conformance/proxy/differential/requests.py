"""A request as its parts on the wire, each of them raw bytes, so that a mutation can break any of them alone.

It is no parser and knows no grammar: `bytes()` joins the parts as they are. Invariant: parts nobody touched render a
request that RFC 9112 calls valid.
"""

import dataclasses

CRLF = b"\r\n"


@dataclasses.dataclass
class Chunk:
    size: bytes  # the size as it is written, extensions included
    data: bytes
    line_end: bytes = CRLF
    data_end: bytes = CRLF


@dataclasses.dataclass
class Request:
    method: bytes
    target: bytes
    version: bytes = b"HTTP/1.1"
    fields: list = dataclasses.field(default_factory=list)  # whole field lines, without their ends
    payload: bytes = b""
    chunks: list | None = None  # the payload in chunks, the last one among them; None: the payload as it is
    trailers: list = dataclasses.field(default_factory=list)
    before: bytes = b""
    behind: bytes = b""  # what follows the request on the same connection, such as frames
    separator: bytes = b" "

    def data(self):
        line = self.separator.join(part for part in (self.method, self.target, self.version) if part is not None)
        head = CRLF.join([line, *self.fields]) + CRLF + CRLF
        return self.before + head + self.body_bytes() + self.behind

    def body_bytes(self):
        if self.chunks is None:
            return self.payload
        chunks = b"".join(chunk.size + chunk.line_end + chunk.data + chunk.data_end for chunk in self.chunks[:-1])
        last = self.chunks[-1]
        trailers = b"".join(line + CRLF for line in self.trailers)
        return chunks + last.size + last.line_end + trailers + last.data_end

    # -- Field lines

    def index(self, name):
        """Position of the first field line of this name, or None."""
        prefix = name.lower() + b":"
        return next((i for i, line in enumerate(self.fields) if line.lower().startswith(prefix)), None)

    def value(self, name):
        position = self.index(name)
        return None if position is None else self.fields[position].split(b":", 1)[1].strip()

    def put(self, line):
        """Replaces the field line of this name, or adds it."""
        position = self.index(line.split(b":", 1)[0])
        if position is None:
            self.fields.append(line)
        else:
            self.fields[position] = line

    def drop(self, name):
        position = self.index(name)
        if position is not None:
            del self.fields[position]

    # -- Framing

    def frame_by_length(self):
        self.drop(b"Transfer-Encoding")
        self.chunks = None
        self.put(b"Content-Length: %d" % len(self.payload))

    def frame_by_chunks(self, sizes):
        """Cuts the payload into chunks of these sizes; the rest is one chunk more."""
        self.drop(b"Content-Length")
        self.put(b"Transfer-Encoding: chunked")
        self.chunks, rest = [], self.payload
        for size in [*sizes, len(rest)]:
            piece, rest = rest[:size], rest[size:]
            if piece:
                self.chunks.append(Chunk(b"%x" % len(piece), piece))
        self.chunks.append(Chunk(b"0", b""))
