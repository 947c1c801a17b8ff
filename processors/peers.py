"""The PACS and archives that this site talks to: one `peers.yaml` in the trusted home, read once by each process.

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
```
"""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from processors.errors import PeersFileError, UnknownPeerError
from processors.hours import WrittenHours
from processors.settings_file import cause

_SHAPE = "it is no mapping of names to peers"


def ae_title(written: str) -> str:
    """An AE title as PS3.5 6.2 allows it, without outer blanks.

    Raises:
        ValueError: it is none.
    """
    title = written.strip()
    if not 0 < len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return title


AETitle = Annotated[str, AfterValidator(ae_title)]
PeerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class Peer(BaseModel):
    """One application entity, how to reach it, and how gently to treat it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PeerName = Field(description="What rules, flows and commands call it.")
    ae_title: AETitle = Field(description="What it wants to be called by (called AE title).")
    host: str = Field(min_length=1, description="Name or address.")
    port: int = Field(ge=1, le=65535)
    calling_ae_title: AETitle = Field("SLUICE", description="What we call ourselves; it must know us by this.")
    receiver_ae_title: AETitle | None = Field(
        None, description="What it calls our receiver, for C-MOVE; default: the calling AE title."
    )
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
    """All peers of a site by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    peers: dict[str, Peer] = {}

    @classmethod
    def load(cls, home: Path) -> Self:
        """Read `home/peers.yaml`, where `home` is the trusted home; a missing file means no peers.

        Raises:
            PeersFileError: the file is no YAML mapping, or a key is unknown, missing or has an impossible value.
        """
        file = Path(home) / "peers.yaml"
        try:
            written = (yaml.safe_load(file.read_text("utf-8")) if file.exists() else None) or {}
            named = {str(name): {**entry, "name": str(name)} for name, entry in (written.get("peers") or {}).items()}
            return cls.model_validate({**written, "peers": named})
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError, ValidationError) as error:
            raise PeersFileError(f"{file} cannot be used: {cause(error, _SHAPE)}.") from error

    def get(self, name: str) -> Peer:
        """One peer.

        Raises:
            UnknownPeerError: there is none of that name.
        """
        if name not in self.peers:
            known = ", ".join(sorted(self.peers)) or "none"
            raise UnknownPeerError(f"There is no peer {name!r}; peers.yaml names: {known}.")
        return self.peers[name]
