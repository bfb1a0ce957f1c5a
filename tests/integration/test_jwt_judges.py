"""JSON Web Tokens of every kind, good and bad, before three judges: our verifier, PyJWT and joserfc.

No gate runs here: build/release/tests/support/jwt/jwt_check reads key files and tokens, and prints verdicts. Where we are stricter than a
judge, the table says why; the one token that a judge refuses and we accept is there too.
"""

import dataclasses
import json
import pathlib
import subprocess

import joserfc.errors
import joserfc.jws
import joserfc.jwt
import jwt
import pytest
from joserfc.jwk import KeySet

from support.gate import BINARY, PATIENCE
from support.tokens import (AUDIENCE, ISSUER, At, Key, altered, by_a_stranger, claims, doubled, flip, forge, good, header, json_bytes,
                            not_canonical, of_another_algorithm, of_bytes, signature_bytes, signed_with_public_key, spelled, unsigned,
                            with_claims, with_exp, with_header, with_key_in_header, with_payload, without_kid)

CHECK = pathlib.Path(BINARY).parent / "tests/support/jwt/jwt_check"
LEEWAY = 60
ALGORITHMS = [f"{kind}{bits}" for kind in ("RS", "PS", "ES", "HS") for bits in (256, 384, 512)]
FAULTED = ["RS256", "PS256", "ES256", "ES384", "HS256"]  # algorithms that the table of faults is tried with


@dataclasses.dataclass(frozen=True)
class World:
    keys: dict  # what the verifiers know, by algorithm; kid = name of the algorithm
    strangers: dict  # keys that nobody knows
    file: str  # the known keys as a JWK Set


@pytest.fixture(name="world", scope="module")
def one_world(tmp_path_factory):
    keys = {algorithm: Key(algorithm, algorithm) for algorithm in ALGORITHMS}
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(json.dumps({"keys": [key.public() for key in keys.values()]}))
    file.chmod(0o600)
    return World(keys, {algorithm: Key(algorithm, algorithm) for algorithm in FAULTED}, str(file))


def ours(tokens, *files, arguments=("--issuer", ISSUER, "--audience", AUDIENCE)):
    """Verdicts of the verifier: "good" with its claims, or the reason and None."""
    done = subprocess.run([CHECK, *arguments, "--leeway", str(LEEWAY), *files], input="".join(f"{token}\n" for token in tokens),
                          capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(tokens)
    return [("good", json.loads(line[5:])) if line.startswith("good ") else (line, None) for line in lines]


def pyjwt(token, world):
    """The claims, or None: PyJWT as its documentation uses it, with a key set and all our algorithms."""
    try:
        keys = jwt.PyJWKSet.from_dict({"keys": [key.public() for key in world.keys.values()]})
        kid = jwt.get_unverified_header(token).get("kid")
        fitting = [key for key in keys.keys if kid is None or key.key_id == kid]
    except jwt.PyJWTError:
        return None
    for key in fitting:
        try:
            return jwt.decode(token, key, algorithms=[key.algorithm_name], audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY,
                              options={"require": ["exp"]})
        except jwt.PyJWTError:
            continue
    return None


def joserfc_verdict(token, world):
    """The claims, or None: joserfc as its documentation uses it, with the same key set."""
    keys = KeySet.import_key_set({"keys": [key.public() for key in world.keys.values()]})
    try:
        decoded = joserfc.jwt.decode(token, keys, algorithms=ALGORITHMS)
        joserfc.jwt.JWTClaimsRegistry(leeway=LEEWAY, exp={"essential": True}, iss={"essential": True, "value": ISSUER},
                                      aud={"essential": True, "value": AUDIENCE}).validate(decoded.claims)
    except (joserfc.errors.JoseError, ValueError):
        return None
    return decoded.claims


# What each judge says. `more_lenient`: judges that accept what we refuse, each with the reason why we do not. `stricter`: the other way.
@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    build: object
    reason: str
    more_lenient: dict = dataclasses.field(default_factory=dict)
    stricter: dict = dataclasses.field(default_factory=dict)


PARSER = "it keeps the last of two members; whoever issued or filtered the token may have read the first (RFC 8725 section 2.4)"
SIZE = "it has no limit of its own"
NUMBER = "RFC 7519 section 2 wants a number"
RANGE = "it is no time that any clock will show, and readers of JSON disagree about such numbers"
TYPE = "a token for something else must not open the gate (RFC 8725 section 3.11)"
STRICT64 = "one token would have many spellings; RFC 7515 section 2 wants base64url without padding"
BOTH = ("pyjwt", "joserfc")

CASES = [
    Case("good", good, "good"),
    Case("good without kid", without_kid, "good", stricter={"joserfc": "its key sets have no key for a token without kid"}),
    Case("good with a list of audiences", with_claims(aud=["other", AUDIENCE]), "good"),
    Case("good with fractions", with_claims(exp=At(600.5), nbf=At(-0.5)), "good"),
    Case("good for an access token", with_header(typ="at+jwt"), "good"),
    Case("expired within the leeway", with_claims(exp=At(-LEEWAY + 30)), "good"),
    Case("expired", with_claims(exp=At(-LEEWAY - 1)), "jwt_expired"),
    Case("expired long ago", with_claims(exp=1), "jwt_expired"),
    Case("not valid yet", with_claims(nbf=At(LEEWAY + 60)), "jwt_not_yet_valid"),
    Case("issued in the future", with_claims(iat=At(LEEWAY + 60)), "jwt_issued_in_future"),
    Case("without expiry", with_claims(exp=None), "jwt_expiry_missing"),
    Case("exp as string", with_exp(b'"exp":"4102444800"'), "jwt_bad_time", {"pyjwt": NUMBER}),
    Case("nbf as string", with_claims(nbf="0"), "jwt_bad_time", {"pyjwt": NUMBER}),
    Case("exp true", with_claims(exp=True), "jwt_bad_time"),
    Case("exp null", with_exp(b'"exp":null'), "jwt_bad_time"),
    Case("exp negative", with_claims(exp=-1), "jwt_bad_time"),
    Case("exp over 2^53", with_claims(exp=2**53 + 1), "jwt_bad_time", dict.fromkeys(BOTH, RANGE)),
    Case("exp over 2^64", with_claims(exp=2**70), "jwt_malformed", dict.fromkeys(BOTH, RANGE)),
    Case("exp infinite", with_exp(b'"exp":1e999'), "jwt_malformed"),
    Case("exp NaN", with_exp(b'"exp":NaN'), "jwt_malformed"),
    Case("wrong key", by_a_stranger, "jwt_bad_signature"),
    Case("key in its own header", with_key_in_header, "jwt_bad_signature"),
    Case("unknown kid", with_header(kid="nobody"), "jwt_unknown_key"),
    Case("kid as path", with_header(kid="../../dev/null"), "jwt_unknown_key"),
    Case("kid as number", with_header(kid=7), "jwt_malformed"),
    Case("algorithm not on the key's list", of_another_algorithm, "jwt_algorithm_not_allowed"),
    Case("alg none", unsigned("none"), "jwt_algorithm_not_allowed"),
    Case("alg None", unsigned("None"), "jwt_algorithm_not_allowed"),
    Case("alg none with a signature", unsigned("none", "AAAA"), "jwt_algorithm_not_allowed"),
    Case("alg in small letters", lambda world, key: forge(key, header(key, alg=key.algorithm.lower()), claims()), "jwt_algorithm_not_allowed"),
    Case("alg of no kind", unsigned("HS1", "AAAA"), "jwt_algorithm_not_allowed"),
    Case("alg missing", lambda world, key: forge(key, {"kid": key.kid}, claims()), "jwt_malformed"),
    Case("HS256 with the public key as secret", signed_with_public_key("RS256"), "jwt_algorithm_not_allowed"),
    Case("HS256 with the public key, for the real secret", signed_with_public_key("HS256"), "jwt_bad_signature"),
    Case("without a signature", altered(2, lambda text: ""), "jwt_bad_signature"),
    Case("signature truncated", signature_bytes(lambda signature: signature[:-3]), "jwt_bad_signature"),
    Case("signature longer", signature_bytes(lambda signature: signature + bytes(3)), "jwt_bad_signature"),
    Case("signature with a zero in front", signature_bytes(lambda signature: bytes(1) + signature), "jwt_bad_signature"),
    Case("signature altered", altered(2, flip), "jwt_bad_signature"),
    Case("claims altered", altered(1, flip), "jwt_bad_signature"),
    Case("token truncated", lambda world, key: good(world, key).rsplit(".", 1)[0], "jwt_malformed"),
    Case("token cut in the header", lambda world, key: good(world, key)[:20], "jwt_malformed"),
    Case("a part more", lambda world, key: good(world, key) + ".AAAA", "jwt_malformed"),
    Case("empty", lambda world, key: "", "jwt_malformed"),
    Case("padding", altered(0, lambda text: text + "=" * (-len(text) % 4 or 4)), "jwt_malformed"),
    Case("claims padded", spelled(lambda text: text + "=" * (-len(text) % 4)), "jwt_malformed", {"pyjwt": STRICT64}),
    Case("claims with a line end", spelled(lambda text: text[:8] + "\r" + text[8:]), "jwt_malformed"),
    Case("claims with loose bits", spelled(not_canonical), "jwt_malformed"),
    Case("wrong audience", with_claims(aud="other"), "jwt_wrong_audience"),
    Case("wrong audiences", with_claims(aud=["other", "gates"]), "jwt_wrong_audience"),
    Case("no audience", with_claims(aud=None), "jwt_wrong_audience"),
    Case("empty audience", with_claims(aud=[]), "jwt_wrong_audience"),
    Case("audience as number", with_claims(aud=7), "jwt_bad_claim"),
    Case("wrong issuer", with_claims(iss=ISSUER + "/"), "jwt_wrong_issuer"),
    Case("no issuer", with_claims(iss=None), "jwt_wrong_issuer"),
    Case("issuer as list", with_claims(iss=[ISSUER]), "jwt_bad_claim"),
    Case("sub as number", with_claims(sub=7), "jwt_bad_claim"),
    Case("claim doubled", doubled(b'"sub"', b'"device-2"'), "jwt_duplicate_member", dict.fromkeys(BOTH, PARSER)),
    Case("claim doubled by an escape", doubled(b'"s\\u0075b"', b'"device-2"'), "jwt_duplicate_member", dict.fromkeys(BOTH, PARSER)),
    Case("exp doubled", doubled(b'"exp"', b"4102444800"), "jwt_duplicate_member", dict.fromkeys(BOTH, PARSER)),
    Case("header doubled", lambda world, key: forge(key, json_bytes(header(key))[:-1] + b',"typ":"JWT"}', claims()), "jwt_duplicate_member",
         dict.fromkeys(BOTH, PARSER)),
    Case("crit", with_header(crit=["exp"]), "jwt_critical_header"),
    Case("crit known to RFC 7797", with_header(crit=["b64"], b64=True), "jwt_critical_header",
         dict.fromkeys(BOTH, "they implement b64; we implement no extension")),
    Case("crit empty", with_header(crit=[]), "jwt_critical_header", {"joserfc": "RFC 7515 section 4.1.11 forbids an empty list"}),
    Case("typ of something else", with_header(typ="logout+jwt"), "jwt_wrong_type", dict.fromkeys(BOTH, TYPE)),
    Case("16 KiB", of_bytes(16 * 1024), "jwt_too_large", dict.fromkeys(BOTH, SIZE)),
    Case("claims are a list", lambda world, key: forge(key, header(key), ["sub", "device-1"]), "jwt_malformed"),
    Case("claims are no JSON", lambda world, key: forge(key, header(key), b"device-1"), "jwt_malformed"),
    Case("a token in a token", lambda world, key: forge(key, header(key, cty="JWT"), good(world, key).encode()), "jwt_malformed"),
    Case("U+0000 in sub", with_claims(sub="device-1\0"), "jwt_malformed", dict.fromkeys(BOTH, "an id may be cut at it further on")),
    Case("a zero byte behind a number", with_payload(lambda text: text[:-1] + b"\0}"), "jwt_malformed"),
    Case("no UTF-8", with_payload(lambda text: text.replace(b"device-1", b"device\xff")), "jwt_malformed"),
    Case("nested deeply", with_claims(deep=json.loads("[" * 40 + "]" * 40)), "jwt_malformed", dict.fromkeys(BOTH, "it has no limit of its own")),
]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_that_a_judge_issued_is_good(world, algorithm):
    key = world.keys[algorithm]
    said = claims(jti="t1", groups=["a"])
    tokens = [jwt.encode(said, key.signer(), algorithm, headers={"kid": key.kid}),
              joserfc.jwt.encode({"alg": algorithm, "kid": key.kid}, said, key.jose, algorithms=[algorithm])]
    assert ours(tokens, world.file) == 2 * [
        ("good", {"id": "device-1", "subject": "device-1", "token_id": "t1", "groups": ["a"], "expires_at": said["exp"], "issued_at": said["iat"]})]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_as_the_table_says(world, case):
    tokens = [case.build(world, world.keys[algorithm]) for algorithm in FAULTED]
    for algorithm, token, (reason, read) in zip(FAULTED, tokens, ours(tokens, world.file)):
        assert reason == case.reason, algorithm
        for judge, judged in (("pyjwt", pyjwt(token, world)), ("joserfc", joserfc_verdict(token, world))):
            if reason == "good":
                assert (judged is None) == (judge in case.stricter), f"{judge}, {algorithm}"
                assert judged is None or (judged["sub"] == read["id"] and int(judged["exp"]) == read["expires_at"])
            else:
                assert (judged is not None) == (judge in case.more_lenient), f"{judge}, {algorithm}: {judged}"


def test_pem_files_are_read(world, tmp_path):
    tokens = [good(world, world.keys[algorithm]) for algorithm in ("RS256", "ES512")]
    files = []
    for algorithm in ("RS256", "ES512"):
        files.append(str(tmp_path / f"{algorithm}.pem"))
        pathlib.Path(files[-1]).write_bytes(world.keys[algorithm].public_pem())
    assert [reason for reason, _ in ours(tokens, *files)] == ["good", "good"]
    assert [reason for reason, _ in ours([signed_with_public_key("RS256")(world, None)], *files)] == ["jwt_algorithm_not_allowed"]


def test_a_private_key_is_refused(world, tmp_path):
    file = tmp_path / "private.json"
    file.write_text(json.dumps(world.keys["ES256"].jose.as_dict(private=True)))
    done = subprocess.run([CHECK, file], input="", capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert done.returncode == 1
    assert "is a private key, which whoever only verifies must not have" in done.stderr
