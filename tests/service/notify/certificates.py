"""Certificates for servers of tests, from an authority that nobody else believes."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

DAYS = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """An authority, and what it signed.

    Attributes:
        folder: Where everything is.
        authority: Its certificate.
    """

    folder: Path
    authority: Path

    def server_context(self, name: str) -> ssl.SSLContext:
        """Return what a server of a name shows."""
        certificate, key = self.pair(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def pair(self, name: str) -> tuple[Path, Path]:
        """Return the certificate and the key of a name."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if not certificate.exists():
            request, more = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
            more.write_text(f"subjectAltName=DNS:{name}\n")
            _openssl(
                *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
                *("-keyout", str(key), "-out", str(request)),
            )
            _openssl(
                *("x509", "-req", "-in", str(request), "-days", DAYS, "-extfile", str(more)),
                *("-CA", str(self.authority), "-CAkey", str(self.folder / "authority.key")),
                *("-CAcreateserial", "-out", str(certificate)),
            )
        return certificate, key


def certificates(folder: Path) -> Certificates:
    """Make an authority."""
    authority = folder / "authority.pem"
    _openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS),
        *("-subj", "/CN=tests", "-keyout", str(folder / "authority.key"), "-out", str(authority)),
        *("-addext", "keyUsage=critical,keyCertSign"),
    )
    return Certificates(folder=folder, authority=authority)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S607
