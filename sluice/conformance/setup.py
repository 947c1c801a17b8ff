"""Network, settings, character sets and security (PS3.2: the chapters of these names)."""

from pydantic import BaseModel

from processors.dicom import tls
from processors.dicom.commands import receive
from processors.peers import CallTLS
from processors.senders import Limits, Receiving, Sends, TLSIdentity
from sluice.conformance.markdown import sections, table

_GROUPS = (
    ("receiver", Receiving),
    ("sends", Sends),
    ("sends.tls", TLSIdentity),
    ("sends.limits", Limits),
    ("tls", CallTLS),
)


def network() -> str:
    """What lies below the upper layer."""
    return sections(
        "## 5. Network interfaces",
        """
        TCP/IP, version 4 and 6, by the operating system; DNS names for the peers that are called. One TCP connection
        for each association (PS3.8). Besides DICOM, `--management-port` answers HTTP on loopback; a DICOM port never
        does.
        """,
    )


def configuration() -> str:
    """All settings that change what is said on the network, from the command and from the peers file's own model."""
    options = [
        (f"`{option.opts[0]}`", getattr(option, "help", None))
        for option in receive.params
        if not getattr(option, "hidden", False)
    ]
    return sections(
        "## 6. Configuration",
        "### 6.1 `sluice receive`",
        table(("option", "meaning"), options),
        "### 6.2 The peers file",
        "Read again by itself when it changes; [receive.md](receive.md) has an example.",
        table(("key", "meaning"), [row for name, group in _GROUPS for row in _keys(name, group)]),
    )


def media() -> str:
    """None."""
    return sections("## 7. Media interchange", "None.")


def character_sets() -> str:
    """What is understood of text."""
    return sections(
        "## 8. Character sets",
        """
        RECEIVER keeps text as it came and understands none of it; SpecificCharacterSet is kept with it. AE titles are
        ISO 646. De-identification reads text in every character set of PS3.3 C.12.1.1.2, code extensions (ISO 2022)
        among them, and ISO_IR 192 and GB18030; bytes that a character set does not admit do not pass. REQUESTER writes
        keys beyond ASCII in ISO_IR 192.
        """,
    )


def security() -> str:
    """TLS, who is believed, what is recorded."""
    return sections(
        "## 9. Security",
        "### 9.1 Secure transport",
        f"""
        `--tls-port` keeps to the Non-Downgrading BCP 195 TLS profile (PS3.15 B.10) and to the Extended one where both
        ends can (B.12): {_version()} and later, mutual authentication, cipher suites `{tls.CIPHERS}` of TLS 1.2 and
        those of TLS 1.3, no compression, no renegotiation. DHE is not offered. A client without a certificate of a
        configured authority gets no association. Certificates are X.509, PEM; revocation lists are not read.
        REQUESTER calls a peer by TLS where the peers file says so, by the same profile: it checks the peer's
        certificate and the name in it, and shows its own if it has one.
        """,
        "### 9.2 Association level",
        """
        A peer may be bound to calling AE titles, addresses, and the names or fingerprints of its certificates (6.2).
        Who is rejected for one of the last three hears the same answer as one who is not known.
        """,
        "### 9.3 Application level",
        """
        User identity negotiation is accepted and not checked. Each association, its end, each refusal and each trouble
        is recorded in the ledger and the log, without values of patients. Audit messages by PS3.15 A.5: none.
        """,
    )


def _keys(name: str, group: type[BaseModel]) -> list[tuple[str, str]]:
    return [
        (f"`{name}.{key}`", field.description or f"see `{name}.{key}.` below")
        for key, field in group.model_fields.items()
    ]


def _version() -> str:
    return tls.LOWEST_VERSION.name.replace("TLSv", "TLS ").replace("_", ".")
