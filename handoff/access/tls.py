"""TLS of the service: 1.2 or newer, and certificates of clients where an authority for them is named.

A certificate that was renewed is used from the next connection on: files that changed are read again when somebody
connects, and files that cannot be used then leave the ones before in force.
"""

import hashlib
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from handoff.errors import StartError

log = structlog.get_logger("handoff.serve")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files.

    Attributes:
        certificate: Of the service, with the chain up to its authority.
        key: Of the certificate; read by nobody else.
        client_ca: The authorities of clients; every connection must then bring a certificate of one of them.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None, client_ca: Path | None) -> "TlsFiles | None":
        """What a command was given; None for plain HTTP.

        Raises:
            StartError: one was given without the others that it needs.
        """
        if certificate is not None and key is not None:
            return cls(certificate, key, client_ca)
        if certificate is None and key is None and client_ca is None:
            return None
        message = "TLS needs both --certificate and --key; --client-ca goes with them."
        raise StartError(message, code="tls", remedy="Give the PEM files of both.")

    def stamps(self) -> tuple[bytes, ...]:
        """What changes when one of the files does: not its time, which two writes within one tick share."""
        found = (file for file in (self.certificate, self.key, self.client_ca) if file is not None)
        return tuple(hashlib.sha256(file.read_bytes()).digest() for file in found)


@dataclass(slots=True)
class _Current:
    context: ssl.SSLContext
    stamps: tuple[bytes, ...]
    failed: tuple[bytes, ...] = field(default=())


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """The context for a server's sockets.

    Raises:
        StartError: a file cannot be used, or others may read the key.
    """
    try:
        stamps = files.stamps()  # first: a file that changes while it is read is then read again
        current = _Current(_load(files), stamps)
    except OSError as error:  # ssl.SSLError too
        message = f"The files of TLS cannot be used ({error.strerror or type(error).__name__})."
        raise StartError(message, code="tls", remedy="--certificate, --key and --client-ca are PEM files.") from error

    def renew(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        _renew(files, current)
        connection.context = current.context

    outer = _load(files)
    outer.sni_callback = renew
    return outer


def _renew(files: TlsFiles, current: _Current) -> None:
    stamps: tuple[bytes, ...] = ()
    try:
        stamps = files.stamps()
        if stamps in {current.stamps, current.failed}:
            return
        current.context, current.stamps = _load(files), stamps
        log.info("certificate-renewed")
    except (OSError, StartError) as error:
        current.failed = stamps
        log.warning("certificate-not-renewed", cause=type(error).__name__)


def _load(files: TlsFiles) -> ssl.SSLContext:
    if files.key.stat().st_mode & 0o077:
        message = f"{files.key} may be read by others."
        raise StartError(message, code="tls", remedy="Set its mode to 0600.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.certificate, files.key)
    if files.client_ca is not None:
        context.load_verify_locations(files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
