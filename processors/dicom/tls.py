"""TLS of the receiver: mutual, by the Non-Downgrading BCP 195 profile (PS3.15 B.10, and B.12 which follows it).

TLS 1.2 and 1.3 and nothing older; key exchange by ECDHE, encryption by AES-GCM or ChaCha20; no compression, no
renegotiation. DHE is left out, because its key length cannot be set here (PS3.15 B.13). Certificate, key and
authorities are files, read again when their content changes; a handshake that has begun keeps what it began with.
"""

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from processors.dicom.admission import ClientCertificate
from processors.dicom.errors import CertificateFilesError, HandshakeError

HANDSHAKE_SECONDS: Final = 10.0
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, in OpenSSL's words; those of 1.3 are all of its own."""
LOWEST_VERSION: Final = ssl.TLSVersion.TLSv1_2
_VERIFY: Final = {
    9: "certificate-not-yet-valid",
    10: "certificate-expired",
    18: "certificate-unknown-authority",
    19: "certificate-unknown-authority",
    20: "certificate-unknown-authority",
    21: "certificate-unknown-authority",
}
"""Cause by OpenSSL's verify code (X509_V_ERR_...)."""

_REASONS: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no-certificate",
    "NO_SHARED_CIPHER": "tls-cipher",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "tls-cipher",
    "NO_SHARED_GROUPS": "tls-cipher",
    "UNSUPPORTED_PROTOCOL": "tls-version",
    "VERSION_TOO_LOW": "tls-version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls-version",
    "WRONG_VERSION_NUMBER": "plain-on-tls-port",
    "HTTP_REQUEST": "plain-on-tls-port",
    "TLSV1_ALERT_UNKNOWN_CA": "our-certificate-refused",
    "SSLV3_ALERT_BAD_CERTIFICATE": "our-certificate-refused",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our-certificate-refused",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "our-certificate-refused",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "our-certificate-refused",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "our-certificate-refused",
}
"""Cause by OpenSSL's reason."""


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """PEM files: our certificate (with its chain), its key, and the authorities whose clients we believe."""

    certificate: Path
    key: Path
    authority: Path


class ServerTLS:
    """Makes encrypted connections of plain ones. Any thread."""

    def __init__(self, files: TLSFiles, broken: Callable[[str], object] = lambda _: None) -> None:
        """Read the files for the first time.

        Args:
            files: What to show and whom to believe.
            broken: Told why changed files are not taken, once for each content.

        Raises:
            CertificateFilesError: a file is missing, no PEM, or key and certificate do not belong together.
        """
        self._files, self._broken = files, broken
        self._lock = threading.Lock()
        self._seen = _digest(files)
        self._context, self.expires_at = _load(files)
        self.is_sound = True

    def look(self) -> None:
        """Read the files if their content is another than last time; the old ones hold if that fails."""
        with self._lock:
            seen = _digest(self._files)
            if seen == self._seen:
                return
            try:
                self._context, self.expires_at = _load(self._files)
            except CertificateFilesError as error:
                self.is_sound = False
                self._broken(str(error))
            else:
                self.is_sound = True
            self._seen = seen

    def wrap(self, connection: socket.socket, seconds: float = HANDSHAKE_SECONDS) -> ssl.SSLSocket:
        """Do the handshake, within `seconds` for each step of it; the result blocks without limit, as sockets do.

        Raises:
            HandshakeError: there is none; its `cause` says why. The connection is closed.
            OSError: the connection ended before its first byte: somebody looked whether the port is open.
        """
        self.look()
        connection.settimeout(seconds)
        try:
            if not connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError
        except TimeoutError as error:
            connection.close()
            raise HandshakeError("no-request", f"{seconds:g}") from error
        wrapped = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            _shake(wrapped, seconds)
        except BaseException as error:
            wrapped.close()
            raise _translated(error, seconds) from error
        wrapped.settimeout(None)
        return wrapped


def _translated(error: BaseException, seconds: float) -> BaseException:
    """What an error of a handshake is called here; others are themselves."""
    if isinstance(error, TimeoutError):
        return HandshakeError("tls-timeout", f"{seconds:g}")
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        return HandshakeError(_VERIFY.get(code, "certificate-refused"), f"code {code}")
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "no reason"
        return HandshakeError(_REASONS.get(reason, "tls-failed"), reason.lower())
    if isinstance(error, OSError):
        return HandshakeError("tls-failed", "connection lost")
    return error


def shown_by(connection: ssl.SSLSocket) -> ClientCertificate:
    """The certificate that the client showed; there always is one after `ServerTLS.wrap`."""
    encoded = connection.getpeercert(binary_form=True) or b""
    certificate = x509.load_der_x509_certificate(encoded)
    common = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return ClientCertificate(
        names=tuple(dict.fromkeys([*common, *_alternatives(certificate)])),
        sha256=hashlib.sha256(encoded).hexdigest(),
        expires_at=certificate.not_valid_after_utc.timestamp(),
    )


def expiry(file: Path) -> float:
    """When the first certificate of a PEM file expires, Unix seconds.

    Raises:
        CertificateFilesError: it cannot be read.
    """
    try:
        return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()
    except OSError as error:
        raise CertificateFilesError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CertificateFilesError(f"{file} holds no certificate in PEM.") from error


def _shake(connection: ssl.SSLSocket, seconds: float) -> None:
    """The handshake, with an end: one who sends a byte now and then does not hold a thread for ever."""
    watch = threading.Timer(2 * seconds, _end, (connection,))
    watch.daemon = True
    watch.start()
    try:
        connection.do_handshake()
    finally:
        watch.cancel()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # an SSLSocket's own would go on in the clear


def _load(files: TLSFiles) -> tuple[ssl.SSLContext, float]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = LOWEST_VERSION
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.verify_mode = ssl.CERT_REQUIRED
    for file in (files.certificate, files.key, files.authority):
        if not file.is_file():
            raise CertificateFilesError(f"{file} is missing.")
    expires_at = expiry(files.certificate)
    try:
        context.load_verify_locations(cafile=files.authority)
    except (ssl.SSLError, OSError) as error:
        raise CertificateFilesError(f"{files.authority} holds no authority's certificate in PEM.") from error
    try:
        context.load_cert_chain(files.certificate, files.key, password=no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        words = f"{files.key} is no private key of the certificate {files.certificate}, or has a password"
        raise CertificateFilesError(f"{words}.") from error
    return context, expires_at


def no_password() -> str:
    """OpenSSL would ask the terminal."""
    raise ValueError("a password is asked for")


def _alternatives(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name) for name in names.get_values_for_type(x509.DNSName)] + [
        str(address) for address in names.get_values_for_type(x509.IPAddress)
    ]


def _digest(files: TLSFiles) -> bytes:
    found = hashlib.sha256()
    for file in (files.certificate, files.key, files.authority):
        try:
            found.update(file.read_bytes())
        except OSError:
            found.update(b"\0unreadable\0")
    return found.digest()
