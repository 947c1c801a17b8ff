"""An authority and certificates for tests of TLS, quick to make: elliptic keys."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class TestAuthority:
    """Signs certificates of 127.0.0.1, and writes them below a folder."""

    __test__ = False
    folder: Path
    name: str
    key: EllipticCurvePrivateKey

    @classmethod
    def new(cls, folder: Path, name: str = "authority") -> "TestAuthority":
        folder.mkdir(parents=True, exist_ok=True)
        authority = cls(folder, name, generate_private_key(SECP256R1()))
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = _builder(name, name, authority.key).add_extension(constraints, critical=True)
        authority.file.write_bytes(certificate.sign(authority.key, SHA256()).public_bytes(Encoding.PEM))
        return authority

    @property
    def file(self) -> Path:
        """Its certificate, PEM."""
        return self.folder / f"{self.name}.pem"

    def issue(self, name: str, *, days: int = 1) -> tuple[Path, Path]:
        """The files of a certificate and its key; made anew under the same names when they are there."""
        key = generate_private_key(SECP256R1())
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signed = _builder(name, self.name, key, days).add_extension(addresses, critical=False).sign(self.key, SHA256())
        certificate, private = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(signed.public_bytes(Encoding.PEM))
        private.touch()
        private.chmod(0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, private


def serial_of(certificate: bytes) -> int:
    """The serial number of a certificate as TLS brings it, DER."""
    return x509.load_der_x509_certificate(certificate).serial_number


def serial_in(file: Path) -> int:
    """The serial number of a certificate in a file, PEM."""
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


def _builder(subject: str, issuer: str, key: EllipticCurvePrivateKey, days: int = 1) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
