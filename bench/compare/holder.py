"""A process of its own that holds many idle connections, or the far ends of them, with nothing but their sockets.

usage: holder.py connect PORT COUNT raw|websocket|tls connects, upgrades, says `holding N`
       holder.py warm PORT COUNT raw|websocket|tls    the same after a message of 16 KiB was echoed on each
       holder.py accept COUNT                         listens, says `port P`, accepts, says `holding N`

Ends when its standard input does; before that it answers each line with `open N`, how many are still open. Plain sockets, because
a client with operations of its own in the kernel would be charged to the server that is measured. With tls (a WebSocket over TLS
1.3, no certificate verified) what TLS keeps is forgotten once the connection is idle.
"""

import contextlib
import resource
import select
import socket
import ssl
import struct
import sys

REQUEST = (
    "GET /ws?deviceId=idle-{number} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
HEAD_BYTES_MAX = 4096
WARM_UP_BYTES = 16 * 1024
KEPT_TLS_MAX = 100  # connections that still speak when all are open


def connect(port, count, protocol):
    held = []
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        # No TIME_WAIT is left behind for the next server to be charged with.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        if protocol == "tls":
            connection = TLS.wrap_socket(connection)
        if protocol != "raw":
            upgrade(connection, REQUEST.format(number=number, port=port).encode())
        held.append(connection)
        if protocol == "tls" and count > KEPT_TLS_MAX:
            held[-1] = socket.socket(fileno=connection.detach())
    return held


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


TLS = tls_context()


def warm(port, count, protocol):
    held = connect(port, count, protocol)
    for connection in held:
        payload = bytes(WARM_UP_BYTES)
        header = struct.pack("!BBH4x", 0x82, 0x80 | 126, len(payload)) if protocol != "raw" else b""
        connection.sendall(header + payload)
        left = len(payload) + (4 if protocol != "raw" else 0)
        while left > 0:
            data = connection.recv(left)
            if not data:
                sys.exit("a message was not echoed")
            left -= len(data)
    return held


def upgrade(connection, request):
    connection.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(HEAD_BYTES_MAX)
        if not data or len(head) > HEAD_BYTES_MAX:
            sys.exit(f"the upgrade was not answered: {head[:80]!r}")
        head += data
    if not head.startswith(b"HTTP/1.1 101 "):
        sys.exit(f"the upgrade was refused: {head[:80]!r}")


def accept(count):
    held = []
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        listener.settimeout(30)
        say(f"port {listener.getsockname()[1]}")
        while len(held) < count:
            held.append(listener.accept()[0])
    return held


def count_open(held):
    """An end of stream or a reset shows as readable without a byte; bytes, such as a ping, do not count against it."""
    poll = select.poll()
    for connection in held:
        poll.register(connection, select.POLLRDHUP)
    return len(held) - len(poll.poll(0))


def say(text):
    print(text, flush=True)


def main(mode, *arguments):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if mode == "accept":
        held = accept(int(arguments[0]))
    else:
        held = (warm if mode == "warm" else connect)(int(arguments[0]), int(arguments[1]), arguments[2])
    say(f"holding {len(held)}")
    for _ in sys.stdin:
        say(f"open {count_open(held)}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
