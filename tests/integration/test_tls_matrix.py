"""What the gate agrees on: every version and every cipher that the openssl command can offer, against both profiles.

The expected sets are written out, so a cipher that appears or disappears fails here, whoever changed it.
"""

import concurrent.futures
import re
import subprocess

import pytest

from support.certificates import Root, openssl_output
from support.gate import PATIENCE, Gate

MODERN = {"TLSv1.3": {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
          "TLSv1.2": {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                      "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"}}
OCPP = {**MODERN, "TLSv1.2": MODERN["TLSv1.2"] | {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}}
EXPECTED = {"modern": MODERN, "ocpp": OCPP}
# As s_client takes them; old ones need its lowest security level to be offered at all. SSLv3 is compiled out of Debian's OpenSSL.
VERSIONS = {"TLSv1.3": "-tls1_3", "TLSv1.2": "-tls1_2", "TLSv1.1": "-tls1_1", "TLSv1": "-tls1"}


@pytest.fixture(name="gates", scope="module")
def one_gate_for_each_profile(tmp_path_factory):
    root = Root(tmp_path_factory.mktemp("certificates"))
    pairs = [root.issue("ecdsa"), root.issue("rsa", rsa=True)]
    files = {f"listener.0.tls.{what}": ",".join(getattr(pair, name) for pair in pairs)
             for what, name in (("cert", "certificate"), ("key", "key"))}
    with Gate({**files, "listener.0.tls.profile": "modern"}) as modern, Gate({**files, "listener.0.tls.profile": "ocpp"}) as ocpp:
        yield {"modern": modern, "ocpp": ocpp}


def offered(version):
    """The ciphers that an OpenSSL client can offer in this version, weak and anonymous ones too."""
    if version == "TLSv1.3":
        names = openssl_output("ciphers", "-s", "-tls1_3", "-ciphersuites",
                               "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256")
        return {name for name in names.strip().split(":") if name.startswith("TLS_")}
    lines = openssl_output("ciphers", "-s", "-v", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").splitlines()
    names = {line.split()[0] for line in lines if line.split()[1] != "TLSv1.3"}
    assert len(names) > 80, "the client offers little: this proves nothing"
    return names


def agreed(gate, version, cipher):
    """The cipher that a client which offers this one alone gets; None if it gets none."""
    choice = ["-ciphersuites", cipher] if version == "TLSv1.3" else ["-cipher", f"{cipher}:@SECLEVEL=0"]
    done = subprocess.run(["openssl", "s_client", "-connect", gate.devices, VERSIONS[version], *choice], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20 * PATIENCE, check=False)
    found = re.search(r"^New, (\S+), Cipher is (\S+)$", done.stdout, re.MULTILINE)
    return None if found is None or found[2] == "(NONE)" else found[2]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("profile", EXPECTED)
def test_nothing_is_agreed_on_but_what_the_profile_lists(gates, profile, version):
    ciphers = sorted(offered("TLSv1.3" if version == "TLSv1.3" else "TLSv1.2"))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = dict(zip(ciphers, pool.map(lambda cipher: agreed(gates[profile], version, cipher), ciphers)))
    accepted = {cipher for cipher, result in results.items() if result is not None}
    assert all(results[cipher] == cipher for cipher in accepted), results
    assert accepted == EXPECTED[profile].get(version, set())
