"""Certificates of clients on both ports, shown by clients that nobody here wrote: Python, curl, the openssl command and Go."""

import contextlib
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from support import echo_plan
from support.certificates import Root, openssl
from support.gate import PATIENCE, Gate, run_ringgate
from support.raw_peer import CLOSE, encode_frame, upgrade_request
from test_admin_access import make_token
from test_tls import read_exactly, read_frame, secured


@pytest.fixture(name="root", scope="module")
def root_of_the_gate(tmp_path_factory):
    return Root(tmp_path_factory.mktemp("gate"))


@pytest.fixture(name="fleet", scope="module")
def authority_of_devices(tmp_path_factory):
    return Root(tmp_path_factory.mktemp("fleet"))


@pytest.fixture(name="charger", scope="module")
def one_device(fleet):
    return fleet.issue("charger-7", names="URI:urn:dev:charger-7", extensions=["extendedKeyUsage=clientAuth"])


def demanding(fleet, what="required", **more):
    return {f"{port}.tls.{key}": value for port in ("listener.0", "admin")
            for key, value in {"client": what, "client_ca": fleet.file, **more}.items()}


@pytest.fixture(name="gate", scope="module")
def one_gate(root, fleet):
    with Gate(demanding(fleet), shards=2, tls=root.issue("gate")) as running:
        yield running


def showing(root, certificate=None, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=root.file)
    context.minimum_version = context.maximum_version = version
    if certificate is not None:
        context.load_cert_chain(certificate.certificate, certificate.key)
    return context


def become_device(stream, device_id):
    stream.sendall(upgrade_request(f"/ws?deviceId={device_id}"))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(stream, 1)
    assert head.startswith(b"HTTP/1.1 101 "), head


def gets_in(address, context, device_id="charger-7"):
    """None, or why not. With TLS 1.3 a client learns of its refusal when it reads."""
    try:
        with secured(address, context) as stream:
            become_device(stream, device_id)
            stream.sendall(encode_frame(CLOSE, b"\x03\xe8"))
            read_frame(stream)
    except (ssl.SSLError, ConnectionResetError) as refused:
        return str(refused)
    return None


def metric(gate, context, name):
    with urllib.request.urlopen(gate.admin_url("/metrics"), context=context) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name):
                return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no {name}")


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_device_with_a_certificate_gets_in(gate, root, charger, version):
    assert gets_in(gate.device_address, showing(root, charger, version)) is None
    assert metric(gate, showing(root, charger, version), 'ringgate_ready') == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", ["none", "other authority", "expired", "server only", "self-signed", "without its issuer"])
def test_others_are_refused_and_the_log_says_why(gate, root, fleet, tmp_path, case, version):
    extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
    certificate, cause = {
        "none": lambda: (None, "no certificate"),
        "other authority": lambda: (Root(tmp_path).issue("charger-7"), "unable to get local issuer certificate"),
        "expired": lambda: (fleet.issue("old", dates=["-days", "-1"]), "certificate has expired"),
        "server only": lambda: (fleet.issue("server", extensions=["extendedKeyUsage=serverAuth"]), "unsuitable certificate purpose"),
        "self-signed": lambda: (self_signed(tmp_path), "self-signed certificate"),
        "without its issuer": lambda: (fleet.issue("lone", issuer=fleet.issue("sub", extensions=extensions)),
                                       "unable to get local issuer certificate"),
    }[case]()
    assert gets_in(gate.admin_address, showing(root, certificate, version)) is not None
    before, deadline = len(gate.records), time.monotonic() + 10 * PATIENCE
    while True:  # of one kind only some lines a second are written
        assert gets_in(gate.device_address, showing(root, certificate, version)) is not None
        records = [record for record in gate.records[before:] if record["msg"] == "client certificate refused"]
        if cause in [record["cause"] for record in records]:
            break
        assert time.monotonic() < deadline, records
    assert records[-1]["remote"].startswith("127.0.0.1:")


def self_signed(folder):
    certificate, key = folder / "self.pem", folder / "self.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=self", "-keyout", key,
            "-out", certificate)
    return type("Files", (), {"certificate": str(certificate), "key": str(key)})


def test_a_chain_may_come_with_the_device(gate, root, fleet, tmp_path):
    sub = fleet.issue("sub of chain", extensions=["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"])
    device = fleet.issue("device of chain", issuer=sub)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(open(device.certificate, "rb").read() + open(sub.certificate, "rb").read())
    context = showing(root)
    context.load_cert_chain(chain, device.key)
    assert gets_in(gate.device_address, context) is None


def test_an_optional_certificate_may_be_missing_but_not_bad(root, fleet, charger):
    with Gate(demanding(fleet, "optional"), tls=root.issue("gate")) as gate:
        assert gets_in(gate.device_address, showing(root)) is None
        assert gets_in(gate.device_address, showing(root, charger)) is None
        bad = fleet.issue("old", dates=["-days", "-1"])
        assert gets_in(gate.device_address, showing(root, bad)) is not None


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_openssl_command_sees_the_authorities_and_the_alert(gate, root, charger, fleet, version):
    def ask(*arguments):
        return subprocess.run(["openssl", "s_client", "-connect", gate.devices, "-servername", "localhost", "-CAfile", root.file, version, *arguments],
                              input=b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", capture_output=True,
                              timeout=20 * PATIENCE, check=False)
    good = ask("-cert", charger.certificate, "-key", charger.key, "-ign_eof")
    assert b"HTTP/1.1 200 OK" in good.stdout, good
    assert b"Acceptable client certificate CA names\nCN = Test Root" in good.stdout
    none = ask("-ign_eof")
    assert (b"certificate required" if version == "-tls1_3" else b"handshake failure") in none.stderr, none
    revoked = ask("-cert", fleet.issue("old", dates=["-days", "-1"]).certificate, "-key", str(fleet.folder / "old.key"), "-ign_eof")
    assert b"certificate expired" in revoked.stderr, revoked


def test_curl_shows_its_certificate_to_the_admin_port(gate, root, charger):
    arguments = ["curl", "--silent", "--show-error", "--cacert", root.file, gate.admin_url("/readyz").replace("127.0.0.1", "localhost")]
    assert subprocess.run([*arguments, "--cert", charger.certificate, "--key", charger.key], check=False, capture_output=True).returncode == 0
    assert subprocess.run(arguments, check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_revoked_certificate_ends_with_the_next_reload(root, tmp_path_factory, version):
    """Also if the device comes with a ticket of before."""
    fleet = Root(tmp_path_factory.mktemp("revoking"))
    good, bad = fleet.issue("good"), fleet.issue("bad")
    with Gate(demanding(fleet, crl=fleet.revoke()), shards=2, tls=root.issue("gate")) as gate:
        contexts, sessions = {}, {}
        for name, certificate in (("good", good), ("bad", bad)):
            contexts[name] = showing(root, certificate, version)
            with secured(gate.device_address, contexts[name]) as stream:
                become_device(stream, name)
                sessions[name] = stream.session
            with secured(gate.device_address, contexts[name], session=sessions[name]) as stream:
                become_device(stream, name)
                assert stream.session_reused
        fleet.revoke(bad)
        gate.signal(signal.SIGHUP)
        assert gate.wait_for_log("setting changed")["key"].endswith(".tls.crl")
        gate.wait_for_log("reloaded")
        deadline = time.monotonic() + 10 * PATIENCE
        while True:  # shards take the new list with their next turn
            with secured(gate.device_address, contexts["good"], session=sessions["good"]) as stream:
                become_device(stream, "good")
                if not stream.session_reused:
                    break
            assert time.monotonic() < deadline
        for _ in range(8):
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                with secured(gate.device_address, contexts["bad"], session=sessions["bad"]) as stream:
                    become_device(stream, "bad")
        assert gate.wait_for_log("client certificate refused")["subject"] == "/CN=bad"
        assert gets_in(gate.device_address, contexts["good"]) is None


def test_a_broken_list_keeps_the_old_one_in_force(root, tmp_path_factory, charger):
    fleet = Root(tmp_path_factory.mktemp("breaking"))
    good, bad = fleet.issue("good"), fleet.issue("bad")
    crl = fleet.revoke(bad)
    with Gate(demanding(fleet, crl=crl), warnings_allowed=True, tls=root.issue("gate")) as gate:
        crl.write_text("nonsense")
        gate.signal(signal.SIGHUP)
        assert f"{crl} holds no revocation list" in gate.wait_for_log("not reloaded, everything of before stays in force")["cause"]
        assert gets_in(gate.device_address, showing(root, good)) is None
        assert gets_in(gate.device_address, showing(root, bad)) is not None
        gate.records[:] = [record for record in gate.records if record.get("level") != "error"]


def test_go_shows_no_certificate_and_is_refused(gate, root):
    with pytest.raises(AssertionError):
        echo_plan.run_client("gorilla", gate.device_url("go"), echo_plan.SAMPLE, root=root.file)
    gate.wait_for_log("client certificate refused", cause="no certificate")


def test_the_books_of_handshakes_balance(root, fleet, charger):
    """Each accepted connection is one handshake with one result."""
    with Gate(demanding(fleet), shards=2, tls=root.issue("gate")) as gate:
        with socket.create_connection(gate.device_address) as stream:
            stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert stream.recv(100) == b""
        for sent in (b"", b"\x16\x03\x01"):
            socket.create_connection(gate.device_address).close()
            with socket.create_connection(gate.device_address) as stream:
                stream.sendall(sent)
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        assert gets_in(gate.device_address, showing(root)) is not None
        assert gets_in(gate.device_address, showing(root, charger)) is None
        under_way = socket.create_connection(gate.device_address)
        deadline = time.monotonic() + 10 * PATIENCE
        while True:
            with urllib.request.urlopen(gate.admin_url("/metrics"), context=showing(root, charger)) as answer:
                values = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in answer.read().decode().splitlines() if line[0] != "#"}
            accepted = sum(value for name, value in values.items() if name.startswith("ringgate_connections_opened_total"))
            results = {name: value for name, value in values.items() if name.startswith("ringgate_tls_handshakes_total")}
            balance = sum(results.values()) + values["ringgate_tls_handshakes"] - accepted
            cut_off = sum(results[f'ringgate_tls_handshakes_total{{result="{name}"}}'] for name in ("cut_off", "timeout"))
            if balance == 0 and cut_off + values["ringgate_tls_handshakes"] == 5:
                break
            assert time.monotonic() < deadline, (results, values["ringgate_tls_handshakes"], accepted)
        assert results['ringgate_tls_handshakes_total{result="not_tls"}'] == 1
        assert results['ringgate_tls_handshakes_total{result="client_refused"}'] == 1
        under_way.close()


def test_check_config_opens_the_files(root, fleet, tmp_path):
    short = root.issue("short", dates=["-days", "3"])
    good = ["--set", f"listener.0.tls.cert={short.certificate}", "--set", f"listener.0.tls.key={short.key}"]
    done = run_ringgate("check-config", *good)
    assert done.returncode == 0, done
    assert "ringgate: warning: " in done.stderr and "short.pem expires in " in done.stderr
    broken = [*good, "--set", "listener.0.tls.client=required", "--set", "listener.0.tls.client_ca=/no/ca.pem", "--set",
              f"listener.0.tls.crl={fleet.file}", "--set", f"listener.0.tls.ticket_keys={tmp_path / 'none'}"]
    done = run_ringgate("check-config", *broken)
    assert done.returncode == 78, done
    assert done.stderr.count("\n") == 3, done.stderr
    for cause in ("tls.client_ca: /no/ca.pem cannot be read", "tls.crl: ", "tls.ticket_keys: "):
        assert cause in done.stderr
    started = run_ringgate("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *broken)
    assert started.returncode == 78 and started.stderr.count("\n") == 1, started


# -- The admin port

def ask_admin(gate, context, method, path, body=None, token=None):
    request = urllib.request.Request(gate.admin_url(path), method=method, data=body,
                                     headers={"Content-Type": "text/plain", **({"Authorization": f"Bearer {token}"} if token else {})})
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_certificate_gives_the_scope_admin(gate, root, charger):
    context = showing(root, charger)
    for method, path, body, status in (("GET", "/v1/stats", None, 200), ("POST", "/v1/broadcast", b"x", 200), ("POST", "/v1/reload", b"", 200),
                                       ("DELETE", "/v1/devices/nobody", None, 404), ("DELETE", "/v1/bans/nobody", None, 404)):
        assert ask_admin(gate, context, method, path, body) == status, path
    calls = [record for record in gate.records if record["msg"] == "admin call"]
    assert {call["what"] for call in calls} >= {"POST /v1/broadcast", "POST /v1/reload", "DELETE /v1/devices/{id}"}
    assert {call["who"] for call in calls} == {"CN=charger-7"}
    with pytest.raises((urllib.error.URLError, ConnectionError, ssl.SSLError)):
        ask_admin(gate, showing(root), "GET", "/v1/stats")


def test_where_tokens_are_set_a_certificate_is_not_enough(root, fleet, charger, tmp_path):
    token = make_token(tmp_path / "tokens", "reader", "read")
    with Gate({**demanding(fleet), "admin.tokens": str(tmp_path / "tokens")}, tls=root.issue("gate")) as gate:
        context = showing(root, charger)
        assert ask_admin(gate, context, "GET", "/v1/stats") == 401
        assert ask_admin(gate, context, "GET", "/v1/stats", token=token) == 200
        assert ask_admin(gate, context, "POST", "/v1/reload", b"", token=token) == 403
