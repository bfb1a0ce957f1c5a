"""`ringgate token`, judged by others: what it prints is checked with Python's hashlib and hmac, and with PyJWT."""

import base64
import hashlib
import hmac
import json
import re
import signal
import subprocess
import time
import urllib.parse

import jwt
import pytest

from support.gate import BINARY, PATIENCE, environment


def token(*arguments, stdin=b"", code=0):
    """Runs `ringgate token`; returns the lines of stdout."""
    done = subprocess.run([BINARY, "token", *map(str, arguments)], env=environment(), input=stdin, capture_output=True,
                          timeout=10 * PATIENCE, check=False)
    assert done.returncode == code, done
    if code == 0:
        assert done.stderr == b""
    else:
        assert re.fullmatch(rb"ringgate: [^\n]+; [^\n]+\n", done.stderr), done.stderr
        assert done.stdout == b""
    return done.stdout.decode().splitlines()


def fields(line):
    """`WORD key=value ...` as the word and a dictionary of decoded values."""
    word, *rest = line.split(" ")
    return word, {key: urllib.parse.unquote(value) for key, value in (field.split("=", 1) for field in rest)}


def sha256(secret):
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def test_a_token_of_a_device_and_its_line():
    secret, line = token("device", "pump 7|*", "--name", "cellar", "--expires", "2030-02-03T04:05:06Z")
    assert fields(line) == (sha256(secret), {"device": "pump 7|*", "name": "cellar", "expires": "2030-02-03T04:05:06Z"})
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    assert token("device", "a", "--stdin", stdin=b"mine\n") == [sha256("mine") + " device=a"]
    assert token("hash", stdin=b"mine") == [sha256("mine")]


def test_a_lifetime_begins_now():
    before = int(time.time())
    _, line = token("device", "--group", "g", "--expires", "30d")
    end = fields(line)[1]["expires"]
    seconds = time.mktime(time.strptime(end + " UTC", "%Y-%m-%dT%H:%M:%SZ %Z")) - time.timezone
    assert before + 30 * 86400 <= seconds <= time.time() + 30 * 86400


def test_a_token_of_a_backend():
    secret, line = token("admin", "--name", "billing", "--scopes", "read,push", "--group", "g", "--prefix", "p", "--route", "/ws")
    assert fields(line) == (sha256(secret), {"name": "billing", "scopes": "push,read", "group": "g", "prefix": "p", "route": "/ws"})


def password_is(line, user, password, iterations=1000):
    """Hashes the password as any other program would."""
    name, scheme = line.split(" ")[0].split(":")
    kind, count, salt, digest = scheme.split("$")
    assert (urllib.parse.unquote(name), kind, int(count)) == (user, "pbkdf2-sha256", iterations)
    made = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(salt, validate=True), iterations)
    return made == base64.b64decode(digest, validate=True)


def test_passwords_are_pbkdf2():
    in_hex, in_base64, line = token("basic", "CP 1")
    assert len(bytes.fromhex(in_hex)) == 20 and base64.b64decode(in_base64) == bytes.fromhex(in_hex)
    assert password_is(line, "CP 1", bytes.fromhex(in_hex))
    secret, line = token("basic", "u", "--generate", "text", "--iterations", 2000)
    assert password_is(line, "u", secret.encode(), iterations=2000)
    assert not password_is(line, "u", secret.encode() + b"x", iterations=2000)


def test_passwords_of_any_bytes_come_through_stdin():
    every_byte = bytes(range(1, 256)) + b"\0"
    for encoding, stdin in (("raw", every_byte), ("hex", every_byte.hex().encode() + b"\n"), ("base64", base64.b64encode(every_byte))):
        (line,) = token("basic", "u", "--password-stdin", "--encoding", encoding, stdin=stdin)
        assert password_is(line, "u", every_byte), encoding
    (line,) = token("basic", "u", "--password-stdin", stdin="pässword\n".encode())
    assert password_is(line, "u", "pässword".encode())


def test_urls_are_signed_with_hmac(folder):
    keys = folder / "url:keys"
    assert token("keys", "hmac", "--append", keys) == []
    assert token("keys", "hmac", "--name", "k2", "--append", keys) == []
    secrets = dict(line.split(":") for line in keys.read_text().splitlines())
    assert keys.stat().st_mode & 0o777 == 0o600
    for name, key_file in (("key-1", keys), ("k2", f"{keys}:k2")):
        (url,) = token("url", "--key", key_file, "--path", "/ws", "--query", "deviceId=a%20b", "--expires", "1h")
        text, signature = url.split("&signature=")
        assert hmac.new(base64.b64decode(secrets[name]), text.encode(), "sha256").hexdigest() == signature
        query = urllib.parse.parse_qs(text.split("?")[1])
        assert query["deviceId"] == ["a b"] and query.get("kid", ["key-1"]) == [name]
        assert 3590 < int(query["expires"][0]) - time.time() < 3610


def test_json_web_tokens_are_taken_by_another_library(folder):
    private = folder / "private.jwk"
    private.write_text("\n".join(token("keys", "jwt-ec", "--name", "2027")))
    (public,) = token("keys", "public", stdin=private.read_bytes())
    assert "d" not in json.loads(public)
    (text,) = token("jwt", "--key", private, "--alg", "ES256", "--claims", '{"sub":"pump 7","aud":"gate"}', "--expires", "1h")
    claims = jwt.decode(text, jwt.PyJWK.from_json(public).key, algorithms=["ES256"], audience="gate")
    assert claims["sub"] == "pump 7" and claims["exp"] - claims["iat"] == 3600
    assert jwt.get_unverified_header(text) == {"alg": "ES256", "kid": "2027"}

    shared = folder / "shared.jwk"
    shared.write_text(token("keys", "jwt-oct")[0])
    (text,) = token("jwt", "--key", shared, "--alg", "HS256", "--claims", '{"exp":9999999999,"iat":1}')
    assert jwt.decode(text, jwt.PyJWK.from_json(shared.read_text(), "HS256").key, algorithms=["HS256"]) == {"exp": 9999999999, "iat": 1}


def test_keys_of_other_kinds_do_not_sign(folder):
    key = folder / "key.jwk"
    key.write_text(token("keys", "jwt-ec")[0])
    public = folder / "public.jwk"
    public.write_text(token("keys", "public", stdin=key.read_bytes())[0])
    for file, algorithm, code in ((key, "HS256", 78), (key, "RS256", 78), (public, "ES256", 78), (folder / "none", "ES256", 78),
                                  (key, "none", 64), (key, "es256", 64)):
        token("jwt", "--key", file, "--alg", algorithm, code=code)
    for claims in ("", "[]", "{", '{"sub":1,"sub":2}'):
        token("jwt", "--key", key, "--alg", "ES256", "--claims", claims, code=64)


def test_appending_keeps_a_file_that_the_gate_takes(folder):
    file = folder / "tokens"
    (secret,) = token("device", "a", "--name", "n", "--append", file)
    before = file.read_bytes()
    assert before.decode() == sha256(secret) + " device=a name=n\n"
    token("device", "b", "--name", "n", "--append", file, code=78)
    token("admin", "--name", "n", "--scopes", "push", "--append", file, code=78)
    assert file.read_bytes() == before
    token("device", "b", "--append", folder, code=78)
    token("device", "b", "--append", folder / "no" / "tokens", code=71)


def test_a_signal_ends_the_wait_for_stdin():
    with subprocess.Popen([BINARY, "token", "hash"], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(10 * PATIENCE) == -signal.SIGTERM


def test_help_and_bad_usage():
    assert "Examples:" in token("--help")
    assert any("--password-stdin" in line for line in token("basic", "--help"))
    for arguments in ((), ("fly",), ("device",), ("device", "a", "--nope"), ("admin", "--name", "n"), ("keys", "rsa"),
                      ("device", "a", "--expires", "yesterday"), ("basic", "u", "--iterations", "2001")):
        token(*arguments, code=64)
