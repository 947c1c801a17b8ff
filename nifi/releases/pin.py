"""Whom the flows take for the handoff, and what they show it: parameters in PEM, looked at before NiFi gets them.

NiFi's service reads each of the two from its properties only where another property says so, and takes what is no PEM
for the name of a file. So a deployment sets those other properties itself and refuses what could not work: a service
that NiFi does not enable would stop every flow that calls the handoff.
"""

from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from nifi.errors import DeployError

ADDRESS: Final = "handoff.url"
AUTHORITIES: Final = "handoff.ca"
CERTIFICATE: Final = "handoff.client.certificate"
KEY: Final = "handoff.client.key"
SOURCES: Final = ("handoff.ca.source", "handoff.client.source")
"""Set by each deployment: NiFi's words for where it finds authorities, and key with certificate."""


def sources(values: Mapping[str, str]) -> dict[str, str]:
    """The parameters that follow from those of the site.

    Raises:
        DeployError: what was given is no PEM, or certificate and key do not belong together, or the handoff's address
            is not one of TLS.
    """
    authorities, certificate, key = (values.get(name, "").strip() for name in (AUTHORITIES, CERTIFICATE, KEY))
    if (authorities or certificate) and not values.get(ADDRESS, "").lower().startswith("https://"):
        message = f"{ADDRESS} is no https address, so whoever is there would be trusted."
        raise DeployError(message)
    if authorities:
        _certificates(AUTHORITIES, authorities)
    if bool(certificate) != bool(key):
        message = f"{CERTIFICATE} and {KEY} go together."
        raise DeployError(message)
    if certificate:
        _require_pair(certificate, key)
    found = ("PROPERTIES" if authorities else "SYSTEM", "PROPERTIES" if certificate else "UNDEFINED")
    return dict(zip(SOURCES, found, strict=True))


def _certificates(name: str, text: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        message = f"The parameter {name} holds no certificate in PEM."
        raise DeployError(message) from error


def _require_pair(certificate: str, key: str) -> None:
    first = _certificates(CERTIFICATE, certificate)[0]
    try:
        public = load_pem_private_key(key.encode(), password=None).public_key()
    except (ValueError, TypeError) as error:
        message = f"The parameter {KEY} holds no key in PEM that has no password."
        raise DeployError(message) from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public.public_bytes(*form) != first.public_key().public_bytes(*form):
        message = f"The parameter {KEY} is not the key of {CERTIFICATE}."
        raise DeployError(message)
