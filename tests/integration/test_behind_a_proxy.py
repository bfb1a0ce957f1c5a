"""haproxy and nginx in front: the gate shows the clients' addresses, and believes nobody else."""

import contextlib
import signal
import ssl
import struct
import subprocess
import time

import pytest

from support.certificates import Root
from support.curl import curl, metric
from support.gate import PATIENCE, Gate
from support.proxies import Proxy
from support.raw_peer import TEXT, RawPeer, upgrade_request
from test_admin_access import make_token

HAPROXY_TCP = """
frontend devices
  mode tcp
  bind {{listen}}
  default_backend gate
backend gate
  mode tcp
  server gate {{gate}} {options}
"""

HAPROXY_HTTP = """
frontend devices
  mode http
  bind {{listen}}
  {options}
  default_backend gate
backend gate
  mode http
  server gate {{gate}}
"""

NGINX_STREAM = "stream {{ server {{ listen {listen}; proxy_pass {gate}; proxy_protocol on; }} }}"

NGINX_HTTP = """
  server {{{{
    listen {{listen}};
    location / {{{{
      proxy_pass http://{{gate}}; proxy_http_version 1.1; proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
      {options}
    }}}}
  }}}}
"""

# name: (program, configuration)
WITH_PROXY_HEADER = {
    "haproxy v1": ("haproxy", HAPROXY_TCP.format(options="send-proxy")),
    "haproxy v2": ("haproxy", HAPROXY_TCP.format(options="send-proxy-v2")),
    "haproxy v2, checksum": ("haproxy", HAPROXY_TCP.format(options="send-proxy-v2 proxy-v2-options crc32c")),
    "nginx v1": ("nginx-stream", NGINX_STREAM),
}
WITH_FIELDS = {
    "nginx, X-Forwarded-For": ("nginx-http", NGINX_HTTP.format(options="proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;")),
    "nginx, Forwarded": ("nginx-http", NGINX_HTTP.format(options='proxy_set_header Forwarded "$http_forwarded, for=$remote_addr;proto=http";')),
    "haproxy, X-Forwarded-For": ("haproxy", HAPROXY_HTTP.format(options="option forwardfor")),
    "haproxy, Forwarded": ("haproxy", HAPROXY_HTTP.format(options="http-request add-header Forwarded for=%[src];proto=http")),
}
SOURCES = ["127.0.0.5", "127.0.0.77", "127.9.8.7"]
TRUSTED = {"listener.0.trusted_proxies": "127.0.0.1/32"}
V1 = b"PROXY TCP4 192.0.2.7 127.0.0.1 12345 8080\r\n"


def v2(source=b"\xc0\x00\x02\x07", port=12345):
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + source + b"\x7f\0\0\x01" + struct.pack("!HH", port, 8080)


def shown(gate, device_id):
    return curl(gate.admin_url(f"/v1/devices/{device_id}")).json["remote"]


@contextlib.contextmanager
def device(address, device_id, *fields, source=None, first=b""):
    """A device on its way to the gate; `first` goes before its request."""
    with RawPeer(address, source=source) as peer:
        peer.send(first)
        peer.upgrade(f"/ws?deviceId={device_id}", *fields)
        peer.send_frame(TEXT, b"to and fro")
        assert peer.read_frame().payload == b"to and fro"
        yield peer


# -- PROXY headers

@pytest.mark.parametrize("name", WITH_PROXY_HEADER)
def test_a_proxy_header_tells_the_client(name):
    program, configuration = WITH_PROXY_HEADER[name]
    with Gate({**TRUSTED, "listener.0.proxy_protocol": "auto"}, shards=2) as gate, Proxy(program, configuration, gate.devices) as proxy:
        for source in SOURCES:
            with device(proxy.address, f"via-{source}", source=source) as peer:
                local = peer.local_address
                assert local.startswith(f"{source}:")
                assert shown(gate, f"via-{source}") == local
                assert gate.wait_for_log("device connected", device_id=f"via-{source}")["remote"] == local
            assert gate.wait_for_log("device disconnected", device_id=f"via-{source}")["remote"] == local
        assert metric(gate, "ringgate_proxy_headers_total", result="accepted") == len(SOURCES)


@pytest.mark.parametrize("name", WITH_PROXY_HEADER)
def test_a_proxy_header_comes_before_tls(name, tmp_path):
    program, configuration = WITH_PROXY_HEADER[name]
    root = Root(tmp_path)
    certificate = root.issue("gate")
    settings = {**TRUSTED, "listener.0.proxy_protocol": "auto", "listener.0.tls.cert": certificate.certificate,
                "listener.0.tls.key": certificate.key}
    with Gate(settings, shards=2) as gate, Proxy(program, configuration, gate.devices) as proxy:
        for source in SOURCES:
            with RawPeer(proxy.address, source=source) as peer:
                local = peer.local_address
                peer.socket = ssl.create_default_context(cafile=root.file).wrap_socket(peer.socket, server_hostname="localhost")
                peer.upgrade(f"/ws?deviceId=via-{source}")
                assert shown(gate, f"via-{source}") == local


@pytest.mark.parametrize("header", [V1, v2(), V1[:6], v2()[:16]], ids=["v1", "v2", "beginning of v1", "beginning of v2"])
def test_from_a_stranger_a_proxy_header_is_refused(header):
    with Gate({"listener.0.trusted_proxies": "127.0.0.2", "listener.0.proxy_protocol": "auto"}) as gate:
        # The reset may come before the connect is over.
        with contextlib.suppress(ConnectionError), RawPeer(gate.device_address) as stranger:
            with contextlib.suppress(ConnectionError):
                stranger.send(header + upgrade_request("/ws?deviceId=stranger"))
            stranger.expect_end()
        gate.wait_for_log("connection refused")
        with device(gate.device_address, "good", source="127.0.0.2", first=V1):
            assert shown(gate, "good") == "192.0.2.7:12345"
        assert metric(gate, "ringgate_proxy_headers_total", result="untrusted") == 1
        refused = [record for record in gate.records if record["msg"] == "connection refused"]
        assert [record["reason"] for record in refused] == ["untrusted_proxy"]
        assert refused[0]["remote"].startswith("127.0.0.1:")
        assert curl(gate.admin_url("/v1/devices/stranger")).status == 404


@pytest.mark.parametrize("sent, result, reason", [
    (upgrade_request("/ws?deviceId=a"), "missing", "no_header"),
    (b"\x16\x03\x01\x00\x50", "missing", "no_header"),
    (b"PROXY TCP4 192.0.2.7 127.0.0.1 12345\r\n", "malformed", "v1_fields"),
    (b"PROXY TCP4 192.0.2.777 127.0.0.1 1 2\r\n", "malformed", "v1_address"),
    (v2()[:12] + b"\x31" + v2()[13:], "malformed", "v2_version"),
    (v2()[:15] + b"\x13" + v2()[16:] + b"\x03\0\4\1\2\3\4", "malformed", "v2_checksum"),
    (b"PROXY ", "timeout", "timeout"),
    (b"", "timeout", "timeout"),
], ids=["request", "TLS", "fields", "address", "version", "checksum", "half a header", "nothing"])
def test_what_is_no_proxy_header_ends_the_connection(sent, result, reason):
    settings = {**TRUSTED, "listener.0.proxy_protocol": "auto", "limits.handshake_timeout": "500ms"}
    with Gate(settings) as gate, RawPeer(gate.device_address) as peer:
        peer.send(sent)
        peer.expect_end()
        assert gate.wait_for_log("connection refused")["reason"] == reason
        assert metric(gate, "ringgate_proxy_headers_total", result=result) == 1


@pytest.mark.parametrize("version, right, wrong", [("v1", V1, v2()), ("v2", v2(), V1)])
def test_only_the_version_that_is_set_counts(version, right, wrong):
    with Gate({**TRUSTED, "listener.0.proxy_protocol": version}) as gate:
        with device(gate.device_address, "right", first=right):
            assert shown(gate, "right") == "192.0.2.7:12345"
        with RawPeer(gate.device_address) as peer:
            peer.send(wrong)
            peer.expect_end()


def test_a_proxy_that_speaks_for_itself_is_the_peer():
    with Gate({**TRUSTED, "listener.0.proxy_protocol": "auto"}) as gate:
        for number, header in enumerate([b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"]):
            with device(gate.device_address, f"itself-{number}", first=header) as peer:
                assert shown(gate, f"itself-{number}") == peer.local_address


def test_the_admin_port_takes_a_proxy_header():
    """curl speaks version 1."""
    with Gate({"admin.trusted_proxies": "127.0.0.1", "admin.proxy_protocol": "v1"}) as gate:
        assert curl(gate.admin_url("/healthz"), "--haproxy-protocol").status == 200
        done = subprocess.run(["curl", "--silent", "--noproxy", "*", gate.admin_url("/healthz")], capture_output=True, timeout=10 * PATIENCE, check=False)
        assert done.returncode != 0


# -- X-Forwarded-For and Forwarded

@pytest.mark.parametrize("name", WITH_FIELDS)
def test_a_field_tells_the_client(name):
    program, configuration = WITH_FIELDS[name]
    forged = f"{name.split(', ')[1]}: {'for=' if name.endswith(' Forwarded') else ''}198.51.100.1"
    settings = {**TRUSTED, "listener.0.forwarded": "forwarded" if name.endswith(" Forwarded") else "x_forwarded_for"}
    for setting in (settings, TRUSTED):
        with Gate(setting, shards=2) as gate, Proxy(program, configuration, gate.devices) as proxy:
            for source in SOURCES:
                for fields in ([], [forged], [forged + ';by="'], [forged.split(":")[0] + ': "']):
                    with device(proxy.address, "via", *fields, source=source):
                        assert shown(gate, "via") == source
                        assert gate.wait_for_log("device connected", device_id="via")["remote"] == source
                    gate.wait_for_log("device disconnected", device_id="via", remote=source)


def test_from_a_stranger_fields_are_ignored():
    with Gate({"listener.0.trusted_proxies": "127.0.0.2"}) as gate:
        with device(gate.device_address, "stranger", "X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8") as peer:
            assert shown(gate, "stranger") == peer.local_address
    with Gate() as gate:
        with device(gate.device_address, "nobody", "X-Forwarded-For: 192.0.2.7") as peer:
            assert shown(gate, "nobody") == peer.local_address


@pytest.mark.parametrize("fields, remote", [
    (["X-Forwarded-For: 198.51.100.1, 192.0.2.7, 127.0.0.1"], "192.0.2.7"),
    (["X-Forwarded-For: 198.51.100.1, 192.0.2.7", "X-Forwarded-For: 127.0.0.1"], "192.0.2.7"),
    (['Forwarded: for="[2001:db8::7]:4711";proto=https'], "[2001:db8::7]:4711"),
    (["X-Forwarded-For: 192.0.2.7", 'Forwarded: for="192.0.2.7:80"'], "192.0.2.7:80"),
    (["X-Forwarded-For: unknown"], None),
    (["X-Forwarded-For: 192.0.2.7, garbage"], None),
    (["Forwarded: for=_hidden"], None),
    (['Forwarded: for=192.0.2.7;by="'], None),
    (['Forwarded: for=198.51.100.1;by=", for=192.0.2.7'], "192.0.2.7"),
    (["Forwarded: for=198.51.100.1, for=2001:db8::7"], "2001:db8::7"),
], ids=["chain", "lines", "IPv6 and port", "both", "unknown", "garbage", "hidden", "open quote", "the client's quote", "bare IPv6"])
def test_the_walk_ends_at_the_first_who_is_not_trusted(fields, remote):
    with Gate(TRUSTED) as gate, device(gate.device_address, "walk", *fields) as peer:
        assert shown(gate, "walk") == (remote or peer.local_address)


def test_two_fields_that_disagree_are_refused():
    fields = ["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8"]
    with Gate(TRUSTED) as gate, RawPeer(gate.device_address) as peer:
        response = peer.request(upgrade_request("/ws?deviceId=torn", *fields))
        assert response.status == 400 and b"forwarded_conflict" in response.body
    for word, remote in (("x_forwarded_for", "192.0.2.7"), ("forwarded", "192.0.2.8"), ("off", None)):
        with Gate({**TRUSTED, "listener.0.forwarded": word}) as gate, device(gate.device_address, "torn", *fields) as peer:
            assert shown(gate, "torn") == (remote or peer.local_address)


def test_behind_a_proxy_header_a_client_forges_nothing():
    """The client that the header names is no trusted proxy, so its fields mean nothing. Behind a proxy of the list they do."""
    with Gate({"listener.0.trusted_proxies": "127.0.0.1,10.0.0.0/8", "listener.0.proxy_protocol": "v2"}) as gate:
        with device(gate.device_address, "forger", "X-Forwarded-For: 198.51.100.1", first=v2()):
            assert shown(gate, "forger") == "192.0.2.7:12345"
        with device(gate.device_address, "chained", "X-Forwarded-For: 198.51.100.1", first=v2(source=b"\x0a\0\0\x05")):
            assert shown(gate, "chained") == "198.51.100.1"


def test_both_kinds_of_proxies_in_a_row():
    """nginx names the client in a field, haproxy behind it names nginx in a header."""
    program, configuration = WITH_FIELDS["nginx, X-Forwarded-For"]
    settings = {**TRUSTED, "listener.0.proxy_protocol": "v2"}
    with Gate(settings) as gate, Proxy(*WITH_PROXY_HEADER["haproxy v2"], gate.devices) as inner:
        with Proxy(program, configuration, f"127.0.0.1:{inner.port}") as outer, device(outer.address, "chain", source="127.0.0.5"):
            assert shown(gate, "chain") == "127.0.0.5"


def test_proxies_are_read_again(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text("[[listener]]\n")
    with Gate(arguments=["-c", str(file)], shards=2) as gate:
        def reload(text):
            file.write_text("[[listener]]\n" + text)
            gate.signal(signal.SIGHUP)
            gate.wait_for_log("reloaded", restart_needed=0)

        def becomes(remote, *fields, first=b""):
            """Shards take what is new with their next turn."""
            deadline = time.monotonic() + 10 * PATIENCE
            while True:
                with contextlib.suppress(EOFError, ConnectionError, AssertionError), device(gate.device_address, "one", *fields, first=first):
                    if shown(gate, "one") == remote:
                        return
                assert time.monotonic() < deadline

        with device(gate.device_address, "staying") as staying:
            reload("trusted_proxies = ['127.0.0.1']\n")
            becomes("192.0.2.7", "X-Forwarded-For: 192.0.2.7")
            reload("trusted_proxies = ['127.0.0.1']\nproxy_protocol = 'v1'\n")
            becomes("192.0.2.7:12345", first=V1)
            staying.send_frame(TEXT, b"still here")
            assert staying.read_frame().payload == b"still here"


# -- The admin port

def ask_admin(gate, *fields, path="/v1/reload", method="POST", source=None):
    with RawPeer(gate.admin_address, source=source) as peer:
        lines = "".join(f"{field}\r\n" for field in ("Host: localhost", "Content-Length: 0", "Connection: close", *fields))
        return peer.request(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()).status


def test_the_admin_port_names_the_client_behind_a_trusted_proxy():
    with Gate({"admin.trusted_proxies": "127.0.0.1"}, shards=2) as gate:
        for field, client in (("X-Forwarded-For: 198.51.100.1, 192.0.2.7", "192.0.2.7"), ("Forwarded: for=192.0.2.8;proto=http", "192.0.2.8")):
            assert ask_admin(gate, field) == 200
            assert gate.wait_for_log("admin call")["remote"] == client
        assert ask_admin(gate, "X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8") == 400
        # From elsewhere the fields are ignored.
        assert ask_admin(gate, "X-Forwarded-For: 192.0.2.7", source="127.0.0.2") == 200
        assert gate.wait_for_log("admin call")["remote"].startswith("127.0.0.2:")
    with Gate({"admin.trusted_proxies": "127.0.0.1", "admin.forwarded": "x_forwarded_for"}) as gate:
        assert ask_admin(gate, "X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8") == 200
        assert gate.wait_for_log("admin call")["remote"] == "192.0.2.7"
    with Gate() as gate:
        assert ask_admin(gate, "X-Forwarded-For: 192.0.2.7") == 200
        assert gate.wait_for_log("admin call")["remote"].startswith("127.0.0.1:")


def test_each_request_of_a_kept_connection_to_the_admin_port_has_its_client():
    with Gate({"admin.trusted_proxies": "127.0.0.1"}) as gate, RawPeer(gate.admin_address) as proxy:
        for client in ("192.0.2.1", "192.0.2.2", None, "192.0.2.1"):
            field = f"X-Forwarded-For: {client}\r\n" if client else ""
            assert proxy.request(f"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{field}\r\n".encode()).status == 200
            assert gate.wait_for_log("admin call")["remote"] == (client or proxy.local_address)


def test_wrong_tokens_through_a_proxy_count_for_their_client(tmp_path):
    token = make_token(tmp_path / "tokens", "reader", "read")
    with Gate({"admin.trusted_proxies": "127.0.0.1", "admin.tokens": str(tmp_path / "tokens")}, shards=2) as gate:
        def ask(client, secret):
            return ask_admin(gate, f"X-Forwarded-For: {client}", f"Authorization: Bearer {secret}", path="/v1/devices", method="GET")

        assert [ask("192.0.2.1", "guess") for _ in range(12)].count(401) in (10, 11)
        assert ask("192.0.2.1", token) == 429
        assert gate.wait_for_log("admin access refused")["remote"] == "192.0.2.1"
        assert ask("192.0.2.2", token) == 200, "another client of the same proxy"


def test_a_proxy_header_before_tls_and_the_client_s_certificate_in_one_connection(tmp_path):
    root = Root(tmp_path)
    gate_files, charger = root.issue("gate"), root.issue("charger-7", extensions=["extendedKeyUsage=clientAuth"])
    settings = {**TRUSTED, "listener.0.proxy_protocol": "auto", "listener.0.tls.client": "required", "listener.0.tls.client_ca": root.file,
                "route.0.path": "/ws", "route.0.auth": "mtls", "route.0.id_from": "tls:cn"}
    context = ssl.create_default_context(cafile=root.file)
    context.load_cert_chain(charger.certificate, charger.key)
    stranger = ssl.create_default_context(cafile=root.file)
    with Gate({**settings, "listener.0.tls.cert": gate_files.certificate, "listener.0.tls.key": gate_files.key}, shards=2) as gate:
        for header in (V1, v2()):
            with RawPeer(gate.device_address) as peer:
                peer.send(header)
                peer.socket = context.wrap_socket(peer.socket, server_hostname="localhost")
                peer.upgrade("/ws")
                assert shown(gate, "charger-7") == "192.0.2.7:12345"
                assert gate.wait_for_log("device connected", device_id="charger-7")["remote"] == "192.0.2.7:12345"
                peer.close_normally()
            gate.wait_for_log("device disconnected", device_id="charger-7")
        with RawPeer(gate.device_address) as peer, contextlib.suppress(ssl.SSLError, ConnectionError):
            peer.send(V1)
            peer.socket = stranger.wrap_socket(peer.socket, server_hostname="localhost")
            peer.send(upgrade_request("/ws"))
            assert peer.socket.recv(100) == b""
        assert gate.wait_for_log("client certificate refused")["remote"] == "192.0.2.7:12345"
