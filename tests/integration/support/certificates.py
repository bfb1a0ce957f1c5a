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

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", rsa=False, extensions=(), dates=("-days", "30"), issuer=None):
        """issuer: the Certificate of an authority, instead of the root. dates: arguments of the openssl command."""
        authority, key_of_authority = (self.file, self.folder / "root.key") if issuer is None else (issuer.certificate, issuer.key)
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        request, extension_file = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        extension_file.write_text("\n".join([f"subjectAltName={names}", *extensions, ""]))
        openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", key_of_authority, "-CAcreateserial", *dates,
                "-extfile", extension_file, "-out", certificate)
        return Certificate(str(certificate), str(key), self.file)

    def revoke(self, *certificates, days=7):
        """A new list of all that were revoked so far, and of these."""
        config, index = self.folder / "ca.conf", self.folder / "index.txt"
        if not index.exists():
            index.touch()
            config.write_text(f"[ca]\ndefault_ca=fleet\n[fleet]\ndatabase={index}\ndefault_md=sha256\n")
        authority = ["-config", config, "-keyfile", self.folder / "root.key", "-cert", self.file]
        for certificate in certificates:
            openssl("ca", *authority, "-revoke", certificate.certificate)
        openssl("ca", *authority, "-gencrl", "-crldays", str(days), "-out", self.folder / "crl.pem")
        return self.folder / "crl.pem"
