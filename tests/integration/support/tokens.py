"""Keys that issue JSON Web Tokens, and tokens of any shape, with PyJWT's signatures.

A builder is a function of a world of keys (`keys` that the verifiers know, `strangers`) and of the key to use, which returns a token.
"""

import base64
import dataclasses
import hashlib
import hmac
import json
import re
import time

import jwt
from cryptography.hazmat.primitives import serialization
from joserfc import jwk as joserfc_jwk

ISSUER, AUDIENCE = "https://issuer.test", "gate"
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def json_bytes(value):
    """JSON of a value; bytes stay as they are."""
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Key:
    """A key for one algorithm. `kid` is None for a key without a name."""

    def __init__(self, algorithm, kid):
        self.algorithm = algorithm
        self.kid = kid
        if algorithm.startswith("HS"):
            self.jose = joserfc_jwk.OctKey.generate_key(512, private=True)
        elif algorithm.startswith("ES"):
            self.jose = joserfc_jwk.ECKey.generate_key(CURVES[algorithm], private=True)
        else:
            self.jose = joserfc_jwk.RSAKey.generate_key(2048, private=True)

    @property
    def is_secret(self):
        return self.algorithm.startswith("HS")

    def public(self):
        """What a verifier gets, as a JWK."""
        names = {"alg": self.algorithm} | ({"kid": self.kid} if self.kid else {})
        return self.jose.as_dict(private=self.is_secret) | names

    def signer(self):
        return self.jose.raw_value if self.is_secret else self.jose.private_key

    def public_pem(self):
        return self.jose.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def sign(text, algorithm, key):
    """The signature of `text` in base64url; `key` is what PyJWT's algorithm takes."""
    return base64url(jwt.get_algorithm_by_name(algorithm).sign(text.encode(), key))


def forge(key, header, claims, algorithm=None):
    """A token with a good signature of whatever header and claims are: values, or bytes that need not be JSON."""
    text = base64url(json_bytes(header)) + "." + base64url(json_bytes(claims))
    return text + "." + sign(text, algorithm or key.algorithm, key.signer())


@dataclasses.dataclass(frozen=True)
class At:
    """So many seconds from when a token is made."""

    seconds: float

    def time(self):
        return int(time.time()) + self.seconds


def claims(**more):
    """Good claims with `more`; a member of None is left out."""
    all_of_them = {"iss": ISSUER, "aud": AUDIENCE, "sub": "device-1", "iat": At(0), "exp": At(600), **more}
    return {name: value.time() if isinstance(value, At) else value for name, value in all_of_them.items() if value is not None}


def header(key, **more):
    return {"alg": key.algorithm, "typ": "JWT", "kid": key.kid, **more}


def with_claims(**more):
    return lambda world, key: forge(key, header(key), claims(**more))


def with_payload(make):
    """`make` turns the bytes of good claims into others."""
    return lambda world, key: forge(key, header(key), make(json_bytes(claims())))


def with_exp(member):
    """`member` in place of exp."""
    return with_payload(lambda text: re.sub(rb'"exp":[0-9]+', member, text))


def with_header(**more):
    return lambda world, key: forge(key, header(key, **more), claims())


def good(world, key):
    return forge(key, header(key), claims())


def altered(part, change):
    """A good token one of whose three parts is changed."""
    def build(world, key):
        parts = good(world, key).split(".")
        parts[part] = change(parts[part])
        return ".".join(parts)
    return build


def signature_bytes(change):
    return altered(2, lambda text: base64url(change(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))))


def flip(text):
    return text[:-6] + ("A" if text[-6] != "A" else "B") + text[-5:]


def not_canonical(text):
    """The same bytes written another way: the last character has bits that count for nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def spelled(change):
    """Signed as they stand: good claims whose base64url is changed. They are of a length that base64 pads."""
    def build(world, key):
        payload = next(text for spaces in range(3) if len(text := base64url(json_bytes(claims()) + b" " * spaces)) % 4)
        text = base64url(json_bytes(header(key))) + "." + change(payload)
        return text + "." + sign(text, key.algorithm, key.signer())
    return build


def by_a_stranger(world, key):
    return forge(world.strangers[key.algorithm], header(key), claims())


def with_key_in_header(world, key):
    stranger = world.strangers[key.algorithm]
    return forge(stranger, header(key, jwk=stranger.public()), claims())


def unsigned(algorithm, signature=""):
    return lambda world, key: ".".join([base64url(json_bytes(header(key, alg=algorithm))), base64url(json_bytes(claims())), signature])


def signed_with_public_key(kid_of):
    """HS256 with the public key of RS256 as the secret, which everybody knows."""
    def build(world, key):
        text = base64url(json_bytes({"alg": "HS256", "kid": kid_of})) + "." + base64url(json_bytes(claims()))
        return text + "." + base64url(hmac.digest(world.keys["RS256"].public_pem(), text.encode(), hashlib.sha256))
    return build


def without_kid(world, key):
    return forge(key, {"alg": key.algorithm, "typ": "JWT"}, claims())


def of_another_algorithm(world, key):
    """Signed well by the key of this kid, but with an algorithm that is not on its list."""
    other = {"RS": "PS512", "PS": "RS512", "HS": "HS512"}.get(key.algorithm[:2])
    if other is None:
        return forge(world.keys["HS256"], header(key, alg="HS256"), claims())
    return forge(key, header(key, alg=other), claims(), algorithm=other)


def doubled(member, value):
    return with_payload(lambda text: text[:-1] + b"," + member + b":" + value + b"}")


def of_bytes(count):
    return with_claims(padding="x" * (count * 3 // 4))
