"""Who may connect: every kind of credential, good and bad, on real gates; tokens from PyJWT, hashes and signatures from hashlib."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import signal
import time

import jwt
import pytest
import websockets.sync.client
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.gate import PATIENCE, Gate, run_ringgate
from support.raw_peer import RawPeer, upgrade_request

TOKEN = "an-opaque-token-of-device-a"
FLEET_TOKEN = "an-opaque-token-of-a-fleet"
OLD_TOKEN = "a-token-that-has-expired"
PASSWORD = bytes(range(0, 10)) + bytes(range(246, 256))  # 20 raw bytes, as OCPP 1.6 has them
URL_KEY = b"k" * 32
HMAC_SECRET = b"s" * 64
AUDIENCE, ISSUER = "gate", "https://issuer.test"


def pem_of(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class World:
    """The files of credentials, and the keys that made them."""

    def __init__(self, folder):
        self.folder = folder
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.strange = rsa.generate_private_key(65537, 2048)
        self.write("tokens", "".join(f"sha256:{hashlib.sha256(token.encode()).hexdigest()} {fields}\n" for token, fields in (
            (TOKEN, "device=a name=token-a"), (FLEET_TOKEN, "group=fleet prefix=f- name=token-fleet"), (OLD_TOKEN, "device=a expires=1000"))))
        self.write("users", "".join(f"{user}:{self.hash(password)}{more}\n" for user, password, more in (
            ("a", b"secret", ""), ("CP%7C1%20*", PASSWORD, ""), ("shared", b"colon:inside", " device=b"), ("gone", b"x", " expires=1000"))))
        self.write("url-keys", f"k1:{base64.b64encode(URL_KEY).decode()}\n")
        (folder / "rsa.pem").write_bytes(pem_of(self.rsa))
        ec_jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.ec.public_key())) | {"kid": "ec", "alg": "ES256"}
        secret = {"kty": "oct", "kid": "hs", "alg": "HS256", "k": base64.urlsafe_b64encode(HMAC_SECRET).rstrip(b"=").decode()}
        self.write("jwks", json.dumps({"keys": [ec_jwk, secret]}))

    def write(self, name, text):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o600)

    @staticmethod
    def hash(password, iterations=100):
        salt = hashlib.sha256(password).digest()[:16]
        digest = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
        return f"pbkdf2-sha256${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"

    def jwt(self, key="ec", alg="ES256", header=None, drop=(), **claims):
        now = int(time.time())
        payload = {"sub": "a", "iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "iat": now, **claims}
        for name in drop:
            del payload[name]
        signer = {"ec": self.ec, "rsa": self.rsa, "strange": self.strange, "hs": HMAC_SECRET}[key]
        headers = header if header is not None else {} if key in ("rsa", "strange") else {"kid": key}
        return jwt.encode(payload, signer, alg, headers=headers)

    @property
    def settings(self):
        files = {name: self.folder / name for name in ("tokens", "users", "url-keys")}
        return {"auth.token.tokens": files["tokens"], "auth.basic.users": files["users"], "auth.hmac.keys": files["url-keys"],
                "auth.jwt.keys": f"{self.folder}/rsa.pem,{self.folder}/jwks", "auth.jwt.issuer": ISSUER, "auth.jwt.audience": AUDIENCE,
                "limits.auth_failures": "off"}  # there are many


ROUTES = [("/token", "token"), ("/basic", "basic"), ("/hmac", "hmac"), ("/jwt", "jwt"), ("/any", "jwt,token,basic"),
          ("/open", "token,jwt,basic,none"), ("/ocpp/{id}", "basic")]


@pytest.fixture(name="world", scope="module")
def one_world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("credentials"))


@pytest.fixture(name="gate", scope="module")
def one_gate(world):
    settings = dict(world.settings)
    for i, (path, auth) in enumerate(ROUTES):
        settings |= {f"route.{i}.path": path, f"route.{i}.auth": auth, f"route.{i}.subprotocols": "chat"}
        if path.startswith("/ocpp"):
            settings[f"route.{i}.id_characters"] = "ocpp"
    settings |= {"route.7.path": "/proven", "route.7.auth": "jwt,basic", "route.7.id_from": "query:deviceId,jwt:sub,basic:user",
                 "route.8.path": "/shadow", "route.8.auth": "token", "route.8.enforce": "false"}
    with Gate(settings, shards=2) as running:
        yield running


def ask(gate, target, *fields):
    """The answer to an opening handshake: its status, and the reason of a refusal."""
    with RawPeer(gate.device_address) as peer:
        peer.send(upgrade_request(target, *fields))
        response = peer.read_response()
        if response.status == 101:
            return 101, None
        if response.status == 401:
            assert response.fields["www-authenticate"], "RFC 9110 section 15.5.2"
        return response.status, json.loads(response.body)["reason"]


def bearer(token):
    return f"Authorization: Bearer {token}"


def basic(user, password):
    return "Authorization: Basic " + base64.b64encode(user.encode() + b":" + password).decode()


def signed(path, query, expires, key=URL_KEY):
    text = f"{path}?{query}&expires={expires}"
    return f"{text}&signature={hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}"


def alg_none(token):
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def hs256_with_public_pem(world):
    """The classical confusion: the public key, which everybody has, as the secret of a MAC."""
    payload = world.jwt(key="rsa", alg="RS256").split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    digest = hmac.new(pem_of(world.rsa), f"{header}.{payload}".encode(), hashlib.sha256).digest()
    return f"{header}.{payload}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_static_tokens(gate):
    for target, field, expected in (
            ("/token?deviceId=a", bearer(TOKEN), (101, None)),
            ("/token?deviceId=b", bearer(TOKEN), (403, "device_not_covered")),
            ("/token?deviceId=f-7", bearer(FLEET_TOKEN), (101, None)),
            ("/token?deviceId=g-7", bearer(FLEET_TOKEN), (403, "device_not_covered")),
            ("/token?deviceId=a", bearer(OLD_TOKEN), (401, "credential_expired")),
            ("/token?deviceId=a", bearer(TOKEN[:-1]), (401, "credential_wrong")),
            ("/token?deviceId=a", bearer("x" * 8000), (401, "credential_wrong")),
            ("/token?deviceId=a", bearer(""), (401, "credential_wrong")),
            ("/token?deviceId=a", "X-Nothing: 1", (401, "credential_missing")),
            ("/token?deviceId=a", basic("a", b"secret"), (401, "credential_wrong")),
            ("/token?deviceId=a", f"{bearer(TOKEN)}\r\n{bearer(TOKEN)}", (400, "credential_repeated")),
            (f"/token?deviceId=a&access_token={TOKEN}", "X-Nothing: 1", (101, None)),
            (f"/token?deviceId=a&access_token={TOKEN}", bearer(TOKEN), (400, "credential_repeated")),
            ("/token?deviceId=a", f"Sec-WebSocket-Protocol: chat, ringgate.token.{TOKEN}", (101, None)),
            ("/open?deviceId=a", bearer("wrong"), (401, "credential_wrong")),
            ("/open?deviceId=a", "X-Nothing: 1", (101, None)),
            ("/any?deviceId=a", bearer(TOKEN), (101, None)),
            ("/any?deviceId=a", basic("a", b"secret"), (101, None))):
        assert ask(gate, target, field) == expected, (target, field)


def test_a_token_in_the_subprotocols_is_not_echoed(gate):
    with websockets.sync.client.connect(f"ws://{gate.devices}/token?deviceId=a", subprotocols=["chat", f"ringgate.token.{TOKEN}"]) as client:
        assert client.subprotocol == "chat"
        client.send("hello")
        assert client.recv() == "hello"


def test_basic(gate):
    for target, field, expected in (
            ("/basic?deviceId=a", basic("a", b"secret"), (101, None)),
            ("/basic?deviceId=a", basic("a", b"secres"), (401, "credential_wrong")),
            ("/basic?deviceId=a", basic("nobody", b"secret"), (401, "credential_wrong")),
            ("/basic?deviceId=b", basic("a", b"secret"), (403, "device_not_covered")),
            ("/basic?deviceId=b", basic("shared", b"colon:inside"), (101, None)),
            ("/basic?deviceId=gone", basic("gone", b"x"), (401, "credential_expired")),
            ("/basic?deviceId=a", "Authorization: Basic !!!", (401, "credential_wrong")),
            ("/basic?deviceId=a", "Authorization: basic " + basic("a", b"secret").split()[-1], (101, None)),
            ("/ocpp/CP%7C1%20*", basic("CP|1 *", PASSWORD), (101, None)),
            ("/ocpp/CP|1%20*", basic("CP|1 *", PASSWORD), (101, None)),
            ("/ocpp/CP%7C1%20*", basic("CP|1 *", PASSWORD[:-1] + b"\0"), (401, "credential_wrong")),
            ("/ocpp/CP%7C2%20*", basic("CP|1 *", PASSWORD), (403, "device_not_covered"))):
        assert ask(gate, target, field) == expected, (target, field)


def test_signed_urls(gate):
    soon, past = int(time.time()) + 600, int(time.time()) - 1
    good = signed("/hmac", "deviceId=a", soon)
    for target, expected in (
            (good, (101, None)),
            (good, (101, None)),  # good as often as it is used until it expires
            (signed("/hmac", "deviceId=a", past), (401, "credential_expired")),
            (signed("/hmac", "deviceId=a", soon, b"x" * 32), (401, "credential_wrong")),
            (good.replace("deviceId=a", "deviceId=b"), (401, "credential_wrong")),
            (good.replace("deviceId=a", "deviceId=%61"), (401, "credential_wrong")),
            (good[:-1], (401, "credential_wrong")),
            (good + "&deviceId=a", (401, "credential_wrong")),
            (good + "&signature=00", (401, "credential_wrong")),
            (f"/hmac?deviceId=a&expires={soon}", (401, "credential_missing"))):
        assert ask(gate, target) == expected, target


def test_jwt(gate, world):
    now = int(time.time())
    good = world.jwt()
    for name, token, expected in (
            ("ES256", good, (101, None)),
            ("again", good, (101, None)),
            ("RS256 without kid", world.jwt(key="rsa", alg="RS256"), (101, None)),
            ("PS256", world.jwt(key="rsa", alg="PS256"), (101, None)),
            ("HS256", world.jwt(key="hs", alg="HS256"), (101, None)),
            ("expired", world.jwt(exp=now - 120), (401, "credential_expired")),
            ("not yet", world.jwt(nbf=now + 600), (401, "credential_wrong")),
            ("wrong key", world.jwt(key="strange", alg="RS256"), (401, "credential_wrong")),
            ("wrong audience", world.jwt(aud="other"), (401, "credential_wrong")),
            ("wrong issuer", world.jwt(iss="https://other.test"), (401, "credential_wrong")),
            ("alg none", alg_none(good), (401, "credential_wrong")),
            ("HS256 with the public key", hs256_with_public_pem(world), (401, "credential_wrong")),
            ("unknown kid", world.jwt(header={"kid": "nobody"}), (401, "credential_wrong")),
            ("truncated", good[:-4], (401, "credential_wrong")),
            ("no exp", world.jwt(drop=["exp"]), (401, "credential_wrong")),
            ("no sub", world.jwt(drop=["sub"]), (401, "credential_wrong")),
            ("8 KiB", good + "A" * 8192, (401, "credential_wrong"))):
        assert ask(gate, "/jwt?deviceId=a", bearer(token)) == expected, name
    assert ask(gate, "/jwt?deviceId=b", bearer(good)) == (403, "device_not_covered")
    assert ask(gate, f"/jwt?deviceId=a&access_token={good}") == (101, None)
    assert ask(gate, "/jwt?deviceId=a", bearer("A" * 15000))[0] in (401, 431)


def device(gate, device_id):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", f"/v1/devices/{device_id}")
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def call(gate, method, path, body=None):
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        fields = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, None if body is None else json.dumps(body), fields)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None


def test_the_id_comes_from_the_credential(gate, world):
    assert ask(gate, "/proven", bearer(world.jwt(sub="from-jwt"))) == (101, None)
    assert ask(gate, "/proven", basic("a", b"secret")) == (101, None)
    assert ask(gate, "/proven?deviceId=other", basic("a", b"secret")) == (403, "device_not_covered")
    assert ask(gate, "/proven", bearer(world.jwt(sub="not an id"))) == (400, "bad_id")
    with websockets.sync.client.connect(f"ws://{gate.devices}/proven", additional_headers={"Authorization": f"Bearer {world.jwt(sub='x-9')}"}):
        assert device(gate, "x-9")[0] == 200


def test_a_stranger_evicts_nobody(gate, world):
    with websockets.sync.client.connect(f"ws://{gate.devices}/jwt?deviceId=a", additional_headers={"Authorization": f"Bearer {world.jwt()}"}) as owner:
        before = device(gate, "a")[1]["conn"]
        for token in (alg_none(world.jwt()), world.jwt(key="strange", alg="RS256"), world.jwt(sub="b"), "x"):
            assert ask(gate, "/jwt?deviceId=a", bearer(token))[0] in (401, 403)
        assert device(gate, "a")[1]["conn"] == before
        owner.send("still here")
        assert owner.recv() == "still here"


def test_shadow_mode_lets_in_and_tells(gate):
    assert ask(gate, "/shadow?deviceId=s1", bearer("wrong")) == (101, None)
    record = gate.wait_for_log("handshake let in without a good credential", device_id="s1")
    assert record["reason"] == "credential_wrong" and record["cause"] == "token_unknown"
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        assert 'ringgate_handshakes_let_in_total{reason="credential_wrong"} 1' in connection.getresponse().read().decode()


def test_no_secret_is_logged(world):
    settings = {**world.settings, "route.0.path": "/any", "route.0.auth": "jwt,token,basic,hmac", "log.level": "debug"}
    with Gate(settings) as gate:
        token, url = world.jwt(sub="quiet"), signed("/any", "deviceId=quiet", 1)
        assert ask(gate, f"/any?deviceId=quiet&access_token={token}") == (101, None)
        for target, field in (("/any?deviceId=quiet", bearer("a-secret-token")), ("/any?deviceId=quiet", basic("quiet", b"secret-word")),
                              ("/any?deviceId=quiet&access_token=a-secret-token", "X-Nothing: 1"), (url, "X-Nothing: 1"),
                              ("/any?deviceId=quiet", "Sec-WebSocket-Protocol: ringgate.token.a-secret-token")):
            assert ask(gate, target, field)[0] == 401
        while sum(record["msg"] == "handshake refused" for record in gate.records) < 5:
            time.sleep(0.01)
        text = json.dumps(gate.records)
        for secret in (token, "a-secret-token", "secret-word", basic("quiet", b"secret-word").split()[-1], url.split("signature=")[1]):
            assert secret not in text


def test_no_secret_of_a_malformed_target_is_logged(gate):
    for target in ("ws?deviceId=a&access_token=SECRET", "wsx://h/jwt?access_token=SECRET", "/jwt?deviceId=a?access_token=SECRET",
                   "/jwt%3Faccess_token=SECRET", "/jwt?deviceId=a%26access_token=SECRET", "/jwt&signature=SECRET"):
        assert ask(gate, target)[0] in (400, 404), target
    assert ask(gate, "/nowhere")[0] == 404
    gate.wait_for_log("handshake refused", path="/nowhere")
    assert "SECRET" not in json.dumps(gate.records)


def connected(gate, path, token):
    return websockets.sync.client.connect(f"ws://{gate.devices}{path}", additional_headers={"Authorization": f"Bearer {token}"})


def close_code(client):
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        client.recv(timeout=10 * PATIENCE)
    return closed.value.rcvd.code


def test_revocations_and_bans_reach_the_connected(gate, world):
    with connected(gate, "/jwt?deviceId=r1", world.jwt(sub="r1", jti="j1")) as one, \
            connected(gate, "/jwt?deviceId=r2", world.jwt(sub="r2", jti="j2")) as two:
        status, answer = call(gate, "PUT", "/v1/revocations", {"token": "j1"})
        assert status == 200 and answer["token"] == "j1"
        assert close_code(one) == 4401
        assert ask(gate, "/jwt?deviceId=r1", bearer(world.jwt(sub="r1", jti="j1"))) == (401, "credential_revoked")
        assert ask(gate, "/jwt?deviceId=r1", bearer(world.jwt(sub="r1", jti="j3"))) == (101, None)
        two.send("untouched")
        assert two.recv() == "untouched"
        assert call(gate, "DELETE", "/v1/revocations?token=j1")[0] == 204
        assert call(gate, "DELETE", "/v1/revocations", {"token": "j1"})[0] == 404
        assert ask(gate, "/jwt?deviceId=r1", bearer(world.jwt(sub="r1", jti="j1"))) == (101, None)
        assert call(gate, "PUT", "/v1/revocations", {"device": "r2", "issued_before": int(time.time()) + 5, "for": "1h"})[0] == 200
        assert close_code(two) == 4401
        assert ask(gate, "/jwt?deviceId=r2", bearer(world.jwt(sub="r2", iat=int(time.time()) + 10))) == (101, None)
    with connected(gate, "/jwt?deviceId=b1", world.jwt(sub="b1")) as banned:
        assert call(gate, "PUT", "/v1/bans/b1?for=10m")[0] == 200
        assert close_code(banned) == 4403
        assert ask(gate, "/jwt?deviceId=b1", bearer(world.jwt(sub="b1"))) == (403, "banned")
        assert call(gate, "GET", "/v1/bans/b1")[0] == 200
        assert call(gate, "DELETE", "/v1/bans/b1")[0] == 204
        assert call(gate, "DELETE", "/v1/bans/b1")[0] == 404
        assert ask(gate, "/jwt?deviceId=b1", bearer(world.jwt(sub="b1"))) == (101, None)


@pytest.mark.parametrize("method, path, body, reason", [
    ("PUT", "/v1/revocations", {}, "bad_parameters"),
    ("PUT", "/v1/revocations", {"for": "1h"}, "bad_parameters"),
    ("PUT", "/v1/revocations", {"device": ""}, "bad_parameters"),
    ("PUT", "/v1/revocations", {"device": "a", "colour": "red"}, "bad_parameters"),
    ("PUT", "/v1/revocations", {"device": ["a"]}, "bad_parameters"),
    ("PUT", "/v1/revocations", {"device": "a", "for": "31d"}, "bad_parameters"),
    ("PUT", "/v1/revocations?device=a", {"device": "a"}, "bad_parameters"),
    ("PUT", "/v1/bans/a?for=0", None, "bad_parameters"),
    ("PUT", "/v1/bans/a?for=-1s", None, "bad_parameters"),
    ("PUT", "/v1/bans/a?for=1h&for=2h", None, "bad_parameters"),
    ("PUT", "/v1/bans/a%2Fb", None, "bad_id"),
    ("PUT", "/v1/devices/a/credential", {}, "bad_parameters"),
    ("PUT", "/v1/devices/a/credential", {"expires_at": 1, "expires_in": 1}, "bad_parameters"),
    ("PUT", "/v1/devices/a/credential", {"expires_at": "tomorrow"}, "bad_parameters"),
    ("PUT", "/v1/devices/nobody/credential", {"expires_in": "1h"}, "unknown_device"),
])
def test_changing_calls_say_what_is_wrong(gate, method, path, body, reason):
    status, answer = call(gate, method, path, body)
    assert answer["reason"] == reason and status == (404 if reason == "unknown_device" else 400)


def test_a_credential_ends_and_may_be_extended(world):
    settings = {**world.settings, "route.0.path": "/jwt", "route.0.auth": "jwt", "auth.jwt.leeway": "0s", "auth.expiry_notice": "60s",
                "auth.expiry_grace": "1s"}
    with Gate(settings, shards=2) as gate:
        ends = int(time.time()) + 3
        with connected(gate, "/jwt?deviceId=e1", world.jwt(sub="e1", exp=ends)) as ending, \
                connected(gate, "/jwt?deviceId=e2", world.jwt(sub="e2", exp=ends)) as extended:
            assert gate.wait_for_log("credential ends soon", device_id="e1")["expires_at"] == ends
            status, answer = call(gate, "PUT", "/v1/devices/e2/credential", {"expires_in": "1h"})
            assert status == 200 and answer["status"] == "extended"
            assert close_code(ending) == 4401
            assert time.time() >= ends
            extended.send("not noticed")
            assert extended.recv() == "not noticed"
            assert call(gate, "PUT", "/v1/devices/e2/credential", {"expires_at": int(time.time()) - 10})[0] == 200
            assert close_code(extended) == 4401


def test_wrong_credentials_are_limited_by_source(world):
    settings = {**world.settings, "limits.auth_failures": "5", "route.0.path": "/token", "route.0.auth": "token"}
    with Gate(settings, shards=2, warnings_allowed=True) as gate:
        for _ in range(50):
            assert ask(gate, "/token?deviceId=a", bearer(TOKEN)) == (101, None)  # good ones count as nothing
        answers = [ask(gate, "/token?deviceId=a", bearer("wrong")) for _ in range(8)]
        assert answers == [(401, "credential_wrong")] * 5 + [(429, "auth_failures")] * 3
        assert ask(gate, "/token?deviceId=a", bearer(TOKEN)) == (429, "auth_failures")


def test_a_token_brings_limits_of_its_own(world):
    settings = {**world.settings, "route.0.path": "/jwt", "route.0.auth": "jwt", "limits.rate_policy": "close", "limits.rate_burst": "1s"}
    with Gate(settings) as gate:
        own = world.jwt(sub="slow", ringgate={"limits": {"message_rate": 2}})
        with connected(gate, "/jwt?deviceId=slow", own) as slow, connected(gate, "/jwt?deviceId=fast", world.jwt(sub="fast")) as fast:
            for _ in range(20):
                fast.send("x")
                assert fast.recv() == "x"
                with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                    slow.send("x")
            while True:
                try:
                    slow.recv(timeout=10 * PATIENCE)
                except websockets.exceptions.ConnectionClosed as closed:
                    assert closed.rcvd.code == 4429
                    break


def test_files_are_read_again_on_sighup(world, tmp_path):
    world_copy = World(tmp_path)
    settings = {**world_copy.settings, "route.0.path": "/token", "route.0.auth": "token"}
    with Gate(settings, warnings_allowed=True) as gate:
        assert ask(gate, "/token?deviceId=a", bearer("fresh")) == (401, "credential_wrong")
        world_copy.write("tokens", f"sha256:{hashlib.sha256(b'fresh').hexdigest()} device=a\n")
        gate.signal(signal.SIGHUP)
        gate.wait_for_log("reloaded")
        assert ask(gate, "/token?deviceId=a", bearer("fresh")) == (101, None)
        assert ask(gate, "/token?deviceId=a", bearer(TOKEN)) == (401, "credential_wrong")
        world_copy.write("tokens", "nonsense\n")
        gate.signal(signal.SIGHUP)
        while not any(record["msg"].startswith("not reloaded") for record in gate.records):
            time.sleep(0.02)
        assert ask(gate, "/token?deviceId=a", bearer("fresh")) == (101, None)
        gate.signal(signal.SIGTERM)
        assert gate.wait() == 0


def test_routes_take_new_rules_on_sighup(world, tmp_path):
    file = tmp_path / "gate.toml"
    rules = '[[route]]\npath = "/ws"\nauth = ["{}"]\n[auth]\ntoken.tokens = "' + str(world.folder / "tokens") + '"\n'
    file.write_text(rules.format("none"))
    with Gate(arguments=["-c", str(file)], shards=2) as gate:
        assert ask(gate, "/ws?deviceId=a") == (101, None)
        file.write_text(rules.format("token"))
        gate.signal(signal.SIGHUP)
        gate.wait_for_log("setting changed", key="route.0.auth")
        gate.wait_for_log("reloaded")
        for _ in range(4):
            assert ask(gate, "/ws?deviceId=a") == (401, "credential_missing")
            assert ask(gate, "/ws?deviceId=a", bearer(TOKEN)) == (101, None)


def test_off_loopback_somebody_must_have_said_that_everybody_may_connect():
    refused = run_ringgate("serve", "--listen", "0.0.0.0:0", "--admin", "off")
    assert refused.returncode == 78 and "as any device" in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr
    for auth in ("token", "jwt", "basic", "hmac"):
        refused = run_ringgate("serve", "--set", f"route.0.auth={auth}")
        assert refused.returncode == 78 and "nothing to be checked against" in refused.stderr, refused.stderr
