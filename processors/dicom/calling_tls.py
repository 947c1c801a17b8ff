"""TLS towards a peer that we call: the profile of `tls`, what we show and whom we believe by peers.yaml, and why not.

Files are read for each association, so a renewed certificate holds from the next one on.
"""

import socket
import ssl
from typing import Any, Final

from processors.dicom.errors import CertificateFilesError, PeerTLSError
from processors.dicom.tls import CIPHERS, LOWEST_VERSION, no_password
from processors.peers import CallTLS, Peer

_ALERT_SECONDS: Final = 2.0
"""With TLS 1.3 a peer says only after the handshake that it does not take our certificate."""
_VERIFY: Final = {
    9: ("tls-not-yet-valid", "its certificate is not valid yet: compare the clocks"),
    10: ("tls-expired", "its certificate has expired: have its administrator renew it"),
    18: ("tls-unknown-authority", "its certificate signs itself: have tls.authority name that certificate"),
    19: ("tls-unknown-authority", "its certificate is of an authority that the file of tls.authority does not hold"),
    20: ("tls-unknown-authority", "its certificate is of an authority that the file of tls.authority does not hold"),
    21: ("tls-unknown-authority", "its certificate is of an authority that the file of tls.authority does not hold"),
    62: ("tls-wrong-name", "its certificate is not for {name}: write a name that stands in it as tls.name"),
    64: ("tls-wrong-name", "its certificate is not for {name}: write a name that stands in it as tls.name"),
}
"""Code and words by OpenSSL's verify code (X509_V_ERR_...)."""
_OURS: Final = ("tls-ours-refused", "it does not take {ours}: have its administrator trust our authority, or renew it")
_REASONS: Final = {
    "WRONG_VERSION_NUMBER": ("tls-not-spoken", "it speaks no TLS there: give its port with TLS, or take tls away"),
    "UNEXPECTED_EOF_WHILE_READING": ("tls-not-spoken", "it ends the connection: is this its port with TLS?"),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("tls-version", "it speaks nothing as new as TLS 1.2"),
    "UNSUPPORTED_PROTOCOL": ("tls-version", "it speaks nothing as new as TLS 1.2"),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": ("tls-no-agreement", "it shares no cipher suite with us, or wants a certificate"),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("tls-ours-missing", "it wants a certificate: give tls.certificate and key"),
    "TLSV1_ALERT_UNKNOWN_CA": _OURS,
    "TLSV1_ALERT_ACCESS_DENIED": _OURS,
    "TLSV1_ALERT_DECRYPT_ERROR": _OURS,
    "SSLV3_ALERT_BAD_CERTIFICATE": _OURS,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _OURS,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": _OURS,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _OURS,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _OURS,
}  # fmt: skip
"""The same by OpenSSL's reason."""


class _Connection(ssl.SSLSocket):
    """Closed if there is no connection, no handshake, or the peer was first: pynetdicom leaves that to chance."""

    def connect(self, addr: Any) -> None:
        try:
            super().connect(addr)
        except OSError:
            self.close()
            raise

    def shutdown(self, how: int) -> None:
        try:
            super().shutdown(how)
        except OSError:  # the peer has ended it already; pynetdicom does not come to its `close` then
            self.close()
            raise


def tls_of(peer: Peer) -> tuple[ssl.SSLContext, str] | None:
    """What pynetdicom wants to call a peer by TLS; None if it is called without.

    Raises:
        PeerTLSError: our files for it cannot be used.
    """
    if peer.tls is None:
        return None
    try:
        return _context(peer.tls), _name(peer, peer.tls)
    except CertificateFilesError as error:
        raise PeerTLSError(f"Peer {peer.name} cannot be called by TLS: {error}", "tls-files") from error


def why_no_tls(peer: Peer) -> PeerTLSError | None:
    """Do the handshake once more and say why it fails; None if it does not, or there is no connection at all.

    Raises:
        PeerTLSError: our files for it cannot be used.
    """
    found = tls_of(peer)
    if found is None:
        return None
    context, name = found
    try:
        with (
            socket.create_connection((peer.host, peer.port), peer.connect_timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=name) as wrapped,
        ):
            wrapped.settimeout(_ALERT_SECONDS)
            wrapped.recv(1)
    except ssl.SSLError as error:
        return _why(peer, name, error)
    except OSError:
        return None
    return None


def _why(peer: Peer, name: str, error: ssl.SSLError) -> PeerTLSError:
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = ("tls-refused", f"its certificate does not hold (code {error.verify_code})")
        code, words = _VERIFY.get(error.verify_code, unknown)
    else:
        reason = error.reason or "no reason"
        code, words = _REASONS.get(reason, ("tls-failed", f"the handshake fails ({reason.lower().replace('_', ' ')})"))
    ours = (
        "our certificate" if peer.tls is not None and peer.tls.certificate is not None else "us without a certificate"
    )
    return PeerTLSError(f"Peer {peer.name} ({peer.host}:{peer.port}): {words.format(name=name, ours=ours)}.", code)


def _name(peer: Peer, files: CallTLS) -> str:
    return files.name or peer.host


def _context(files: CallTLS) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _Connection
    context.minimum_version = LOWEST_VERSION
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_verify_locations(cafile=files.authority)
    except (ssl.SSLError, OSError) as error:
        raise CertificateFilesError(f"{files.authority} holds no authority's certificate in PEM.") from error
    if files.certificate is not None and files.key is not None:
        try:
            context.load_cert_chain(files.certificate, files.key, password=no_password)
        except (ssl.SSLError, OSError, ValueError) as error:
            words = f"{files.key} is no private key of the certificate {files.certificate}, or has a password"
            raise CertificateFilesError(f"{words}.") from error
    return context
