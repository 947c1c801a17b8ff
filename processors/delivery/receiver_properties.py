"""What ListenDICOM can be told of its receiver: its properties on the canvas, as data, and what they come to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from processors.delivery.errors import ReceiverPropertyError

if TYPE_CHECKING:
    from processors.dicom.embedded import Receiving

ATTACHED: Final = "attached"
EMBEDDED: Final = "embedded"
Value = Callable[[str], str | None]
"""A property's value by its name; None or empty when it has none."""

PROPERTIES: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Receiver",
        "description": "attached: a service of its own (sluice receive) fills the landing, and a restart of NiFi never"
        " touches a modality. embedded: this processor runs the receiver as a child process, which ends with NiFi.",
        "default_value": ATTACHED,
        "allowable_values": [ATTACHED, EMBEDDED],
        "required": True,
    },
    {"name": "Listening Port", "description": "Embedded: port for DICOM without TLS.", "default_value": "11112"},
    {"name": "AE Title", "description": "Embedded: what we are called.", "default_value": "SLUICE"},
    {"name": "Peers File", "description": "Embedded: who may send, and what (YAML); without it everyone may."},
    {"name": "TLS Port", "description": "Embedded: port with mutual TLS; it needs the three files below."},
    {"name": "TLS Certificate", "description": "Embedded: our certificate, with its chain (PEM file)."},
    {"name": "TLS Key", "description": "Embedded: its private key (PEM file, no password)."},
    {"name": "TLS Authority", "description": "Embedded: authorities whose clients we believe (PEM file)."},
)


def receiving(home: Path, value: Value) -> "Receiving | None":
    """What an embedded receiver is to do; None when the receiver is attached.

    Raises:
        ReceiverPropertyError: the properties do not go together.
    """
    if (value("Receiver") or ATTACHED) == ATTACHED:
        return None
    from processors.dicom.embedded import Receiving

    port, tls_port = _port("Listening Port", value), _port("TLS Port", value)
    files = [value(name) for name in ("TLS Certificate", "TLS Key", "TLS Authority")]
    if any(files) != (tls_port is not None) or any(files) != all(files):
        raise ReceiverPropertyError("TLS Port, TLS Certificate, TLS Key and TLS Authority need each other.")
    if port is None and tls_port is None:
        raise ReceiverPropertyError("An embedded receiver needs a Listening Port or a TLS Port.")
    certificate, key, authority = (Path(file) if file else None for file in files)
    return Receiving(
        home=home,
        port=port,
        tls_port=tls_port,
        ae_title=_ae_title(value("AE Title") or "SLUICE"),
        peers=Path(peers) if (peers := value("Peers File")) else None,
        tls_certificate=certificate,
        tls_key=key,
        tls_authority=authority,
    )


def _port(name: str, value: Value) -> int | None:
    text = (value(name) or "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > 65535:
        raise ReceiverPropertyError(f"{name} is no port.")
    return int(text)


def _ae_title(text: str) -> str:
    """An AE title as PS3.5 6.2 allows it, without outer blanks."""
    title = text.strip()
    if not 0 < len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ReceiverPropertyError("An AE title has 1 to 16 printable ASCII characters and no backslash.")
    return title
