"""The peers of this site: one `peers.yaml` in the trusted home, for whom we ask and send to, and for who sends to us.

```yaml
peers:
  pacs:
    ae_title: ORTHANC
    host: pacs.hospital
    port: 104
    calling_ae_title: SLUICE
    note: the radiology PACS; we query it and it gets results
    objects_per_second: 20
    between: "22:00-05:00"
    tls: {authority: tls/hospital.pem, certificate: tls/sluice.pem, key: tls/sluice.key}
    sends: {addresses: [10.20.0.4]}
  ct1:
    sends: {ae_titles: [CT1], addresses: [10.20.1.0/24]}
```

A peer has `ae_title`, `host` and `port` if we call it, and `sends` (`processors.senders`) if it may call us. Paths are
absolute or start at the folder of the file.
"""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from processors.errors import PeersFileError, UnknownPeerError
from processors.hours import WrittenHours
from processors.senders import AETitle, Receiving, Sender
from processors.settings_file import cause

_SHAPE = "it is no mapping of names to peers"
_UNREADABLE = (yaml.YAMLError, AttributeError, TypeError, ValueError, LookupError, RecursionError)
"""What a text raises that is no such mapping: the last three are PyYAML's own for `!!int ''` and `&a {b: *a}`."""


def _host(written: str) -> str:
    """A host that a name service can be asked for; Python raises other than OSError for what none can."""
    try:
        written.encode("idna")
    except UnicodeError:
        written = ""
    if not written.isprintable() or not written:
        raise ValueError("a host is a name with parts of 1 to 63 characters, or an address")
    return written


PeerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Host = Annotated[str, AfterValidator(_host)]


class CallTLS(BaseModel):
    """How we call a peer by TLS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authority: Path = Field(description="PEM file of the authorities that may have signed its certificate.")
    certificate: Path | None = Field(None, description="PEM file of the certificate that we show, with its chain.")
    key: Path | None = Field(None, description="PEM file of its private key, without a password.")
    name: str | None = Field(None, min_length=1, description="What its certificate is for; default: the host.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both or neither")
        return self

    def below(self, folder: Path) -> Self:
        """The same, with relative paths below a folder."""
        paths = {name: getattr(self, name) for name in ("authority", "certificate", "key")}
        return self.model_copy(update={name: folder / path for name, path in paths.items() if path is not None})


class Peer(BaseModel):
    """One application entity, how to reach it, and how gently to treat it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PeerName = Field(description="What rules, flows and commands call it.")
    ae_title: AETitle = Field(description="What it wants to be called by (called AE title).")
    host: Host = Field(description="Name or address.")
    port: int = Field(ge=1, le=65535)
    calling_ae_title: AETitle = Field("SLUICE", description="What we call ourselves; it must know us by this.")
    receiver_ae_title: AETitle | None = Field(
        None, description="What it calls our receiver, for C-MOVE; default: the calling AE title."
    )
    tls: CallTLS | None = Field(None, description="Call it by TLS, with these files; default: without.")
    note: str = Field("", description="What it is for, for people.")
    connect_timeout_seconds: float = Field(10.0, gt=0, description="For the connection and the association.")
    answer_timeout_seconds: float = Field(60.0, gt=0, description="Longest silence while we wait for an answer.")
    studies_per_minute: float | None = Field(None, gt=0, description="Limit of a pull.")
    objects_per_second: float | None = Field(None, gt=0, description="Limit of a pull.")
    between: WrittenHours | None = Field(None, description="Hours of the site's day in which a pull may ask.")

    @property
    def move_destination(self) -> str:
        """The AE title that a C-MOVE names."""
        return self.receiver_ae_title or self.calling_ae_title


class Peers(BaseModel):
    """All peers of a site by name: whom we call, and who may call us; one may be both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    peers: dict[str, Peer] = Field({}, description="Those that we can call.")
    senders: dict[str, Sender] = Field({}, description="Those that may call us.")
    receiver: Receiving = Receiving()

    @classmethod
    def load(cls, home: Path) -> Self:
        """Read `home/peers.yaml`, where `home` is the trusted home; a missing file means no peers.

        Raises:
            PeersFileError: the file is no YAML mapping, or a key is unknown, missing or has an impossible value.
        """
        file = Path(home) / "peers.yaml"
        return cls.read(file) if file.exists() else cls()

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file of peers.

        Raises:
            PeersFileError: as for `load`, or there is no such file.
        """
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PeersFileError(f"{file} cannot be used: {cause(error, _SHAPE)}.") from error
        found = cls.parse(text, str(file))
        folder = file.resolve().parent
        called = {
            name: peer if peer.tls is None else peer.model_copy(update={"tls": peer.tls.below(folder)})
            for name, peer in found.peers.items()
        }
        return found.model_copy(update={"peers": called})

    @classmethod
    def parse(cls, text: str, called: str) -> Self:
        """Make peers of the text of a file, which the message calls `called`.

        Raises:
            PeersFileError: as for `load`. Every fault is named with its line.
        """
        from processors.peers_file import parse

        try:
            parsed = parse(text)
        except _UNREADABLE as error:
            raise PeersFileError(f"{called} cannot be used: {cause(error, _SHAPE)}.") from error
        if parsed.faults:
            raise PeersFileError(f"{called} cannot be used: {'; '.join(parsed.faults)}.")
        return cls(peers=parsed.peers, senders=parsed.senders, receiver=parsed.receiver)

    def get(self, name: str) -> Peer:
        """One peer.

        Raises:
            UnknownPeerError: there is none of that name.
        """
        if name not in self.peers:
            known = ", ".join(sorted(self.peers)) or "none"
            raise UnknownPeerError(f"There is no peer {name!r}; peers.yaml names: {known}.")
        return self.peers[name]
