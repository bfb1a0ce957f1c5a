"""TLS on both ports, through clients that nobody here wrote: Python's and curl's OpenSSL, Node.js, and Go's crypto/tls."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from support import echo_plan
from support.certificates import Certificate, Root
from support.gate import BINARY as GATE
from support.gate import PATIENCE, SLOWNESS, Gate, environment, run_ringgate
from support.raw_peer import BINARY, CLOSE, encode_frame, upgrade_request

RINGS = {"all features": {}, "completing sends": {"ring.silent_sends": "off"},
         "no feature": {f"ring.{name}": "off" for name in
                        ("multishot_recv", "direct_descriptors", "silent_sends", "incremental_buffers", "msg_ring", "zero_copy_sends")}}


@pytest.fixture(name="root", scope="module")
def one_root(tmp_path_factory):
    return Root(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(name="certificate", scope="module")
def one_certificate(root):
    return root.issue("gate")


@pytest.fixture(name="secure", scope="module")
def one_gate_with_tls(certificate):
    with Gate(shards=2, tls=certificate) as running:
        yield running


def client_context(root, **versions):
    context = ssl.create_default_context(cafile=root.file)
    for name, version in versions.items():
        setattr(context, name, version)
    return context


@contextlib.contextmanager
def secured(address, context, **options):
    """A TLS connection on which a missing close_notify is an error."""
    with socket.create_connection(address, timeout=10 * PATIENCE) as plain:
        with context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False, **options) as stream:
            yield stream


def read_exactly(stream, count):
    data = bytearray()
    while len(data) < count:
        piece = stream.recv(count - len(data))
        assert piece, f"the end came after {len(data)} of {count} bytes"
        data += piece
    return bytes(data)


def read_frame(stream):
    first, size = read_exactly(stream, 2)
    size = int.from_bytes(read_exactly(stream, {126: 2, 127: 8}[size]), "big") if size >= 126 else size
    return first & 0xF, read_exactly(stream, size)


def become_device(stream, device_id):
    stream.sendall(upgrade_request(f"/ws?deviceId={device_id}"))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(stream, 1)
    assert head.startswith(b"HTTP/1.1 101"), head


def metric(gate, root, name):
    with urllib.request.urlopen(gate.admin_url("/metrics"), context=client_context(root)) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


# -- Echo

@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("client", echo_plan.COMMANDS)
def test_every_message_comes_back(client, ring, root, certificate, request):
    sizes = echo_plan.WHOLE if request.config.getoption("--full") else echo_plan.SAMPLE
    with Gate({**echo_plan.SETTINGS, **RINGS[ring]}, shards=2, tls=certificate) as gate:
        echo_plan.run_client(client, gate.device_url(f"echo-{client}"), sizes, root=root.file)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_end_in_order(secure, root, version):
    context = client_context(root, minimum_version=version, maximum_version=version)
    with secured(secure.device_address, context) as stream:
        assert stream.version() == version.name.replace("_", ".")
        become_device(stream, "orderly")
        stream.sendall(encode_frame(BINARY, b"x" * 50_000) + encode_frame(CLOSE, b"\x03\xe8"))
        assert read_frame(stream) == (BINARY, b"x" * 50_000)
        assert read_frame(stream) == (CLOSE, b"\x03\xe8")
        assert stream.recv(1) == b"", "close_notify, then the end"


def test_a_session_is_resumed(secure, root):
    context = client_context(root)
    with secured(secure.device_address, context) as stream:
        become_device(stream, "first")
        session = stream.session
        assert not stream.session_reused
    for _ in range(8):  # whichever shard it meets
        with secured(secure.device_address, context, session=session) as stream:
            become_device(stream, "again")
            assert stream.session_reused


def test_a_session_outlives_the_gate_with_a_shared_secret(root, certificate, tmp_path):
    (tmp_path / "tickets").write_bytes(os.urandom(48))
    context, session = client_context(root), None
    for _ in range(3):
        with Gate({"listener.0.tls.ticket_keys": tmp_path / "tickets"}, tls=certificate) as gate:
            with secured(gate.device_address, context, session=session) as stream:
                become_device(stream, "again")
                assert stream.session_reused == (session is not None)
                session = stream.session


# -- Pushes and slow readers

def push(gate, root, device_id, body):
    question = urllib.request.Request(gate.admin_url(f"/v1/devices/{device_id}/messages"), data=body, method="POST",
                                      headers={"Content-Type": "application/octet-stream"})
    try:
        with urllib.request.urlopen(question, context=client_context(root)) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.parametrize("ring", RINGS)
def test_what_waits_for_a_slow_reader_arrives_in_order(ring, root, certificate):
    """Silent sends, the outbox, its sealed front and pings all take part: records must leave in the order of their making."""
    with Gate({"limits.ping_interval": "1s", "limits.pong_timeout": "60s", "limits.send_timeout": "60s", **RINGS[ring]}, tls=certificate) as gate:
        with secured(gate.device_address, client_context(root)) as stream:
            become_device(stream, "slow")
            sent = []
            while True:
                body = len(sent).to_bytes(4, "big") + os.urandom(60_000 + 1000 * (len(sent) % 7))
                status = push(gate, root, "slow", body)
                if status == 429:
                    break
                assert status == 200
                sent.append(body)
                assert len(sent) < 2000
            received = []
            while len(received) < len(sent):
                opcode, payload = read_frame(stream)
                if opcode == BINARY:
                    received.append(payload)
            assert received == sent
            assert push(gate, root, "slow", b"and on it goes") == 200
            opcode, payload = read_frame(stream)
            while opcode != BINARY:
                opcode, payload = read_frame(stream)
            assert payload == b"and on it goes"


def test_many_pushes_of_one_turn_arrive_in_order(secure, root):
    with secured(secure.device_address, client_context(root)) as stream:
        become_device(stream, "many")
        with secured(secure.admin_address, client_context(root)) as backend:
            head = "POST /v1/devices/many/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"
            backend.sendall(b"".join(head.encode() + f"{i:04}".encode() for i in range(500)))
            assert [read_frame(stream)[1] for _ in range(500)] == [f"{i:04}".encode() for i in range(500)]


# -- What is no TLS, and what breaks off

def test_plain_http_is_not_answered(secure, root):
    before = metric(secure, root, 'ringgate_tls_handshakes_total{result="not_tls"')
    with socket.create_connection(secure.device_address, timeout=10 * PATIENCE) as stream:
        stream.sendall(upgrade_request("/ws?deviceId=plain"))
        try:
            assert stream.recv(100) == b""
        except ConnectionResetError:
            pass  # the gate did not read to the end
    assert metric(secure, root, 'ringgate_tls_handshakes_total{result="not_tls"') == before + 1


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x00\x50\x01\x00\x00\x4c\x03\x03"], ids=["nothing", "a byte", "half a hello"])
def test_a_stalled_handshake_ends(secure, root, sent):
    before = metric(secure, root, 'ringgate_tls_handshakes_total{result="timeout"')
    began = time.monotonic()
    with socket.create_connection(secure.device_address, timeout=20 * PATIENCE) as stream:
        stream.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            assert stream.recv(100) == b""
    assert time.monotonic() - began > 4.5
    assert metric(secure, root, 'ringgate_tls_handshakes_total{result="timeout"') == before + 1


def test_an_end_without_close_notify_is_told_apart(secure, root):
    before = metric(secure, root, "ringgate_tls_truncated_total")
    with secured(secure.device_address, client_context(root)) as stream:
        become_device(stream, "truncated")
        stream.sendall(encode_frame(BINARY, b"x" * 100)[:50])
        socket.socket(fileno=os.dup(stream.fileno())).shutdown(socket.SHUT_WR)
        assert secure.wait_for_log("device disconnected", device_id="truncated")["code"] == 1006
    assert metric(secure, root, "ringgate_tls_truncated_total") == before + 1


def hello_and_close_notify(root):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client_context(root).wrap_bio(into, out, server_hostname="localhost").do_handshake()
    return out.read() + bytes.fromhex("15030300020100")


@pytest.mark.parametrize("port", ["device_address", "admin_address"])
def test_an_end_in_the_handshake_hurts_nobody(secure, root, port):
    before = metric(secure, root, 'ringgate_tls_handshakes_total{result="failed"')
    with socket.create_connection(getattr(secure, port), timeout=10 * PATIENCE) as stream:
        stream.sendall(hello_and_close_notify(root))
        with contextlib.suppress(ConnectionResetError):
            while stream.recv(4096):
                pass
    assert metric(secure, root, 'ringgate_tls_handshakes_total{result="failed"') == before + 1


@pytest.mark.parametrize("size", [200, 1500, 40_000])
def test_a_client_that_wants_short_records(secure, root, size):
    """As embedded TLS libraries do (RFC 6066 section 4); the openssl command can ask for them, Python cannot."""
    request = upgrade_request("/ws?deviceId=short") + encode_frame(BINARY, b"x" * size) + encode_frame(CLOSE, b"\x03\xe8")
    command = ["openssl", "s_client", "-connect", secure.devices, "-maxfraglen", "512", "-quiet", "-CAfile", root.file, "-servername", "localhost"]
    done = subprocess.run(command, input=request, capture_output=True, timeout=20 * PATIENCE, check=False)
    assert b"x" * size in done.stdout, (done.returncode, done.stderr, len(done.stdout))


def test_a_broken_record_ends_the_connection(secure, root):
    before = metric(secure, root, "ringgate_tls_broken_total")
    with secured(secure.device_address, client_context(root)) as stream:
        become_device(stream, "broken")
        with socket.socket(fileno=os.dup(stream.fileno())) as plain:
            plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(ssl.SSLError, match="(?i)bad.record.mac"):
            stream.recv(100)
        secure.wait_for_log("device disconnected", device_id="broken")
    assert metric(secure, root, "ringgate_tls_broken_total") == before + 1


def test_renegotiation_is_refused(secure, root):
    """The openssl command asks for one with each line that is R."""
    command = ["openssl", "s_client", "-connect", secure.devices, "-tls1_2", "-CAfile", root.file, "-servername", "localhost"]
    done = subprocess.run(command, input=b"R\n" * 100, capture_output=True, timeout=20 * PATIENCE, check=False)
    assert b"RENEGOTIATING" in done.stdout + done.stderr, done
    assert b"no renegotiation" in done.stderr, done
    with secured(secure.device_address, client_context(root)) as stream:
        become_device(stream, "afterwards")


def test_only_http11_is_spoken(secure, root):
    context = client_context(root)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with secured(secure.admin_address, context) as stream:
        assert stream.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"), secured(secure.admin_address, context):
        pass


# -- The admin port

def test_backends_speak_to_the_admin_port(secure, root):
    with secured(secure.device_address, client_context(root)) as stream:
        become_device(stream, "target")
        body = os.urandom(200_000)
        assert push(secure, root, "target", body) == 200
        assert read_frame(stream) == (BINARY, body)
        with urllib.request.urlopen(secure.admin_url("/v1/devices/target"), context=client_context(root)) as answer:
            assert json.load(answer)["device_id"] == "target"


def test_a_drain_says_goodbye(root, certificate):
    with Gate(tls=certificate) as gate:
        with secured(gate.device_address, client_context(root)) as stream:
            become_device(stream, "drained")
            gate.signal(15)
            opcode, payload = read_frame(stream)
            assert (opcode, payload[:2]) == (CLOSE, b"\x03\xe9")
            stream.sendall(encode_frame(CLOSE, b"\x03\xe9"))
            assert stream.recv(1) == b""
        assert gate.wait() == 0


@pytest.mark.parametrize("port", ["device_address", "admin_address"])
def test_a_drain_does_not_wait_for_unfinished_handshakes(certificate, port):
    with Gate({"drain.rate": 1}, tls=certificate) as gate, contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(getattr(gate, port)))
        began = time.monotonic()
        gate.signal(15)
        assert gate.wait() == 0
        assert time.monotonic() - began < 1.5 * SLOWNESS


def test_a_reload_without_an_admin_port(root, certificate):
    settings = {"admin.bind": "off", "listener.0.tls.cert": certificate.certificate, "listener.0.tls.key": certificate.key,
                "admin.tls.cert": certificate.certificate, "admin.tls.key": certificate.key}
    arguments = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    gate = subprocess.Popen([GATE, "serve", "--listen", "127.0.0.1:0", "--log-format", "json", *arguments], env=environment(),
                            stderr=subprocess.PIPE, text=True)
    try:
        messages = iter(json.loads(line)["msg"] for line in gate.stderr)
        assert "listening" in messages
        gate.send_signal(signal.SIGHUP)
        assert "reloaded" in messages
        gate.send_signal(signal.SIGTERM)
        assert gate.wait(15 * PATIENCE) == 0
    finally:
        gate.kill()
        gate.communicate()


# -- Reloading

def served_serial(address, root):
    with secured(address, client_context(root)) as stream:
        return stream.getpeercert()["serialNumber"]


def test_a_hang_up_signal_loads_new_certificates(root, tmp_path):
    paths = [tmp_path / name for name in ("gate.pem", "gate.key")]

    def install(certificate):
        for path, source in zip(paths, (certificate.certificate, certificate.key)):
            path.write_bytes(open(source, "rb").read())

    first, second = root.issue("first"), root.issue("second")
    install(first)
    with Gate(shards=2, warnings_allowed=True, tls=Certificate(*map(str, paths), root.file)) as gate:
        with secured(gate.device_address, client_context(root)) as stream:
            become_device(stream, "staying")
            old = served_serial(gate.device_address, root)
            install(second)
            gate.signal(signal.SIGHUP)
            changes = [gate.wait_for_log("setting changed")["key"] for _ in range(2)]
            assert sorted(changes) == ["admin.tls.cert", "listener.0.tls.cert"]
            assert gate.wait_for_log("reloaded")["changed"] == 2
            # Shards take the new ones with their next turn.
            deadline = time.monotonic() + 10 * PATIENCE
            while any(served_serial(gate.device_address, root) == old for _ in range(8)):
                assert time.monotonic() < deadline
            assert push(gate, root, "staying", b"still here") == 200
            assert read_frame(stream) == (BINARY, b"still here")
            assert 29 < metric(gate, root, 'ringgate_certificate_days_left{listener="admin"') < 31

            new = served_serial(gate.device_address, root)
            paths[1].write_bytes(open(first.key, "rb").read())
            gate.signal(signal.SIGHUP)
            assert "is not the key of" in gate.wait_for_log("not reloaded, everything of before stays in force")["cause"]
            assert served_serial(gate.device_address, root) == new
            assert metric(gate, root, 'ringgate_reloads_total{result="failed"}') == 1
            assert metric(gate, root, 'ringgate_reloads_total{result="done"}') == 1
        gate.records[:] = [record for record in gate.records if record.get("level") != "error"]


# -- Starting

def refusal(**settings):
    arguments = [word for key, value in settings.items() for word in ("--set", f"listener.0.tls.{key}={value}")]
    done = run_ringgate("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *arguments)
    assert done.returncode == 78, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_start_that_cannot_work_names_the_file(root, certificate):
    other = root.issue("other")
    mixed = refusal(cert=certificate.certificate, key=other.key)
    assert "other.key is not the key of" in mixed and "; give PEM files: a certificate in force" in mixed
    assert "/nowhere.pem cannot be read: No such file or directory" in refusal(cert="/nowhere.pem", key=certificate.key)
    assert "1 certificate and 0 keys" in refusal(cert=certificate.certificate)


def test_a_pipe_in_place_of_a_file_does_not_hold_up_a_reload(root, tmp_path):
    certificate = root.issue("pipe")
    tickets = tmp_path / "tickets"
    tickets.write_bytes(os.urandom(48))
    with Gate({"listener.0.tls.ticket_keys": tickets}, tls=certificate, warnings_allowed=True) as gate:
        for file in (tickets, certificate.key):
            content = pathlib.Path(file).read_bytes()
            os.unlink(file)
            os.mkfifo(file)
            gate.signal(signal.SIGHUP)
            cause = gate.wait_for_log("not reloaded, everything of before stays in force")["cause"]
            assert "no regular file" in cause, cause
            os.unlink(file)
            pathlib.Path(file).write_bytes(content)
        gate.signal(signal.SIGTERM)
        assert gate.wait() == 0
