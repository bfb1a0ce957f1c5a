"""The table of docs/conformance/credentials.md, cell by cell: the page says what each credential gets, and here each one is tried over TLS."""

import datetime
import http.client
import itertools
import json
import pathlib
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from support.certificates import Root
from support.gate import PATIENCE, Gate
from support.raw_peer import upgrade_request
from test_credentials import (OLD_TOKEN, PASSWORD, TOKEN, World, alg_none, basic, bearer, hs256_with_public_pem, signed)

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/conformance/credentials.md"
KINDS = ["token", "basic", "hmac", "jwt", "mtls"]


def table_of_the_page():
    """{(case, kind): what the page says}, without the cells in which nothing can be tried."""
    lines = itertools.dropwhile(lambda line: not line.startswith("| the credential |"), PAGE.read_text().splitlines())
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in itertools.takewhile(lambda line: line.startswith("|"), lines)]
    assert rows[0][1:] == [f"`{kind}`" for kind in KINDS]
    return {(row[0], kind): said.strip("`") for row in rows[2:] for kind, said in zip(KINDS, row[1:]) if said != "–"}


def early(root):
    """A certificate of tomorrow: `openssl x509` of version 3.0 makes none, since it knows days from now alone."""
    made = root.issue("early", extensions=["extendedKeyUsage=clientAuth"])
    was = x509.load_pem_x509_certificate(pathlib.Path(made.certificate).read_bytes())
    signer = serialization.load_pem_private_key((root.folder / "root.key").read_bytes(), None)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(was.issuer, was.subject, was.public_key(), was.serial_number + 1,
                                      datetime.datetime.now(datetime.UTC) + day, datetime.datetime.now(datetime.UTC) + 2 * day, list(was.extensions))
    pathlib.Path(made.certificate).write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return made


class Tries:
    """How a credential of each kind comes to be what a row's name says. A try is a target, fields, and the client's certificate."""

    def __init__(self, folder):
        self.world = World(folder)
        self.root = Root(folder)
        (folder / "fleet").mkdir()
        (folder / "others").mkdir()
        self.fleet, others = Root(folder / "fleet"), Root(folder / "others")
        self.good = self.fleet.issue("a", extensions=["extendedKeyUsage=clientAuth"])
        self.certificates = {
            "good": self.good, "used twice": self.good,
            "expired": self.fleet.issue("old", dates=["-days", "-1"]),
            "not valid yet": early(self.fleet),
            "of a key that the gate does not know": others.issue("a", extensions=["extendedKeyUsage=clientAuth"]),
            "for something else": self.fleet.issue("server", extensions=["extendedKeyUsage=serverAuth"]),
            "of another device": self.fleet.issue("b", extensions=["extendedKeyUsage=clientAuth"])}

    def token(self, case):
        return {"good": TOKEN, "used twice": TOKEN, "expired": OLD_TOKEN, "of a key that the gate does not know": "an-opaque-token-of-nobody",
                "of another device": TOKEN, "cut short": TOKEN[:-1], "of 16 KB": "x" * 16_384}[case]

    def jwt(self, case):
        now, world = int(time.time()), self.world
        good = world.jwt()
        return {"good": good, "used twice": good, "expired": world.jwt(exp=now - 120), "not valid yet": world.jwt(nbf=now + 600),
                "of a key that the gate does not know": world.jwt(key="strange", alg="RS256"), "for something else": world.jwt(aud="other"),
                "of another device": good, "with `alg: none`": alg_none(good), "HS256 with the public key": hs256_with_public_pem(world),
                "with an unknown key id": world.jwt(header={"kid": "nobody"}), "cut short": good[:-4], "of 16 KB": good + "A" * 16_384}[case]

    def basic(self, case):
        user, password = {"good": ("a", b"secret"), "used twice": ("a", b"secret"), "expired": ("gone", b"x"),
                          "of a key that the gate does not know": ("a", b"secres"), "of another device": ("a", b"secret"),
                          "cut short": ("a", b"secre"), "of 16 KB": ("a", b"x" * 12_288), "with 20 raw bytes": ("CP|1 *", PASSWORD)}[case]
        return basic(user, password)

    def signed(self, path, case):
        soon, past, query = int(time.time()) + 600, int(time.time()) - 1, "deviceId=a"
        good = signed(path, query, soon)
        return {"good": good, "used twice": good, "expired": signed(path, query, past),
                "of a key that the gate does not know": signed(path, query, soon, b"x" * 32),
                "for something else": signed("/elsewhere", query, soon).replace("/elsewhere", path), "of another device": good.replace("deviceId=a", "deviceId=b"),
                "with an unknown key id": signed(path, query + "&kid=nobody", soon), "cut short": good[:-1], "of 16 KB": good + "0" * 16_384,
                "twice in one request": f"{good}&{good.split('&')[-1]}"}[case]

    def requests(self, case, kind):
        """Target, fields and certificate of each request that the cell needs."""
        if case == "none, where `none` is allowed too":
            return [(f"/open-{kind}?deviceId=a", [], None)]
        wrong_where_none_is_allowed = case == "wrong, where `none` is allowed too"
        if wrong_where_none_is_allowed:
            case = "of a key that the gate does not know"
        path = f"/open-{kind}" if wrong_where_none_is_allowed else f"/{kind}"
        times = 2 if case == "used twice" else 1
        target = f"{path}?deviceId={'b' if case == 'of another device' else 'gone' if (case, kind) == ('expired', 'basic') else 'a'}"
        if kind == "mtls":
            if case == "of another device":  # the certificate is b's, and a is claimed
                target = f"{path}?deviceId=a"
            return times * [(target, [], self.certificates[case])]
        if kind == "hmac":
            return times * [(self.signed(path, case), [], None)]
        if case == "with 20 raw bytes":
            target = f"{path}-ocpp?deviceId=CP%7C1%20*"
        fields = 2 if case == "twice in one request" else 1
        case = "good" if fields == 2 else case
        field = self.basic(case) if kind == "basic" else bearer(getattr(self, kind)(case))
        return times * [(target, fields * [field], None)]


@pytest.fixture(name="tries", scope="module")
def all_tries(tmp_path_factory):
    return Tries(tmp_path_factory.mktemp("table"))


@pytest.fixture(name="gate", scope="module")
def one_gate(tries):
    settings = dict(tries.world.settings) | {"listener.0.tls.client": "optional", "listener.0.tls.client_ca": tries.fleet.file}
    paths = [(f"/{kind}", kind) for kind in KINDS] + [(f"/open-{kind}", f"{kind},none") for kind in KINDS] + [("/basic-ocpp", "basic")]
    for i, (path, auth) in enumerate(paths):
        settings |= {f"route.{i}.path": path, f"route.{i}.auth": auth}
    settings[f"route.{len(paths) - 1}.id_characters"] = "ocpp"
    with Gate(settings, shards=2, tls=tries.root.issue("gate"), warnings_allowed=True) as running:
        yield running


def ask(gate, root, target, fields, certificate):
    """What the page calls it: a status with the reason of a refusal, or `alert`, if TLS refused."""
    context = ssl.create_default_context(cafile=root.file)
    if certificate is not None:
        context.load_cert_chain(certificate.certificate, certificate.key)
    with socket.create_connection(gate.device_address, timeout=10 * PATIENCE) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as stream:
                stream.sendall(upgrade_request(target, *fields))
                response = http.client.HTTPResponse(stream)
                response.begin()
                if response.status == 101:
                    return "101"
                if response.status == 401:
                    assert response.getheader("WWW-Authenticate"), "RFC 9110 section 15.5.2"
                return f"{response.status} {json.loads(response.read())['reason']}"
        except ssl.SSLError as refused:
            assert "ALERT" in str(refused).upper(), refused
            return "alert"


def cells():
    return [pytest.param(case, kind, said, id=f"{kind}: {case}") for (case, kind), said in table_of_the_page().items()]


@pytest.mark.parametrize("case, kind, said", cells())
def test_each_credential_gets_what_the_page_says(gate, tries, case, kind, said):
    for target, fields, certificate in tries.requests(case, kind):
        assert ask(gate, tries.root, target, fields, certificate) == said


def test_the_page_has_a_row_for_each_way_to_be_wrong():
    assert len({case for case, _ in table_of_the_page()}) == 16
