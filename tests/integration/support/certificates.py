"""Certificates for tests, made by the openssl command: a root of their own, and what it issues."""

import dataclasses
import pathlib
import subprocess


def openssl_output(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def openssl(*arguments):
    openssl_output(*arguments)


@dataclasses.dataclass(frozen=True)
class Certificate:
    certificate: str
    key: str
    root: str  # the file of the root that issued it


class Root:
    """A certificate authority whose files live in `folder`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.file = str(self.folder / "root.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=Test Root",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.folder / "root.key", "-out", self.file)

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", rsa=False):
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        extensions.write_text(f"subjectAltName={names}\n")
        openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.folder / "root.key", "-CAcreateserial", "-days", "30",
                "-extfile", extensions, "-out", certificate)
        return Certificate(str(certificate), str(key), self.file)
